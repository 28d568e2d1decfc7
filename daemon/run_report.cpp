#include "daemon/run_report.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "net/text.hpp"
#include "net/time.hpp"
#include "remediate/replay.hpp"

namespace aggmedic::daemon {
namespace {

using nlohmann::json;
using remediate::MasterState;
using remediate::Plan;
using remediate::RunRecord;
using remediate::Step;
using remediate::StepRecord;

json time_or_null(const std::optional<TimePoint>& time) {
    return time ? json(to_rfc3339(*time)) : json();
}

bool is_touching(Step step) {
    return step == Step::swap || step == Step::restart || step == Step::restore || step == Step::restart_back;
}

// What the journal says of each master, in the plan's order.
std::vector<std::pair<std::string, std::string>> states_of(const RunRecord& record,
                                                           const std::vector<StepRecord>& steps, const Plan& plan) {
    const auto options = remediate::walk_options(plan, record.canary_only);
    const auto replayed = remediate::replay(options, steps);
    // Of a run that ended in the middle of an undo (stranded_run.hpp) nobody knows how far that master came.
    const auto left_at = replayed && !record.outcome.empty() ? replayed->walk.next() : std::nullopt;
    std::vector<std::pair<std::string, std::string>> states;
    for (const auto& master : options.all_masters) {
        // Steps that fit no walk of the plan tell nothing certain of a master that has any.
        const bool has_steps = std::ranges::find(steps, master, &StepRecord::master) != steps.end();
        auto state = has_steps ? MasterState::unknown : MasterState::untouched;
        if (replayed) state = replayed->walk.state_of(master);
        if (replayed && replayed->in_flight && replayed->in_flight->master == master &&
            is_touching(remediate::step_from(replayed->in_flight->step).value_or(Step::lock)))
            state = MasterState::unknown;
        if (left_at && left_at->master == master && remediate::is_undo(left_at->step)) state = MasterState::unknown;
        states.emplace_back(master, remediate::name(remediate::told(options.method, state)));
    }
    return states;
}

std::vector<std::pair<std::string, std::string>> states_without_plan(const std::vector<StepRecord>& steps) {
    std::vector<std::pair<std::string, std::string>> states;
    for (const auto& step : steps) {
        const bool is_known = std::ranges::any_of(states, [&](const auto& each) { return each.first == step.master; });
        if (!step.master.empty() && !is_known) states.emplace_back(step.master, remediate::name(MasterState::unknown));
    }
    return states;
}

json json_of(const StepRecord& step) {
    json value{
        {"step", step.step}, {"outcome", step.outcome.empty() ? json() : json(step.outcome)}, {"seconds", nullptr}};
    if (step.completed) {
        const std::chrono::duration<double> took = *step.completed - step.intended;
        value["seconds"] = took.count();
    }
    return value;
}

}  // namespace

json json_of(const remediate::RunRecord& record) {
    return {{"run", record.id},
            {"plan", record.plan_id},
            {"cluster", record.cluster},
            {"trigger", record.trigger},
            {"uid", record.uid},
            {"reason", printable(record.reason)},
            {"canary_only", record.canary_only},
            {"started", to_rfc3339(record.started)},
            {"finished", time_or_null(record.finished)},
            {"outcome", record.outcome.empty() ? json() : json(record.outcome)},
            {"why", printable(record.why, 2048)},
            {"next", record.next}};
}

json report_of(const RunRecord& record, const std::vector<StepRecord>& steps, const std::optional<Plan>& plan) {
    json masters = json::array(), all = json::array();
    for (const auto& [name, state] : plan ? states_of(record, steps, *plan) : states_without_plan(steps)) {
        json own = json::array();
        for (const auto& step : steps) {
            if (step.master == name) own.push_back(json_of(step));
        }
        masters.push_back({{"name", name}, {"state", state}, {"steps", std::move(own)}});
    }
    for (const auto& step : steps) {
        auto line = json_of(step);
        line["master"] = step.master;
        line["at"] = to_rfc3339(step.intended);
        line["detail"] = printable(step.detail, 2048);
        all.push_back(std::move(line));
    }
    return {{"run", record.id},
            {"plan", record.plan_id},
            {"cluster", record.cluster},
            {"outcome", record.outcome.empty() ? json() : json(record.outcome)},
            {"why", printable(record.why, 2048)},
            {"masters", masters},
            {"steps", all},
            {"next", record.next}};
}

}  // namespace aggmedic::daemon
