#pragma once

#include <map>
#include <mutex>
#include <string>

#include "tests/model/availability.hpp"

// What the aggregator of one process counts, as its /metrics shows it.
namespace aggmedic::lab {

class AvailabilityCounts {
  public:
    void note(const std::string& api_service, const model::Condition& condition, bool was_available);
    // Prometheus text; empty families before 1.14.
    std::string text(model::Generation generation) const;

  private:
    struct Count {
        bool unavailable = false;
        std::map<std::string, int> times;  // by reason
    };
    mutable std::mutex mutex_;
    std::map<std::string, Count> counts_;
};

}  // namespace aggmedic::lab
