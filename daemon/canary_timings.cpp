#include "daemon/canary_timings.hpp"

#include "daemon/master_views.hpp"

namespace aggmedic::daemon {
namespace {

std::chrono::minutes interval_of(const probes::Seen<probes::TimingPairs>& timing) {
    const bool is_masked = timing && probes::judge_timing(*timing) == probes::TimingSays::masked;
    return is_masked ? CanaryTimings::masked_interval : CanaryTimings::usual_interval;
}

}  // namespace

std::optional<probes::TimingPlace> CanaryTimings::due(const probes::Observation& observation, SteadyTime now) const {
    std::optional<probes::TimingPlace> found;
    auto oldest = SteadyTime::max();
    for (const auto& place : probes::timing_places(observation, false)) {
        const auto known = kept_.find(place);
        if (known == kept_.end()) return place;
        const auto& kept = known->second;
        const bool is_due = now - kept.measured >= interval_of(kept.timing) ||
                            kept.outside != seen_from_outside(observation, place.master);
        if (!is_due || kept.measured >= oldest) continue;
        oldest = kept.measured;
        found = place;
    }
    return found;
}

void CanaryTimings::store(const probes::Observation& observation, const probes::TimingPlace& place,
                          probes::Seen<probes::TimingPairs> timing, SteadyTime now) {
    std::erase_if(kept_, [&](const auto& entry) { return now - entry.second.measured > 2 * usual_interval; });
    kept_[place] = {
        .timing = std::move(timing), .measured = now, .outside = seen_from_outside(observation, place.master)};
}

void CanaryTimings::merge_into(probes::Observation& observation, SteadyTime now) const {
    for (const auto& [place, kept] : kept_) {
        auto* attempts = probes::attempts_at(observation, place);
        const bool holds =
            now - kept.measured <= 2 * usual_interval && kept.outside == seen_from_outside(observation, place.master);
        if (attempts != nullptr && holds) attempts->timing = kept.timing;
    }
}

}  // namespace aggmedic::daemon
