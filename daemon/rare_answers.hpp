#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>

#include "net/deadline.hpp"
#include "probes/observe.hpp"

namespace aggmedic::daemon {

// What is asked more rarely than once a cycle, and kept in between: the apiservers' metrics, and whether the canary is
// refused what it may not get. No clock, no socket.
class RareAnswers {
  public:
    static constexpr std::chrono::minutes beyond_interval{60};

    // Which of them the next cycle asks.
    void choose(probes::ProbeSettings& settings, std::chrono::milliseconds metrics_interval, SteadyTime now) const;
    // Keeps what a cycle brought, and adds what is kept where it did not ask.
    void fold(probes::Observation& observation, std::chrono::milliseconds metrics_interval, SteadyTime now);

  private:
    std::map<std::string, probes::Seen<probes::AggregatorMetrics>> metrics_;  // by master
    std::optional<SteadyTime> metrics_asked_, beyond_asked_;
    probes::Seen<probes::Answer> beyond_;
};

}  // namespace aggmedic::daemon
