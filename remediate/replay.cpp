#include "remediate/replay.hpp"

#include <utility>
#include <vector>

namespace aggmedic::remediate {
namespace {

bool is_next(const RunWalk& walk, const StepRecord& record) {
    const auto action = walk.next();
    return action && name(action->step) == record.step && action->master == record.master;
}

std::optional<RunWalk> after(RunWalk walk, StepOutcome outcome, const StepRecord& following) {
    if (!walk.next()) return std::nullopt;
    walk.completed(outcome, "it was not journaled");
    if (!is_next(walk, following)) return std::nullopt;
    return walk;
}

// The walk before `record`, also when a step before it failed for want of a journal.
std::optional<RunWalk> reach(const RunWalk& walk, const StepRecord& record) {
    if (is_next(walk, record)) return walk;
    return after(walk, StepOutcome::failed, record);
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
        if (record.step == name(Step::after_repair) && record.detail.contains("pods were restarted"))
            result.pods_were_restarted = true;
        if (const auto outcome = step_outcome_from(record.outcome)) {
            result.walk.completed(*outcome, record.detail);
        } else if (at + 1 == records.size()) {
            result.in_flight = record;
        } else if (auto went_well = after(result.walk, StepOutcome::ok, records[at + 1])) {
            result.walk = std::move(*went_well);
        } else {
            result.walk.completed(StepOutcome::failed, "its outcome was not journaled");
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
