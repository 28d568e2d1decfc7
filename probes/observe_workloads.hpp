#pragma once

#include <boost/asio/awaitable.hpp>

#include "net/deadline.hpp"
#include "probes/cluster_connections.hpp"
#include "probes/observation.hpp"
#include "probes/observe.hpp"

namespace aggmedic::probes {

// Asks the core API for what stands behind the aggregated APIs that failed in this cycle, and fills
// `observation.workloads`: after the attempts, on a connection of its own, one request after another, and never longer
// than `settings.timeout` altogether, nor after `end`. APIServices of one service share the answers; a few services a
// cycle at most.
asio::awaitable<void> observe_workloads(ClusterConnections& connections, ProbeSettings settings, SteadyTime end,
                                        Observation& observation);

// The apiserver to ask: a master at which an API failed, if one can be asked, for what it cannot reach then shows in
// its refusals. nullptr: none answers us.
const ApiserverView* best_placed(const Observation& observation);

}  // namespace aggmedic::probes
