#pragma once

#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "probes/finding.hpp"
#include "probes/observation.hpp"

namespace aggmedic::daemon {

// One look at one cluster with all that `check` and `explain` rest on: what they say of it can be said again from this
// value, without a network.
struct Moment {
    probes::Observation observation;
    TimePoint at{};  // when it is judged
    std::string platform;
    bool plannable = false;                  // the configuration says how to reach the masters
    std::map<std::string, TimePoint> since;  // by probes::key: findings that the cycles knew before
    std::vector<probes::Finding> over_time;  // that only many cycles show (`intermittent`)
};

// The JSON of `check` (design 5.1) for this cluster, and of `explain` (service.hpp).
nlohmann::json checked(const Moment& moment);
nlohmann::json explained(const Moment& moment);

}  // namespace aggmedic::daemon
