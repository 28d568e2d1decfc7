#include "tests/lab/apiserver/availability_counts.hpp"

#include <fmt/format.h>

namespace aggmedic::lab {

void AvailabilityCounts::note(const std::string& api_service, const model::Condition& condition, bool was_available) {
    const std::lock_guard lock(mutex_);
    auto& count = counts_[api_service];
    count.unavailable = !condition.available;
    if (was_available && !condition.available) ++count.times[condition.reason];
}

std::string AvailabilityCounts::text(model::Generation generation) const {
    const std::string counter =
        "aggregator_unavailable_apiservice_" + std::string(generation.minor < 19 ? "count" : "total");
    std::string gauges, counters;
    const std::lock_guard lock(mutex_);
    for (const auto& [name, count] : counts_) {
        gauges += fmt::format("aggregator_unavailable_apiservice{{name=\"{}\"}} {}\n", name, count.unavailable ? 1 : 0);
        for (const auto& [reason, times] : count.times)
            counters += fmt::format("{}{{name=\"{}\",reason=\"{}\"}} {}\n", counter, name, reason, times);
    }
    std::string text = "# TYPE aggregator_openapi_v2_regeneration_count counter\n";
    if (generation.minor >= 14) {
        text += "# TYPE aggregator_unavailable_apiservice gauge\n" + gauges;
        text += "# TYPE " + counter + " counter\n" + counters;
    }
    return text + "# TYPE authentication_attempts counter\nauthentication_attempts{result=\"success\"} 315\n";
}

}  // namespace aggmedic::lab
