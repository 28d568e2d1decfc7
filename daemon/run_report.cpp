#include "daemon/run_report.hpp"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "net/text.hpp"
#include "net/time.hpp"

namespace aggmedic::daemon {
namespace {

using nlohmann::json;
using remediate::StepRecord;

json time_or_null(const std::optional<TimePoint>& time) {
    return time ? json(to_rfc3339(*time)) : json();
}

// What a master is known to be after this step, as far as the step changes it; empty: it does not.
std::string_view state_after(const StepRecord& step, bool is_revert) {
    static const std::map<std::string_view, std::string_view> states = {
        {"swap", "patched"},
        {"restart", "restarted"},
        {"healed", "repaired"},
        {"ready_back", "restored"},
    };
    // Of the revert of a run: the old arguments are what it brings.
    static const std::map<std::string_view, std::string_view> states_of_revert = {
        {"swap", "patched"},
        {"restart", "restarted"},
        {"aggregated", "restored"},
        {"ready_back", "repaired"},
    };
    static const std::map<std::string_view, std::string_view> touching = {
        {"swap", "unknown"}, {"restart", "unknown"}, {"restore", "unknown"}, {"restart_back", "unknown"}};
    if (step.step == "swap" && step.completed && step.outcome == "failed") return {};  // nothing was written
    const bool ok = step.completed && step.outcome == "ok";
    const auto& known = !ok ? touching : is_revert ? states_of_revert : states;
    const auto found = known.find(step.step);
    return found == known.end() ? std::string_view() : found->second;
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

json report_of(const remediate::RunRecord& record, const std::vector<StepRecord>& steps, bool is_revert) {
    json masters = json::array(), all = json::array();
    std::map<std::string, std::size_t> places;
    for (const auto& step : steps) {
        auto line = json_of(step);
        if (!step.master.empty()) {
            const auto [place, added] = places.try_emplace(step.master, masters.size());
            if (added) masters.push_back({{"name", step.master}, {"state", "untouched"}, {"steps", json::array()}});
            auto& master = masters[place->second];
            master["steps"].push_back(line);
            if (const auto state = state_after(step, is_revert); !state.empty()) master["state"] = state;
        }
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
