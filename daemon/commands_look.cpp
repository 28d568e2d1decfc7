#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "daemon/before_acting.hpp"
#include "daemon/bundle.hpp"
#include "daemon/moment.hpp"
#include "daemon/planning.hpp"
#include "daemon/program.hpp"
#include "net/text.hpp"
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
    return refusal.unknown || gates.contains(refusal.gate);
}

std::string_view state_of(const std::vector<remediate::Refusal>& refusals) {
    if (refusals.empty()) return "healthy";
    return std::ranges::all_of(refusals, is_blind) ? "unknown" : "findings";
}

}  // namespace

Looking Program::looking_at(std::shared_ptr<const ClusterConfig> cluster, ProgressSink progress, Asked asked) {
    Looking looking;
    looking.cluster = cluster;
    // Connections of its own: a person does not wait behind a cycle, and sees renewed serving certificates.
    looking.connections = probes::connect_cluster(executor_, cluster->target);
    looking.probe = config_.probe;
    looking.connector = reader_.get();
    looking.places = &look_places_;
    looking.blast_radius = asked.blast_radius;
    looking.canary_timing = asked.canary_timing;
    looking.told = [progress](const std::string& text) { progress({{"text", text}}); };
    return looking;
}

asio::awaitable<View> Program::look(std::shared_ptr<const ClusterConfig> cluster, ProgressSink progress, Asked asked) {
    co_return co_await look_at_everything(looking_at(std::move(cluster), std::move(progress), asked));
}

// What was seen, with what the cycles know beside it: a finding that they know is older than this moment.
Moment Program::moment_of(const ClusterConfig& cluster, probes::Observation observation) const {
    Moment moment;
    moment.observation = std::move(observation);
    moment.at = moment.observation.finished;
    moment.platform = moment.observation.platform;
    moment.plannable = cluster.ssh.has_value();
    const auto watched = watched_.find(cluster.target.name);
    if (watched == watched_.end()) return moment;
    const auto& history = watched->second.watch->history();
    for (const auto& [key, tracked] : history.findings) moment.since[key] = tracked.first_seen;
    for (const auto& raised : watched->second.watch->findings()) {
        if (raised.finding.cause != "intermittent") continue;
        for (const auto& apiservice : raised.apiservices) {
            const auto known = history.attempts.find(apiservice);
            if (known == history.attempts.end()) continue;
            moment.over_time.push_back(probes::intermittent_finding(apiservice, known->second));
        }
    }
    return moment;
}

asio::awaitable<void> Program::check_one(std::shared_ptr<const ClusterConfig> cluster, Asked asked,
                                         ProgressSink progress, json& result) {
    const auto place = co_await check_places_.enter();
    asked.blast_radius = true;
    auto view = co_await look(cluster, std::move(progress), asked);
    const auto known = watched_.find(cluster->target.name);
    if (known != watched_.end() && !asked.canary_timing)
        known->second.watch->timings().merge_into(view.observation, std::chrono::steady_clock::now());
    const auto moment = moment_of(*cluster, std::move(view.observation));
    result = asked.explain ? explained(moment) : checked(moment);
    const auto watched = watched_.find(cluster->target.name);
    if (watched != watched_.end()) watched->second.watch->keep(moment.observation);
}

// What was seen last, by a cycle or by a person; a look where nothing was seen yet.
asio::awaitable<Reply> Program::bundle(Request request, ProgressSink progress) {
    const auto selected = select(request.clusters);
    if (!selected) co_return failed(exit_status::usage, selected.error().detail);
    if (selected->size() != 1) co_return failed(exit_status::usage, "bundle needs the name of one cluster");
    const auto cluster = selected->front();
    const auto watched = watched_.find(cluster->target.name);
    const bool is_seen = watched != watched_.end() && watched->second.watch->newest();
    probes::Observation observation;
    if (is_seen) {
        observation = *watched->second.watch->newest();
    } else {
        auto view = co_await look(cluster, std::move(progress),
                                  {.explain = false, .canary_timing = false, .blast_radius = true});
        observation = std::move(view.observation);
    }
    const auto moment = moment_of(*cluster, std::move(observation));
    const auto packed = pack(moment);
    if (!packed) co_return failed(exit_status::usage, "the bundle cannot be made: " + packed.error().detail);
    const auto state = checked(moment).value("state", "unknown");
    const auto observed = to_rfc3339(moment.observation.finished);
    co_return Reply{.exit_status = exit_status::good,
                    .error = {},
                    .result = {{"cluster", cluster->target.name},
                               {"observed", observed},
                               {"state", state},
                               {"sha256", sha256_hex(*packed)},
                               {"archive", base64_encode(*packed)}}};
}

asio::awaitable<Reply> Program::check(Clusters clusters, Asked asked, ProgressSink progress) {
    std::vector<json> results(clusters.size());
    std::vector<asio::awaitable<void>> work;
    for (std::size_t index = 0; index < clusters.size(); ++index) {
        work.push_back(check_one(clusters[index], asked, progress, results[index]));
    }
    co_await probes::join(std::move(work));
    co_return reply_of(std::move(results));
}

asio::awaitable<void> Program::preflight_one(std::shared_ptr<const ClusterConfig> cluster, ProgressSink progress,
                                             json& result) {
    const auto place = co_await check_places_.enter();
    const auto looking = looking_at(cluster, std::move(progress), {});
    auto view = co_await look_at_everything(looking);
    std::vector<remediate::Refusal> refusals;
    if (cluster->ssh) {
        auto input = plan_input(*cluster, config_.remediation, std::move(view), "args", wall_clock());
        input.verify_requests.clear();  // they are about a repair
        co_await ask_before_acting(looking, input);
        refusals = remediate::preflight(input);
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
