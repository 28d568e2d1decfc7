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

// Two findings of one cause as one: the gravest severity, the earliest sight, the most cautious verdict; what both saw,
// each fact once.
void merge(Finding& whole, const Finding& member);

// Merged by cause, and ordered by it.
std::vector<RaisedCause> by_cause(const std::vector<Finding>& findings);

// A finding's JSON with "masters" and "apiservices" beside.
nlohmann::json to_json(const RaisedCause& raised);

}  // namespace aggmedic::probes
