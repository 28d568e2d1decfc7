#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "probes/observation.hpp"

// Whether extension API servers ask who the canary is, told by how long their answers take (design 4.10): for a caller
// they do not know they ask kube-apiserver (a SubjectAccessReview, cached for seconds), for system:masters they do not.
// Pure; time_canary.hpp measures. It is evidence of the second rank: never certain, and no plan rests on it.
namespace aggmedic::probes {

enum class TimingSays {
    nothing,  // too few pairs, too much jitter, or a number in between
    caller,   // a permission check was made for each new namespace
    masked,   // none was
};
inline constexpr int timing_pairs_wanted = 40;
inline constexpr int timing_slower_healthy = 34;  // at least
inline constexpr int timing_slower_masked = 28;   // at most
inline constexpr std::int64_t timing_jitter_max_us = 500;

TimingSays judge_timing(const TimingPairs& pairs);

// Collects pairs: how long a GET took in a namespace that was asked before, once more, and in a new one.
class TimingTally {
  public:
    void add(std::chrono::microseconds cached, std::chrono::microseconds cached_again, std::chrono::microseconds fresh);
    TimingPairs pairs() const;
    // Enough was measured, or the first pairs already show a jitter that leaves nothing to be told.
    bool is_done() const;

  private:
    std::vector<std::int64_t> differences_us_;
    int slower_ = 0;
};

// One aggregated API through one apiserver.
struct TimingPlace {
    std::string master, apiservice;
    auto operator<=>(const TimingPlace&) const = default;
};
// Where a measurement would tell something: it answers, and the canary got its 404 there. Through each master, or the
// server address where no master is known. Without `told_too` not where the flow schemas have told already.
std::vector<TimingPlace> timing_places(const Observation& observation, bool told_too);

// The canary's credential says of itself that nothing is ever asked about it.
bool is_canary_blind(const Observation& observation);
ApiServiceAttempts* attempts_at(Observation& observation, const TimingPlace& place);

}  // namespace aggmedic::probes
