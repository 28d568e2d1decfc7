#include "remediate/run_report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "net/text.hpp"
#include "remediate/platform_words.hpp"
#include "remediate/projection.hpp"
#include "remediate/run.hpp"

namespace aggmedic::remediate {
namespace {

using std::chrono::duration_cast;
using std::chrono::seconds;

seconds estimate(const Plan& plan, const Action& action) {
    switch (action.step) {
        case Step::check:
            return seconds(1 + static_cast<int>(plan.masters.size() + plan.untouched.size()));
        case Step::process:
        case Step::process_back: {
            const auto* master = find_master(plan, action.master);
            return seconds(master != nullptr ? master->gap_seconds : 0);
        }
        case Step::ready:
        case Step::ready_back:
            return seconds(5) + duration_cast<seconds>(plan.readyz_hold);
        case Step::after_repair:
            return plan.after_repair.empty() ? seconds(0) : seconds(20);
        case Step::settle:
            return duration_cast<seconds>(plan.settle);
        case Step::kept:
            return duration_cast<seconds>(kept_last(plan));
        case Step::withdrawn:
            return duration_cast<seconds>(plan.withdrawn_watch);
        case Step::verify:
            return seconds(5);
        default:
            return seconds(1);
    }
}

std::string describe_master(const Plan& plan, const MasterPlan& master, MasterState state, const std::string& run) {
    switch (state) {
        case MasterState::untouched:
            return master.name + " is as before.";
        case MasterState::restored:
            return master.name + " was taken back: old bytes, old arguments, ready.";
        case MasterState::repaired:
            return master.name + " is repaired.";
        case MasterState::restarted:
            return master.name + " holds the bytes that this run wrote and runs with them, and was left so.";
        case MasterState::patched:
        case MasterState::unknown:
            break;
    }
    return fmt::format(
        "{} is in doubt: look at {} (old digest {:.12}, new {:.12}) and at its process. To take it back by hand: mv "
        "{} {} if that "
        "file is there{}; remove that file in any case.",
        master.name, master.resolved, master.sha256_before, master.sha256_after,
        kept_bytes(plan.platform, master.resolved, run), master.resolved,
        plan.platform == "kubeadm" ? "; the kubelet does the rest" : ", then " + restart_words(plan.platform));
}

std::string permanent_words(const Plan& plan) {
    if (plan.permanent.empty())
        return permanent_command(plan) + " makes it permanent: a recreated VM comes back without it";
    std::string text;
    for (const auto& line : plan.permanent) text += (text.empty() ? "" : " ") + line;
    return text;
}

// After a run that needs a person: forward and back.
std::string way_on(const Plan& plan, const RunWalk& walk, const std::string& run) {
    std::string forward = command_to_plan(plan) + " to go on with what is left";
    if (!plan.reverts.empty()) return forward;
    const bool all_repaired = std::ranges::all_of(
        plan.masters, [&](const MasterPlan& master) { return walk.state_of(master.name) == MasterState::repaired; });
    if (plan.method == "args")
        forward = all_repaired ? "aggmedic explain " + plan.cluster + " (every master is repaired)"
                               : "aggmedic apply --resume " + run + " to go on with what is left";
    return forward + ", or aggmedic revert " + run + " to take it back";
}

}  // namespace

std::string command_to_plan(const Plan& plan) {
    return plan.reverts.empty() ? "aggmedic plan " + plan.cluster : "aggmedic revert " + plan.reverts;
}

std::chrono::seconds estimate_left(const Plan& plan, const RunWalk& walk) {
    seconds left{0};
    for (const auto& action : walk.remaining()) left += estimate(plan, action);
    return left;
}

std::string describe_next(const Plan& plan, const RunWalk& walk, RunOutcome outcome, const std::string& run) {
    const auto& cluster = plan.cluster;
    switch (outcome) {
        case RunOutcome::applied:
            if (plan.method == "configmap")
                return permanent_command(plan) +
                       " makes it permanent: until then no arguments account for the name, and aggmedic check says so. "
                       "aggmedic revert " +
                       run + " takes it back";
            return permanent_words(plan);
        case RunOutcome::healed:
            return "aggmedic apply --resume " + run +
                   " for the masters that are left, in a window of your choice (aggmedic plan " + cluster +
                   " shows them)";
        case RunOutcome::refused:
            if (!plan.reverts.empty()) return command_to_plan(plan) + " plans it anew";
            [[fallthrough]];
        case RunOutcome::rolled_back:
            return "aggmedic explain " + cluster + ", then aggmedic plan " + cluster;
        case RunOutcome::needs_person:
            break;
    }
    std::string text = way_on(plan, walk, run);
    text += "; aggmedic runs " + run + " shows every step.";
    const auto method = method_from(plan.method).value_or(Method::args);
    for (const auto& master : plan.masters)
        text += " " + describe_master(plan, master, told(method, walk.state_of(master.name)), run);
    return text;
}

nlohmann::json to_json(const RunResult& result) {
    using nlohmann::json;
    const auto steps_of = [&](const std::string& master) {
        json steps = json::array();
        for (const auto& step : result.steps) {
            if (step.master != master) continue;
            json each{{"step", step.step},
                      {"outcome", step.outcome.empty() ? json(nullptr) : json(step.outcome)},
                      {"detail", printable(step.detail, 1024)},
                      {"started", to_rfc3339(step.intended)},
                      {"seconds", nullptr}};
            if (step.completed)
                each["seconds"] = static_cast<double>((*step.completed - step.intended).count()) / 1000.0;
            steps.push_back(std::move(each));
        }
        return steps;
    };
    json masters = json::array();
    for (const auto& [name, state] : result.masters) {
        masters.push_back({{"name", name}, {"state", state}, {"steps", steps_of(name)}});
    }
    const auto& record = result.record;
    return {{"run", record.id},
            {"plan", record.plan_id},
            {"cluster", record.cluster},
            {"outcome", record.outcome.empty() ? json(nullptr) : json(record.outcome)},
            {"why", printable(record.why, 4096)},
            {"next", printable(record.next, 8192)},
            {"trigger", record.trigger},
            {"uid", record.uid},
            {"reason", printable(record.reason, 1024)},
            {"canary_only", record.canary_only},
            {"started", to_rfc3339(record.started)},
            {"finished", record.finished ? json(to_rfc3339(*record.finished)) : json(nullptr)},
            {"masters", std::move(masters)},
            {"steps", steps_of({})}};
}

}  // namespace aggmedic::remediate
