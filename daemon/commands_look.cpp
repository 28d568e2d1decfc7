#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "daemon/explaining.hpp"
#include "daemon/planning.hpp"
#include "daemon/program.hpp"
#include "probes/diagnose.hpp"
#include "probes/exchange.hpp"
#include "probes/track.hpp"

namespace aggmedic::daemon {
namespace {

using nlohmann::json;

bool any_in_state(const std::vector<json>& results, std::string_view state) {
    return std::ranges::any_of(results, [&](const json& result) { return result.value("state", "") == state; });
}

// 1 wins over 3.
Reply reply_of(std::vector<json> results) {
    int status = exit_status::good;
    if (any_in_state(results, "unknown")) status = exit_status::unobserved;
    if (any_in_state(results, "findings")) status = exit_status::findings;
    return {.exit_status = status, .error = {}, .result = {{"clusters", std::move(results)}}};
}

// Gates that refuse because nothing could be seen, not because something is wrong.
bool is_blind(const remediate::Refusal& refusal) {
    static const std::set<std::string_view> gates = {"observation", "masters-listed", "master-seen", "facts-readable"};
    return gates.contains(refusal.gate);
}

std::string_view state_of(const std::vector<remediate::Refusal>& refusals) {
    if (refusals.empty()) return "healthy";
    return std::ranges::all_of(refusals, is_blind) ? "unknown" : "findings";
}

}  // namespace

asio::awaitable<View> Program::look(std::shared_ptr<const ClusterConfig> cluster, ProgressSink progress) {
    Looking looking;
    looking.cluster = cluster;
    // Connections of its own: a person does not wait behind a cycle, and sees renewed serving certificates.
    looking.connections = probes::connect_cluster(executor_, cluster->target);
    looking.probe = config_.probe;
    looking.connector = reader_.get();
    looking.places = &look_places_;
    looking.told = [progress](const std::string& text) { progress({{"text", text}}); };
    co_return co_await look_at_everything(std::move(looking));
}

// A finding that the cycles know is older than this moment.
void Program::add_since(probes::Assessment& assessment) const {
    const auto watched = watched_.find(assessment.cluster);
    if (watched == watched_.end()) return;
    const auto& known = watched->second.watch->history().findings;
    for (auto& finding : assessment.findings) {
        const auto found = known.find(probes::key(finding));
        if (found == known.end()) continue;
        const auto first = found->second.first_seen;
        finding.since = finding.since ? std::min(*finding.since, first) : first;
    }
}

asio::awaitable<void> Program::check_one(std::shared_ptr<const ClusterConfig> cluster, bool explain,
                                         ProgressSink progress, json& result) {
    const auto place = co_await check_places_.enter();
    const auto view = co_await look(cluster, std::move(progress));
    auto assessment = probes::diagnose(view.observation, wall_clock());
    add_since(assessment);
    result = probes::to_json(assessment);
    if (explain) add_explanation(result, *cluster, view.observation);
}

asio::awaitable<Reply> Program::check(Clusters clusters, bool explain, ProgressSink progress) {
    std::vector<json> results(clusters.size());
    std::vector<asio::awaitable<void>> work;
    for (std::size_t index = 0; index < clusters.size(); ++index) {
        work.push_back(check_one(clusters[index], explain, progress, results[index]));
    }
    co_await probes::join(std::move(work));
    co_return reply_of(std::move(results));
}

asio::awaitable<void> Program::preflight_one(std::shared_ptr<const ClusterConfig> cluster, ProgressSink progress,
                                             json& result) {
    const auto place = co_await check_places_.enter();
    auto view = co_await look(cluster, std::move(progress));
    std::vector<remediate::Refusal> refusals;
    if (cluster->ssh) {
        refusals =
            remediate::preflight(plan_input(*cluster, config_.remediation, std::move(view), "args", wall_clock()));
    } else {
        refusals.push_back(
            {.gate = "master-seen",
             .subject = cluster->target.name,
             .reason = "The masters cannot be looked at: this cluster has no masters and ssh in the configuration."});
    }
    result = {{"name", cluster->target.name}, {"state", state_of(refusals)}, {"refusals", json::array()}};
    for (const auto& refusal : refusals) {
        result["refusals"].push_back(
            {{"gate", refusal.gate}, {"subject", refusal.subject}, {"reason", refusal.reason}});
    }
}

asio::awaitable<Reply> Program::preflight(Clusters clusters, ProgressSink progress) {
    std::vector<json> results(clusters.size());
    std::vector<asio::awaitable<void>> work;
    for (std::size_t index = 0; index < clusters.size(); ++index) {
        work.push_back(preflight_one(clusters[index], progress, results[index]));
    }
    co_await probes::join(std::move(work));
    co_return reply_of(std::move(results));
}

}  // namespace aggmedic::daemon
