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

// The walks before `record`, also over steps that the journal could not take: a step forward that failed for it, and
// the undo that went on without it. The one that takes less for certain comes first.
void find_ways(const RunWalk& walk, const StepRecord& record, std::vector<RunWalk>& ways) {
    if (is_next(walk, record)) return ways.push_back(walk);
    const auto action = walk.next();
    if (!action) return;
    for (const auto outcome : outcomes_without_record(action->step)) {
        RunWalk ahead = walk;
        ahead.completed(outcome, "it was not journaled");
        find_ways(ahead, record, ways);
    }
}

// What a step that was at least begun says beside its outcome.
void take_note(Replay& replay, const StepRecord& record) {
    if (record.step == name(Step::restart) || record.step == name(Step::restart_back)) replay.restart_was_asked = true;
    if (record.step == name(Step::add_name) || record.step == name(Step::withdraw)) replay.list_was_changed = true;
    if (record.step == name(Step::after_repair) && record.detail.contains(pods_restarted))
        replay.pods_were_restarted = record.detail;
}

// A search, since a gap in the journal can be read in several ways and only what comes later tells them apart: the
// first reading that all records fit.
class Search {
  public:
    Search(std::span<const StepRecord> records, std::size_t abort_at) : records_(records), abort_at_(abort_at) {}

    std::optional<Replay> from(Replay state, std::size_t at) {
        for (; at < records_.size(); ++at) {
            if (--readings_left_ < 0) return std::nullopt;
            const auto& record = records_[at];
            if (at == abort_at_) state.walk.abort(StoppedBy::end_of_daemon);
            std::vector<RunWalk> ways;
            find_ways(state.walk, record, ways);
            if (ways.empty()) return std::nullopt;
            take_note(state, record);
            const auto outcome = step_outcome_from(record.outcome);
            if (!outcome && at + 1 == records_.size()) {
                state.in_flight = record;
                state.walk = std::move(ways.front());
            } else if (outcome && ways.size() == 1) {
                state.walk = std::move(ways.front());
                state.walk.completed(*outcome, record.detail);
            } else {
                return branch(state, at, ways);
            }
        }
        return state;
    }

  private:
    std::optional<Replay> branch(const Replay& state, std::size_t at, const std::vector<RunWalk>& ways) {
        const auto& record = records_[at];
        const auto known = step_outcome_from(record.outcome);
        for (const auto& way : ways) {
            for (const auto outcome : if_open) {
                if (known && outcome != *known) continue;
                Replay ahead = state;
                ahead.walk = way;
                ahead.walk.completed(outcome, known ? record.detail : "its outcome was not journaled");
                if (auto found = from(std::move(ahead), at + 1)) return found;
            }
        }
        return std::nullopt;
    }

    std::span<const StepRecord> records_;
    std::size_t abort_at_;
    int readings_left_ = 20'000;  // no journal of ours needs a tenth; a damaged one must not take for ever
};

}  // namespace

WalkOptions walk_options(const Plan& plan, bool canary_only) {
    WalkOptions options{.masters = {},
                        .all_masters = {},
                        .canary_only = canary_only,
                        .method = method_from(plan.method).value_or(Method::args),
                        .withdraws = plan.withdraws};
    for (const auto& master : plan.masters) options.masters.push_back(master.name);
    options.all_masters = options.masters;
    for (const auto& master : plan.untouched) options.all_masters.push_back(master.name);
    return options;
}

std::optional<Replay> replay(const WalkOptions& options, std::span<const StepRecord> records) {
    const Replay begin{.walk = RunWalk(options), .in_flight = {}};
    // Without an abort first; then as if one had come before the last step, the one before it, and so on.
    if (auto result = Search(records, records.size()).from(begin, 0)) return result;
    for (std::size_t at = records.size(); at-- > 0;) {
        if (auto result = Search(records, at).from(begin, 0)) return result;
    }
    return std::nullopt;
}

}  // namespace aggmedic::remediate
