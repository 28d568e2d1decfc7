#include "daemon/automatic_repair.hpp"

#include <algorithm>

#include "remediate/guard.hpp"
#include "remediate/start_guard.hpp"

namespace aggmedic::daemon {
namespace {

bool is_standing(const probes::Assessment& assessment, const std::vector<probes::RaisedCause>& raised) {
    return std::ranges::any_of(assessment.findings, [&](const probes::Finding& finding) {
        const auto same_cause = [&](const probes::RaisedCause& cause) { return cause.finding.cause == finding.cause; };
        return remediate::is_repairable(finding) && std::ranges::any_of(raised, same_cause);
    });
}

}  // namespace

void fold_cycle(AutomaticRepair& repair, const probes::Assessment& assessment, const probes::Observation& observation,
                const std::vector<probes::RaisedCause>& raised, TimePoint now) {
    repair.changes.fold(observation, now);
    if (is_standing(assessment, raised)) {
        ++repair.held_cycles;
        return;
    }
    repair.held_cycles = 0;
    repair.plan.reset();
    repair.plan_refusals.clear();
    repair.start_refusals.clear();
}

RepairStep next_step(const AutomaticRepair& repair, std::string_view mode, bool paused, int hold_cycles,
                     TimePoint now) {
    if (mode != "approve" && mode != "auto") return RepairStep::nothing;
    if (repair.is_busy || paused || repair.held_cycles < hold_cycles) return RepairStep::nothing;
    if (!repair.plan || repair.plan->expires <= now)
        return repair.plan_not_before <= now ? RepairStep::make_plan : RepairStep::nothing;
    return mode == "auto" ? RepairStep::ask_guards : RepairStep::nothing;
}

Result<std::optional<Repaired>> find_repaired(
    const std::vector<remediate::RunRecord>& runs,
    const std::function<Result<std::optional<remediate::Plan>>(const std::string&)>& plan_of) {
    for (const auto& run : runs) {
        if (run.outcome == "refused") continue;
        auto plan = plan_of(run.plan_id);
        if (!plan) return std::unexpected(plan.error());
        if (!*plan || !(*plan)->reverts.empty()) break;  // without its plan it may be a revert
        if (!remediate::ended_well(run)) continue;
        const auto all = (*plan)->masters.size();
        return Repaired{.plan = std::move(**plan), .masters = run.canary_only ? 1 : all};
    }
    return std::optional<Repaired>();
}

std::optional<TimePoint> broken_since(const probes::History& history) {
    std::optional<TimePoint> newest;
    for (const auto& [key, tracked] : history.findings) {
        const auto& finding = tracked.finding;
        if (!tracked.raised || finding.severity == probes::Severity::info) continue;
        if (finding.finding_class != probes::FindingClass::fault) continue;
        if (!newest || *newest < tracked.first_seen) newest = tracked.first_seen;
    }
    return newest;
}

milliseconds expected_duration(const remediate::Plan& plan) {
    milliseconds time{0};
    for (const auto& master : plan.masters)
        time += std::chrono::seconds(master.gap_seconds) + plan.readyz_hold + plan.settle;
    return time;
}

bool same_refusals(const std::vector<remediate::Refusal>& one, const std::vector<remediate::Refusal>& other) {
    return std::ranges::equal(one, other, [](const auto& left, const auto& right) {
        return left.gate == right.gate && left.subject == right.subject;
    });
}

std::string named(const std::vector<remediate::Refusal>& refusals) {
    std::string names;
    for (const auto& refusal : refusals) names += (names.empty() ? "" : ", ") + refusal.gate;
    return names;
}

}  // namespace aggmedic::daemon
