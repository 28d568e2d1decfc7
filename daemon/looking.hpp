#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "daemon/config.hpp"
#include "daemon/limiter.hpp"
#include "net/remote_host.hpp"
#include "probes/look.hpp"
#include "probes/observe.hpp"

// How this program sees a cluster: over HTTPS, and the masters over SSH.
namespace aggmedic::daemon {

using Looks = std::map<std::string, Result<probes::Look>>;  // by master
using Told = std::function<void(const std::string&)>;       // what is going on, in words

// The masters one beside the other, each with its deadline; each dials `backends`. `places` bounds the sessions of the
// whole program.
asio::awaitable<Looks> look_at_masters(HostConnector& connector, Limiter& places,
                                       std::shared_ptr<const ClusterConfig> cluster, std::vector<std::string> masters,
                                       std::vector<probes::BackendPlace> backends);

struct View {
    probes::Observation observation;
    std::map<std::string, std::vector<probes::SourceFile>> sources;  // may hold secrets: only for the plan
};

// What a person asks for, or a run between its steps: everything now, the masters too.
struct Looking {
    std::shared_ptr<const ClusterConfig> cluster;
    std::shared_ptr<probes::ClusterConnections> connections;
    ProbeConfig probe;
    HostConnector* connector = nullptr;  // none: no SSH
    Limiter* places = nullptr;
    Told told;
    bool blast_radius = false;   // wanted beside
    bool canary_timing = false;  // also at each place where the canary's timing tells something
};
asio::awaitable<View> look_at_everything(Looking looking);

// One cycle over HTTPS with the credentials as they are now; once more, within the same cycle, where an apiserver
// refused one that has been renewed meanwhile.
asio::awaitable<probes::Observation> observe_as_renewed(std::string cluster,
                                                        std::shared_ptr<probes::ClusterConnections> connections,
                                                        probes::ProbeSettings settings);

std::vector<std::string> master_names(const ClusterConfig& cluster);

TimePoint wall_clock();

}  // namespace aggmedic::daemon
