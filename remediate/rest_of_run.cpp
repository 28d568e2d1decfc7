#include "remediate/rest_of_run.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace aggmedic::remediate {
namespace {

template <class Masters>
auto named(const Masters& masters, const std::string& name) {
    return std::ranges::find(masters, name, [](const auto& master) { return master.name; });
}

bool is_same_change(const MasterPlan& one, const MasterPlan& other) {
    return one.resolved == other.resolved && one.sha256_before == other.sha256_before &&
           one.sha256_after == other.sha256_after && one.argument_before == other.argument_before &&
           one.argument_after == other.argument_after;
}

}  // namespace

std::string why_not_resumed(const RunRecord& run, const Plan& approved) {
    const auto outcome = run_outcome_from(run.outcome);
    if (!outcome)
        return fmt::format(
            "run {} has not ended: aggmedic runs {} --follow shows it, and when it has ended there may be a rest",
            run.id, run.id);
    if (!approved.reverts.empty())
        return fmt::format("run {} took back run {}: aggmedic revert {} plans what is left of that", run.id,
                           approved.reverts, approved.reverts);
    if (approved.method != "args")
        return fmt::format("run {} touched no master, so no master is left of it: aggmedic plan {}", run.id,
                           run.cluster);
    switch (*outcome) {
        case RunOutcome::healed:
        case RunOutcome::needs_person:
            return {};
        case RunOutcome::applied:
            return fmt::format("run {} is complete: every master was repaired and verified", run.id);
        case RunOutcome::rolled_back:
        case RunOutcome::refused:
            break;
    }
    return fmt::format("run {} changed nothing that stayed ({}), so there is nothing to go on from: aggmedic plan {}",
                       run.id, run.outcome, run.cluster);
}

std::string why_not_the_rest(const Plan& rest, const RunRecord& run, const Plan& approved) {
    const auto differs = [&](const std::string& what) {
        return fmt::format("{}; that is not the rest of run {}. aggmedic plan {} shows what would be changed now", what,
                           run.id, run.cluster);
    };
    if (rest.refused())
        return fmt::format("{}: {} (aggmedic plan {} names every refusal)", rest.refusals.front().gate,
                           rest.refusals.front().reason, run.cluster);
    if (rest.empty())
        return fmt::format(
            "nothing is left of run {}: every master runs with the name and every aggregated API answers", run.id);
    if (rest.method != approved.method || rest.common_name != approved.common_name)
        return differs(
            fmt::format("{} is to be added now, and {} was approved", rest.common_name, approved.common_name));
    for (const auto& master : rest.masters) {
        const auto was = named(approved.masters, master.name);
        if (was == approved.masters.end())
            return differs(master.name + " would be changed, and was not in the plan that was approved");
        if (!is_same_change(master, *was))
            return differs(master.name + " holds other bytes than those that were approved to be changed");
    }
    for (const auto& master : approved.masters) {
        if (named(rest.masters, master.name) != rest.masters.end()) continue;
        const auto now = named(rest.untouched, master.name);
        if (now == rest.untouched.end()) return differs(master.name + " is not configured any more");
        if (now->sha256 != master.sha256_after) return differs(master.name + " does not hold what the run wrote");
    }
    return {};
}

}  // namespace aggmedic::remediate
