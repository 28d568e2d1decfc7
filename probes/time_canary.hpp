#pragma once

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <memory>
#include <string>

#include "probes/canary_timing.hpp"
#include "probes/observe.hpp"

namespace aggmedic::probes {

struct TimingSettings {
    std::chrono::milliseconds timeout{5000};  // of one exchange
    std::chrono::milliseconds pause{0};       // between two pairs, so that nobody feels them
    std::chrono::milliseconds limit{15000};   // of the whole measurement
};

// Measures at one place, on the canary's own kept connection: three GETs for each pair, one after another. The place
// must have been observed before, for discovery names the resource. Unobserved: not-asked (no canary, nothing in
// namespaces), timeout (the limit), status (an answer that was no 404), or what an exchange ended with.
asio::awaitable<Seen<TimingPairs>> time_canary(std::shared_ptr<ClusterConnections> connections, TimingPlace place,
                                               TimingSettings settings);

}  // namespace aggmedic::probes
