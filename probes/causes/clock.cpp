#include <fmt/format.h>

#include <algorithm>

#include "probes/causes/rules.hpp"

// Clocks that disagree by more than certificates and tokens bear. A certificate that is not valid yet is judged with
// the certificates; this is the disagreement itself.
namespace aggmedic::probes {

namespace {

constexpr std::int64_t bearable_ms = 60'000;  // Date has whole seconds, and issuers backdate by minutes

struct Clock {
    std::string master;
    std::int64_t offset_ms;
};

std::vector<Clock> clocks_of(const Case& seen) {
    std::vector<Clock> clocks;
    for (const auto* apiserver : seen.usable) {
        if (!apiserver->master.empty() && apiserver->clock_offset_ms)
            clocks.push_back({.master = apiserver->master, .offset_ms = *apiserver->clock_offset_ms});
    }
    return clocks;
}

std::int64_t apart(std::int64_t a, std::int64_t b) {
    return a > b ? a - b : b - a;
}

Finding disagreement(const std::string& master, std::string fact) {
    auto finding = make_finding("clock-skew", Confidence::certain, AllowList::wrong);
    finding.master = master;
    add_evidence(finding, std::move(fact), "answer", master);
    return finding;
}

}  // namespace

void judge_clocks(const Case& seen, Assessment& assessment) {
    const auto clocks = clocks_of(seen);
    if (clocks.empty()) return;
    std::vector<std::int64_t> votes{0};  // ours
    for (const auto& clock : clocks) votes.push_back(clock.offset_ms);
    std::ranges::sort(votes);
    const auto agreed = votes[(votes.size() - 1) / 2];
    if (apart(agreed, 0) > bearable_ms) {
        assessment.findings.push_back(disagreement(
            "", fmt::format("the masters' clocks agree, and this machine's differs by {} s", apart(agreed, 0) / 1000)));
    }
    for (const auto& clock : clocks) {
        const auto difference = apart(clock.offset_ms, agreed);
        if (difference <= bearable_ms) continue;
        assessment.findings.push_back(
            disagreement(clock.master, fmt::format("its Date header is {} s {} the others' clocks", difference / 1000,
                                                   clock.offset_ms > agreed ? "ahead of" : "behind")));
    }
}

}  // namespace aggmedic::probes
