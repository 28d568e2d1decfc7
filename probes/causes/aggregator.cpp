#include <fmt/format.h>

#include "net/text.hpp"
#include "probes/causes/rules.hpp"

// What a master's own aggregator says of an APIService: it tells masters apart where the shared condition cannot.
namespace aggmedic::probes {

namespace {

std::string counted_reasons(const AvailabilityCount& count) {
    std::string text;
    for (const auto& [reason, times] : count.times)
        text += fmt::format("{}{} {}", text.empty() ? "" : ", ", printable(reason, 64),
                            times == 1 ? "once" : fmt::format("{} times", times));
    return text;
}

}  // namespace

void add_aggregator_evidence(Finding& finding, const Through& through) {
    const auto& metrics = through.apiserver->aggregator;
    const auto* count = metrics ? metrics->find(through.attempts->apiservice) : nullptr;
    if (count == nullptr) return;
    auto text = "the aggregator of " + through_name(*through.apiserver);
    text += !count->unavailable   ? " says nothing of now"
            : *count->unavailable ? " finds it unavailable"
                                  : " finds it available";
    if (!count->times.empty()) text += " (unavailable since that process began: " + counted_reasons(*count) + ")";
    add_evidence(finding, std::move(text), "metrics", through.apiserver->master);
}

}  // namespace aggmedic::probes
