#include "daemon/looking.hpp"

#include <fmt/format.h>

#include "daemon/configured_access.hpp"
#include "daemon/log.hpp"
#include "probes/exchange.hpp"
#include "probes/platform.hpp"
#include "probes/redaction.hpp"
#include "probes/time_canary.hpp"

namespace aggmedic::daemon {
namespace {

constexpr auto connect_time = std::chrono::seconds(15);

asio::awaitable<Result<probes::Look>> look_at(HostConnector& connector, const ClusterConfig& cluster,
                                              std::string master, std::vector<probes::BackendPlace> backends) {
    auto target = ssh_target_of(cluster, master);
    if (!target) co_return std::unexpected(target.error());
    auto host = co_await connector.connect(std::move(*target), connect_time);
    if (!host) co_return std::unexpected(host.error());
    co_return co_await probes::look_at_master(**host, master, cluster.target.platform, std::move(backends));
}

// `places` and `looks` belong to the caller, who waits for all of these.
asio::awaitable<void> look_into(HostConnector& connector, Limiter& places, const ClusterConfig& cluster,
                                std::string master, std::vector<probes::BackendPlace> backends, Looks& looks) {
    const auto place = co_await places.enter();
    auto look = co_await look_at(connector, cluster, master, std::move(backends));
    looks.insert_or_assign(std::move(master), std::move(look));
}

}  // namespace

TimePoint wall_clock() {
    return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
}

std::vector<std::string> master_names(const ClusterConfig& cluster) {
    std::vector<std::string> names;
    for (const auto& master : cluster.target.masters) names.push_back(master.name);
    return names;
}

asio::awaitable<Looks> look_at_masters(HostConnector& connector, Limiter& places,
                                       std::shared_ptr<const ClusterConfig> cluster, std::vector<std::string> masters,
                                       std::vector<probes::BackendPlace> backends) {
    Looks looks;
    std::vector<asio::awaitable<void>> work;
    for (const auto& master : masters) work.push_back(look_into(connector, places, *cluster, master, backends, looks));
    co_await probes::join(std::move(work));
    co_return looks;
}

asio::awaitable<probes::Observation> observe_as_renewed(std::string cluster,
                                                        std::shared_ptr<probes::ClusterConnections> connections,
                                                        probes::ProbeSettings settings) {
    const auto renewed = co_await probes::refresh_credentials(connections, false);
    if (!renewed) {
        log_warning("a credential cannot be read again; the last one is used",
                    {{"cluster", cluster}, {"error", renewed.error().detail}});
    }
    auto observation = co_await probes::observe_apiservers(connections, settings);
    if (!probes::is_credential_refused(observation)) co_return observation;
    const auto again = co_await probes::refresh_credentials(connections, true);
    if (!again || !*again) co_return observation;
    log_info("a renewed credential is used", {{"cluster", cluster}});
    settings.spread = std::chrono::milliseconds(0);
    co_return co_await probes::observe_apiservers(connections, settings);
}

namespace {

// What the masters that were read agree on; where they do not, or none was read, it is said by a name of its own.
std::string platform_of(const probes::Observation& observation) {
    std::string found;
    for (const auto& [name, master] : observation.masters) {
        if (!master) continue;
        if (!found.empty() && found != master->platform) return "mixed";
        found = master->platform;
    }
    return found.empty() ? std::string(probes::detected_platform) : found;
}

// One place after the other: side by side they would disturb each other.
asio::awaitable<void> time_everywhere(Looking looking, probes::Observation& observation) {
    probes::TimingSettings settings;
    settings.timeout = looking.probe.timeout;
    const auto places = probes::timing_places(observation, true);
    if (places.empty() && looking.told)
        looking.told(fmt::format("{}: the canary got a 404 nowhere, so there is nothing to time", observation.cluster));
    for (const auto& place : places) {
        if (looking.told)
            looking.told(fmt::format("{}: timing the canary at {}{}", observation.cluster, place.apiservice,
                                     place.master.empty() ? "" : " through " + place.master));
        auto timing = co_await probes::time_canary(looking.connections, place, settings);
        probes::attempts_at(observation, place)->timing = std::move(timing);
    }
}

}  // namespace

asio::awaitable<View> look_at_everything(Looking looking) {
    const auto tell = [&](const std::string& text) {
        if (looking.told) looking.told(text);
    };
    const auto& name = looking.cluster->target.name;
    tell(fmt::format("{}: asking every apiserver over HTTPS", name));
    probes::ProbeSettings settings;
    settings.timeout = looking.probe.timeout;
    settings.attempts = looking.probe.attempts;
    settings.blast_radius = looking.blast_radius;
    View view;
    view.observation = co_await observe_as_renewed(name, looking.connections, settings);
    if (looking.canary_timing) co_await time_everywhere(looking, view.observation);
    if (!looking.cluster->ssh || looking.connector == nullptr) {
        probes::take_out_secrets(view.observation);
        co_return view;
    }

    auto masters = master_names(*looking.cluster);
    tell(fmt::format("{}: looking at {} masters over SSH, read-only", name, masters.size()));
    auto backends = probes::backends_to_dial(view.observation);
    auto looks = co_await look_at_masters(*looking.connector, *looking.places, looking.cluster, std::move(masters),
                                          std::move(backends));
    for (auto& [master, look] : looks) {
        if (look) {
            view.sources[master] = std::move(look->sources);
            view.observation.masters[master] = std::move(look->view);
        } else {
            tell(fmt::format("{}: {} could not be looked at: {}", name, master, look.error().detail));
            view.observation.masters[master] = probes::unobserved(look.error());
        }
    }
    if (view.observation.platform == probes::detected_platform)
        view.observation.platform = platform_of(view.observation);
    probes::take_out_secrets(view.observation);
    view.observation.finished = wall_clock();
    co_return view;
}

}  // namespace aggmedic::daemon
