#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "net/time.hpp"

namespace aggmedic::probes {

// What one apiserver's own aggregator says of one APIService. The condition is shared by all masters; this is not.
struct AvailabilityCount {
    std::string apiservice;
    std::optional<bool> unavailable;             // nullopt: this apiserver has no such gauge for it
    std::map<std::string, std::uint64_t> times;  // by reason: how often it became unavailable since this process began
    bool operator==(const AvailabilityCount&) const = default;
};
struct AggregatorMetrics {
    TimePoint at{};
    std::vector<AvailabilityCount> apiservices;  // by name
    bool operator==(const AggregatorMetrics&) const = default;
    const AvailabilityCount* find(std::string_view apiservice) const;
};

// Reads the families aggregator_unavailable_apiservice{,_gauge} and {_count,_total} of a Prometheus text (Kubernetes
// 1.14 to now), by name; every other line is passed over. Of a text that is the first part of a longer one, the last
// line does not count unless it is whole. Empty: there is none of them.
std::vector<AvailabilityCount> parse_aggregator_metrics(std::string_view text);

}  // namespace aggmedic::probes
