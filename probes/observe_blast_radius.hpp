#pragma once

#include <boost/asio/awaitable.hpp>

#include "net/deadline.hpp"
#include "probes/cluster_connections.hpp"
#include "probes/observation.hpp"
#include "probes/observe.hpp"

namespace aggmedic::probes {

// Asks what the failing aggregated APIs cost elsewhere in the cluster, and fills `observation.blast_radius`; a cluster
// without a failing one is asked nothing. After the workloads (whose own pods are left out), one request after another,
// in pages, a few of each list, and never longer than `settings.timeout` altogether, nor after `end`.
asio::awaitable<void> observe_blast_radius(ClusterConnections& connections, ProbeSettings settings, SteadyTime end,
                                           Observation& observation);

}  // namespace aggmedic::probes
