#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>

#include "net/deadline.hpp"
#include "probes/canary_timing.hpp"

namespace aggmedic::daemon {

// When the canary is timed at which place, and what the last time showed: hourly, one place a cycle at most, and only
// where nothing else tells whose identity an extension API server sees. No clock, no socket.
class CanaryTimings {
  public:
    static constexpr std::chrono::minutes usual_interval{60};
    // What looks masked is asked again earlier, so that a repair shows.
    static constexpr std::chrono::minutes masked_interval{10};

    // The place that waits longest among those that are due; nullopt: none is.
    std::optional<probes::TimingPlace> due(const probes::Observation& observation, SteadyTime now) const;
    void store(const probes::Observation& observation, const probes::TimingPlace& place,
               probes::Seen<probes::TimingPairs> timing, SteadyTime now);
    // Fills the attempts. What is older than two intervals, or from before a change that can be seen from outside, is
    // left out.
    void merge_into(probes::Observation& observation, SteadyTime now) const;
    void forget() { kept_.clear(); }

  private:
    struct Kept {
        probes::Seen<probes::TimingPairs> timing;
        SteadyTime measured{};
        std::string outside;  // what could be seen of the apiserver then
    };
    std::map<probes::TimingPlace, Kept> kept_;
};

}  // namespace aggmedic::daemon
