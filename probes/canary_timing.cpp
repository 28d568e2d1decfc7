#include "probes/canary_timing.hpp"

#include <algorithm>

#include "probes/apiserver.hpp"

namespace aggmedic::probes {

namespace {

constexpr std::size_t pairs_before_giving_up = 10;

std::int64_t median(std::vector<std::int64_t> values) {
    if (values.empty()) return 0;
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::ranges::nth_element(values, middle);
    return *middle;
}

bool answers_fine(const std::vector<Answer>& answers) {
    return !answers.empty() && std::ranges::all_of(answers, [](const Answer& answer) { return answer.status == 200; });
}

bool is_worth_it(const ApiServiceAttempts& attempts, bool told_too) {
    if (!answers_fine(attempts.discovery) || attempts.canary.empty()) return false;
    const auto& canary = attempts.canary.back();
    return canary.status == 404 && (told_too || canary.flow_schemas.size() < 2);
}

bool is_usable_apiserver(const ApiserverView& view) {
    return view.readyz && view.readyz->status == 200 && view.control && accepts_credential(*view.control);
}

}  // namespace

TimingSays judge_timing(const TimingPairs& pairs) {
    const bool is_whole = pairs.pairs == timing_pairs_wanted && pairs.slower >= 0 && pairs.slower <= pairs.pairs;
    if (!is_whole || pairs.jitter_us < 0 || pairs.jitter_us > timing_jitter_max_us) return TimingSays::nothing;
    if (pairs.slower >= timing_slower_healthy) return TimingSays::caller;
    return pairs.slower <= timing_slower_masked ? TimingSays::masked : TimingSays::nothing;
}

void TimingTally::add(std::chrono::microseconds cached, std::chrono::microseconds cached_again,
                      std::chrono::microseconds fresh) {
    differences_us_.push_back(std::chrono::abs(cached - cached_again).count());
    if (fresh > cached_again) ++slower_;
}

TimingPairs TimingTally::pairs() const {
    return {.pairs = static_cast<int>(differences_us_.size()), .slower = slower_, .jitter_us = median(differences_us_)};
}

bool TimingTally::is_done() const {
    if (differences_us_.size() >= timing_pairs_wanted) return true;
    return differences_us_.size() == pairs_before_giving_up && median(differences_us_) > 2 * timing_jitter_max_us;
}

std::vector<TimingPlace> timing_places(const Observation& observation, bool told_too) {
    std::vector<TimingPlace> places;
    if (is_canary_blind(observation)) return places;
    const bool has_masters =
        std::ranges::any_of(observation.apiservers, [](const ApiserverView& view) { return !view.master.empty(); });
    for (const auto& view : observation.apiservers) {
        if ((has_masters && view.master.empty()) || !is_usable_apiserver(view)) continue;
        for (const auto& attempts : view.attempts) {
            if (is_worth_it(attempts, told_too))
                places.push_back({.master = view.master, .apiservice = attempts.apiservice});
        }
    }
    return places;
}

bool is_canary_blind(const Observation& observation) {
    return observation.canary.is_system_masters;
}

ApiServiceAttempts* attempts_at(Observation& observation, const TimingPlace& place) {
    for (auto& view : observation.apiservers) {
        if (view.master != place.master) continue;
        const auto at = std::ranges::find(view.attempts, place.apiservice, &ApiServiceAttempts::apiservice);
        if (at != view.attempts.end()) return &*at;
    }
    return nullptr;
}

}  // namespace aggmedic::probes
