#include <fmt/format.h>

#include <algorithm>

#include "probes/causes/rules.hpp"

// Clocks that disagree by more than certificates and tokens bear. A certificate that is not valid yet is judged with
// the certificates; this is the disagreement itself.
namespace aggmedic::probes {

namespace {

using std::chrono::milliseconds;

constexpr milliseconds farthest = std::chrono::days(36'500);  // beyond it one wrong clock is as wrong as another

std::int64_t seconds_of(milliseconds time) {
    return std::chrono::duration_cast<std::chrono::seconds>(time).count();
}

Finding disagreement(const std::string& master, std::string fact) {
    auto finding = make_finding("clock-skew", Confidence::certain, AllowList::wrong);
    finding.master = master;
    add_evidence(finding, std::move(fact), "answer", master);
    return finding;
}

// No clock has most of the others on its side: which one is wrong, nobody knows.
void judge_tie(const std::vector<Clock>& clocks, Assessment& assessment) {
    std::string fact;
    for (const auto& clock : clocks) {
        fact += fmt::format("{}the Date header of {} is {} s {} this machine's clock", fact.empty() ? "" : ", ",
                            through_name(*clock.apiserver), seconds_of(apart(clock.offset, milliseconds(0))),
                            clock.offset > milliseconds(0) ? "ahead of" : "behind");
    }
    assessment.findings.push_back(disagreement("", fact + "; which of them is wrong cannot be told from here"));
}

}  // namespace

milliseconds apart(milliseconds a, milliseconds b) {
    return a > b ? a - b : b - a;
}

std::vector<Clock> clocks_of(const std::vector<const ApiserverView*>& usable) {
    const bool by_master =
        std::ranges::any_of(usable, [](const auto* view) { return !view->master.empty() && view->clock_offset_ms; });
    std::vector<Clock> clocks;
    for (const auto* view : usable) {
        if (!view->clock_offset_ms || (by_master && view->master.empty())) continue;
        clocks.push_back(
            {.apiserver = view, .offset = std::clamp(milliseconds(*view->clock_offset_ms), -farthest, farthest)});
    }
    return clocks;
}

std::optional<milliseconds> agreed_offset(const std::vector<Clock>& clocks) {
    std::vector<milliseconds> votes{milliseconds(0)};  // ours
    for (const auto& clock : clocks) votes.push_back(clock.offset);
    for (const auto vote : votes) {
        const auto agreeing =
            std::ranges::count_if(votes, [&](milliseconds other) { return apart(vote, other) <= bearable_skew; });
        if (2 * static_cast<std::size_t>(agreeing) > votes.size()) return vote;
    }
    return std::nullopt;
}

void judge_clocks(const Case& seen, Assessment& assessment) {
    const auto clocks = clocks_of(seen.usable);
    const auto agreed = agreed_offset(clocks);
    if (!agreed) return judge_tie(clocks, assessment);
    if (apart(*agreed, milliseconds(0)) > bearable_skew) {
        assessment.findings.push_back(
            disagreement("", fmt::format("the masters' clocks agree, and this machine's differs by {} s",
                                         seconds_of(apart(*agreed, milliseconds(0))))));
    }
    for (const auto& clock : clocks) {
        const auto difference = apart(clock.offset, *agreed);
        if (difference <= bearable_skew) continue;
        assessment.findings.push_back(
            disagreement(clock.apiserver->master,
                         fmt::format("its Date header is {} s {} the others' clocks", seconds_of(difference),
                                     clock.offset > *agreed ? "ahead of" : "behind")));
    }
}

}  // namespace aggmedic::probes
