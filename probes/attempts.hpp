#pragma once

#include <boost/asio/awaitable.hpp>
#include <vector>

#include "net/deadline.hpp"
#include "probes/cluster_connections.hpp"
#include "probes/observation.hpp"
#include "probes/observe.hpp"

namespace aggmedic::probes {

// Asks every aggregated API through one apiserver, `settings.attempts` times spread over `settings.spread`, on a few
// connections side by side. One that hangs is stood in for by a further connection, so that it does not hold up the
// others; a discovery or list that gives no answer twice in a row is not asked again in this cycle, and an API whose
// discovery was silent is asked last in the next. Each API is asked once at least; one that hangs is not asked again
// after `settings.spread`, so that a timeout after it is the latest that a cycle waits for it.
asio::awaitable<std::vector<ApiServiceAttempts>> make_attempts(ClusterConnections& connections, Peer& peer,
                                                               std::vector<ApiService> apiservices,
                                                               ProbeSettings settings, SteadyTime start);

// One attempt: discovery, then one list (unless the last two gave no answer), then (when `with_canary`) the canary's
// GET. `resource` is what discovery names.
asio::awaitable<void> make_attempt(HttpsClient& probe, HttpsClient* canary, const ApiService& apiservice,
                                   std::chrono::milliseconds timeout, ListableResource& resource,
                                   ApiServiceAttempts& attempts);

}  // namespace aggmedic::probes
