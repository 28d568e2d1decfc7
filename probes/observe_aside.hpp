#pragma once

#include <boost/asio/awaitable.hpp>

#include "probes/cluster_connections.hpp"
#include "probes/observation.hpp"
#include "probes/observe.hpp"

// Questions beside the attempts, on connections that no attempt waits behind.
namespace aggmedic::probes {

// What each usable master's own aggregator says, where an aggregated API failed in this cycle: one GET of /metrics
// each, side by side, of which only the first part is read.
asio::awaitable<void> observe_aggregators(ClusterConnections& connections, ProbeSettings settings,
                                          Observation& observation);

// Asks as the canary for a name that it may not get, through the first apiserver at which it was asked anything.
asio::awaitable<Seen<Answer>> ask_beyond(ClusterConnections& connections, ProbeSettings settings,
                                         const Observation& observation);

}  // namespace aggmedic::probes
