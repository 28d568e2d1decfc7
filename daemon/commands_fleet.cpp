#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>

#include "daemon/log.hpp"
#include "daemon/program.hpp"
#include "probes/finding.hpp"

namespace aggmedic::daemon {
namespace {

using nlohmann::json;
using remediate::Journal;

constexpr std::size_t plans_shown_max = 200;

json short_json(const probes::RaisedCause& raised) {
    const auto whole = probes::to_json(raised);
    json value;
    for (const char* key : {"cause", "severity", "master", "apiservice", "masters", "apiservices", "since"})
        value[key] = whole.value(key, json());
    return value;
}

json suspension_json(const remediate::Holds& holds) {
    if (!holds.suspension) return nullptr;
    return {{"since", to_rfc3339(holds.suspension->at)}, {"why", holds.suspension->why}};
}

}  // namespace

std::string_view state_of(const ClusterWatch& watch, milliseconds interval) {
    if (!watch.assessment()) return "unknown";
    const auto counts = [](const probes::Finding& finding) {
        return finding.severity != probes::Severity::info && finding.finding_class == probes::FindingClass::fault;
    };
    const auto is_fault = [&](const probes::RaisedCause& raised) { return counts(raised.finding); };
    if (std::ranges::any_of(watch.findings(), is_fault)) return "findings";
    const auto& last = *watch.assessment();
    const bool is_fresh = std::chrono::system_clock::now() - last.at < 3 * interval + std::chrono::minutes(1);
    // Optional evidence that is missing hides some causes, and makes nothing unknown.
    const auto blinds = [](const probes::UnobservedFact& fact) { return fact.causes.empty(); };
    const bool is_clean = std::ranges::none_of(last.unobserved, blinds) && std::ranges::none_of(last.findings, counts);
    return is_fresh && is_clean ? "healthy" : "unknown";
}

json Program::status_of(const ClusterConfig& cluster) const {
    const auto& name = cluster.target.name;
    json value{{"name", name},
               {"state", "unknown"},
               {"kubernetes", nullptr},
               {"findings", json::array()},
               {"unobserved", 0},
               {"last_observation", nullptr},
               {"run", nullptr},
               {"paused", is_paused(name)},
               {"repair", repair_of(name)}};
    if (const auto run = runs_.going_on(name)) value["run"] = run->record.id;
    const auto watched = watched_.find(name);
    if (watched == watched_.end()) return value;
    const auto& watch = *watched->second.watch;
    value["state"] = state_of(watch, config_.probe.interval);
    for (const auto& finding : watch.findings()) value["findings"].push_back(short_json(finding));
    if (!watch.assessment()) return value;
    const auto& assessment = *watch.assessment();
    if (!assessment.kubernetes.empty()) value["kubernetes"] = assessment.kubernetes;
    value["unobserved"] = assessment.unobserved.size();
    value["last_observation"] = to_rfc3339(assessment.at);
    return value;
}

Reply Program::status() const {
    json clusters = json::array();
    for (const auto& cluster : clusters_) clusters.push_back(status_of(*cluster));
    const bool fleet_paused = holds_.pause_of({}) != nullptr;
    return {.exit_status = exit_status::good,
            .error = {},
            .result = {{"paused", fleet_paused},
                       {"suspended", suspension_json(holds_)},
                       {"mode", config_.remediation.mode},
                       {"version", AGGMEDIC_VERSION},
                       {"clusters", std::move(clusters)}}};
}

Reply Program::findings() const {
    json list = json::array();
    for (const auto& cluster : clusters_) {
        const auto watched = watched_.find(cluster->target.name);
        if (watched == watched_.end()) continue;
        for (const auto& finding : watched->second.watch->findings()) {
            auto value = probes::to_json(finding);
            value["cluster"] = cluster->target.name;
            list.push_back(std::move(value));
        }
    }
    return {.exit_status = exit_status::good, .error = {}, .result = {{"findings", std::move(list)}}};
}

asio::awaitable<Reply> Program::plans() {
    const auto plans = co_await in_journal([](Journal& journal) { return journal.plans("", plans_shown_max); });
    if (!plans) co_return failed(exit_status::usage, plans.error().detail);
    json list = json::array();
    for (const auto& plan : *plans) {
        json masters = json::array();
        for (const auto& master : plan.masters) masters.push_back(master.name);
        list.push_back({{"id", plan.id},
                        {"cluster", plan.cluster},
                        {"method", plan.method},
                        {"created", to_rfc3339(plan.created)},
                        {"expires", to_rfc3339(plan.expires)},
                        {"masters", std::move(masters)}});
    }
    co_return Reply{.exit_status = exit_status::good, .error = {}, .result = {{"plans", std::move(list)}}};
}

// Another process may have paused: the journal decides, what is kept here is for metrics and status.
asio::awaitable<Result<void>> Program::read_holds() {
    auto holds = co_await in_journal([](Journal& journal) { return journal.holds(); });
    if (!holds) co_return std::unexpected(holds.error());
    holds_ = std::move(*holds);
    co_return Result<void>();
}

asio::awaitable<Reply> Program::pause(Request request, bool paused) {
    const auto selected = select(request.clusters);
    if (!selected) co_return failed(exit_status::usage, selected.error().detail);
    auto names = request.clusters;
    if (names.empty()) names.emplace_back();  // the fleet
    for (const auto& name : names) {
        const remediate::Pause asked{.cluster = name, .uid = request.uid, .at = wall_clock(), .reason = request.reason};
        const auto done = co_await in_journal([asked, paused](Journal& journal) {
            return paused ? journal.pause(asked) : journal.resume(asked.cluster, asked.at);
        });
        if (!done) co_return failed(exit_status::usage, done.error().detail);
        co_await note({.uid = request.uid,
                       .action = paused ? "pause" : "resume",
                       .cluster = name.empty() ? "(all)" : name,
                       .text = request.reason});
        log_warning(paused ? "repairs are paused" : "repairs are allowed again",
                    {{"cluster", name}, {"uid", std::to_string(request.uid)}, {"reason", request.reason}});
    }
    if (const auto read = co_await read_holds(); !read) co_return failed(exit_status::usage, read.error().detail);
    json names_paused = json::array();
    for (const auto& pause : holds_.pauses) names_paused.push_back(pause.cluster);
    co_return Reply{.exit_status = exit_status::good, .error = {}, .result = {{"paused", std::move(names_paused)}}};
}

}  // namespace aggmedic::daemon
