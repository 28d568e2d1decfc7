#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "probes/finding.hpp"

namespace aggmedic::probes {

// A cause in a cluster as people are told of it: once, with everything that it explains. `finding.master` and
// `finding.apiservice` are set where there is exactly one.
struct RaisedCause {
    Finding finding;
    std::vector<std::string> masters, apiservices;
    bool operator==(const RaisedCause&) const = default;
};

// The gravest severity, the earliest sight, the most cautious verdict; what the members saw, each fact once. Ordered by
// cause.
std::vector<RaisedCause> by_cause(const std::vector<Finding>& findings);

// A finding's JSON with "masters" and "apiservices" beside.
nlohmann::json to_json(const RaisedCause& raised);

}  // namespace aggmedic::probes
