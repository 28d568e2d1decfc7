#include "daemon/rare_answers.hpp"

#include <algorithm>

namespace aggmedic::daemon {
namespace {

bool is_older(const std::optional<SteadyTime>& asked, std::chrono::milliseconds interval, SteadyTime now) {
    return !asked || now - *asked >= interval;
}

template <class T>
bool was_asked(const probes::Seen<T>& seen) {
    return seen || seen.why().reason != "not-asked";
}

}  // namespace

void RareAnswers::choose(probes::ProbeSettings& settings, std::chrono::milliseconds metrics_interval,
                         SteadyTime now) const {
    settings.aggregator_metrics = is_older(metrics_asked_, metrics_interval, now);
    settings.canary_beyond = is_older(beyond_asked_, beyond_interval, now);
}

void RareAnswers::fold(probes::Observation& observation, std::chrono::milliseconds metrics_interval, SteadyTime now) {
    const bool brought =
        std::ranges::any_of(observation.apiservers, [](const auto& view) { return was_asked(view.aggregator); });
    if (brought) {
        metrics_asked_ = now;
        metrics_.clear();
        for (const auto& view : observation.apiservers) metrics_[view.master] = view.aggregator;
    } else if (!is_older(metrics_asked_, 2 * metrics_interval, now)) {
        for (auto& view : observation.apiservers) {
            if (const auto kept = metrics_.find(view.master); kept != metrics_.end()) view.aggregator = kept->second;
        }
    }
    if (was_asked(observation.canary_beyond)) {
        beyond_asked_ = now;
        beyond_ = observation.canary_beyond;
    } else if (!is_older(beyond_asked_, 2 * beyond_interval, now)) {
        observation.canary_beyond = beyond_;
    }
}

}  // namespace aggmedic::daemon
