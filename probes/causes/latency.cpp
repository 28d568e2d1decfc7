#include <fmt/format.h>

#include <algorithm>

#include "probes/causes/rules.hpp"

// How long answers take, as a fact: what it means is for the rules that know what else was seen.
namespace aggmedic::probes {

namespace {

constexpr std::uint32_t slow_ms = 1000;      // people feel it, and availability checks give up after five of it
constexpr std::uint32_t slow_ratio = 10;     // the way to the apiserver and its own load are in both numbers
constexpr std::uint32_t control_min_ms = 5;  // below this the ratio is about rounding

}  // namespace

bool Latency::is_slow() const {
    return slowest_ms >= slow_ms && slowest_ms / slow_ratio >= std::max(control_ms, control_min_ms);
}

std::optional<Latency> latency_of(const Through& through) {
    if (!through.apiserver->control || through.apiserver->control->status == 0) return std::nullopt;
    std::optional<Latency> found;
    for (const auto* answers : {&through.attempts->discovery, &through.attempts->resource}) {
        for (const auto& answer : *answers) {
            if (answer.status == 0 && answer.failure != "timeout") continue;
            if (!found) found = Latency{.slowest_ms = 0, .control_ms = through.apiserver->control->milliseconds};
            found->slowest_ms = std::max(found->slowest_ms, answer.milliseconds);
        }
    }
    return found;
}

void add_latency_evidence(Finding& finding, const Through& through) {
    const auto latency = latency_of(through);
    if (!latency || !latency->is_slow()) return;
    add_evidence(finding,
                 fmt::format("the slowest answer through {} took {} ms, where /api took {} ms",
                             through_name(*through.apiserver), latency->slowest_ms, latency->control_ms),
                 "answer", through.apiserver->master);
}

}  // namespace aggmedic::probes
