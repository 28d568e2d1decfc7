#include "remediate/replay.hpp"

#include <array>
#include <span>
#include <utility>
#include <vector>

namespace aggmedic::remediate {
namespace {

bool is_next(const RunWalk& walk, const StepRecord& record) {
    const auto action = walk.next();
    return action && name(action->step) == record.step && action->master == record.master;
}

constexpr StepOutcome failed = StepOutcome::failed, unknown = StepOutcome::unknown, ok = StepOutcome::ok;
constexpr std::array if_forward{failed};  // nothing forward happens without its record
constexpr std::array if_undone{unknown, ok};
constexpr std::array if_unlocked{unknown};
constexpr std::array if_open{unknown, failed, ok};

std::span<const StepOutcome> outcomes_without_record(Step step) {
    if (is_undo(step)) return if_undone;
    if (step == Step::unlock) return if_unlocked;
    return if_forward;
}

// The walk before `record`, also over steps that the journal could not take: a step forward that failed for it, and the
// undo that went on without it. Of two ways there the one that takes less for certain.
std::optional<RunWalk> reach(const RunWalk& walk, const StepRecord& record) {
    if (is_next(walk, record)) return walk;
    const auto action = walk.next();
    if (!action) return std::nullopt;
    for (const auto outcome : outcomes_without_record(action->step)) {
        RunWalk ahead = walk;
        ahead.completed(outcome, "it was not journaled");
        if (auto reached = reach(ahead, record)) return reached;
    }
    return std::nullopt;
}

// The walk after a step whose outcome was not journaled, by what follows it.
std::optional<RunWalk> after_open(const RunWalk& walk, const StepRecord& following) {
    for (const auto outcome : if_open) {
        RunWalk ahead = walk;
        ahead.completed(outcome, "its outcome was not journaled");
        if (auto reached = reach(ahead, following)) return reached;
    }
    return std::nullopt;
}

std::optional<Replay> replay_with_abort(const WalkOptions& options, std::span<const StepRecord> records,
                                        std::size_t abort_at) {
    Replay result{.walk = RunWalk(options), .in_flight = {}};
    for (std::size_t at = 0; at < records.size(); ++at) {
        const auto& record = records[at];
        if (at == abort_at) result.walk.abort();
        auto reached = reach(result.walk, record);
        if (!reached) return std::nullopt;
        result.walk = std::move(*reached);
        if (record.step == name(Step::restart) || record.step == name(Step::restart_back))
            result.restart_was_asked = true;
        if (record.step == name(Step::add_name) || record.step == name(Step::withdraw)) result.list_was_changed = true;
        if (record.step == name(Step::after_repair) && record.detail.contains("pods were restarted"))
            result.pods_were_restarted = true;
        if (const auto outcome = step_outcome_from(record.outcome)) {
            result.walk.completed(*outcome, record.detail);
        } else if (at + 1 == records.size()) {
            result.in_flight = record;
        } else if (auto went_on = after_open(result.walk, records[at + 1])) {
            result.walk = std::move(*went_on);
        } else {
            return std::nullopt;
        }
    }
    return result;
}

}  // namespace

std::optional<Replay> replay(const WalkOptions& options, std::span<const StepRecord> records) {
    // Without an abort first; then as if one had come before the last step, the one before it, and so on.
    if (auto result = replay_with_abort(options, records, records.size())) return result;
    for (std::size_t at = records.size(); at-- > 0;) {
        if (auto result = replay_with_abort(options, records, at)) return result;
    }
    return std::nullopt;
}

}  // namespace aggmedic::remediate
