#include "probes/intermittent.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "net/text.hpp"
#include "probes/causes/case.hpp"

namespace aggmedic::probes {
namespace {

constexpr std::size_t cycles_kept = 12;
constexpr std::size_t failing_to_raise = 3;
constexpr std::size_t failing_to_keep = 2;

void count(AttemptCount& counted, int& silent, const Answer& answer, bool is_resource, const Caller& caller) {
    const auto symptom = symptom_of(answer, caller);
    if (answer.status == 0) {
        ++silent;
    } else if (symptom == Symptom::none) {
        ++counted.total;
    } else if (symptom != Symptom::uninformative && !(is_resource && symptom == Symptom::not_found)) {
        ++counted.total;
        ++counted.failed;
    }
}

AttemptCount count_through(const ApiServiceAttempts& attempts, const Caller& caller) {
    AttemptCount counted;
    int silent = 0;
    for (const auto& answer : attempts.discovery) count(counted, silent, answer, false, caller);
    for (const auto& answer : attempts.resource) count(counted, silent, answer, true, caller);
    if (counted.total == counted.failed) return counted;
    counted.failed += silent;
    counted.total += silent;
    return counted;
}

AttemptCount sum_of(const CycleAttempts& cycle) {
    AttemptCount sum;
    for (const auto& [master, counted] : cycle) {
        sum.failed += counted.failed;
        sum.total += counted.total;
    }
    return sum;
}

// The cycles that count: all but those of an outage that lasted.
std::vector<const CycleAttempts*> counting(const AttemptHistory& history) {
    std::vector<const CycleAttempts*> kept;
    const auto& cycles = history.cycles;
    for (std::size_t at = 0; at < cycles.size(); ++at) {
        const bool lasts =
            (at > 0 && is_outage(cycles[at - 1])) || (at + 1 < cycles.size() && is_outage(cycles[at + 1]));
        const bool is_newest = at + 1 == cycles.size();
        if (is_outage(cycles[at]) && (lasts || is_newest)) continue;
        kept.push_back(&cycles[at]);
    }
    return kept;
}

struct Tallied {
    std::size_t failing = 0;
    AttemptCount attempts;
};
Tallied tally(const std::vector<const CycleAttempts*>& cycles) {
    Tallied sum;
    for (const auto* cycle : cycles) {
        const auto one = sum_of(*cycle);
        if (one.failed > 0) ++sum.failing;
        sum.attempts.failed += one.failed;
        sum.attempts.total += one.total;
    }
    return sum;
}

std::string through(const std::string& master) {
    return master.empty() ? std::string("the server address") : printable(master);
}

}  // namespace

bool is_outage(const CycleAttempts& cycle) {
    const auto sum = sum_of(cycle);
    return sum.failed * 2 > sum.total;
}

std::map<std::string, CycleAttempts> count_attempts(const Observation& observation) {
    std::map<std::string, CycleAttempts> counts;
    for (const auto& apiserver : observation.apiservers) {
        if (!is_usable(apiserver)) continue;
        for (const auto& attempts : apiserver.attempts) {
            const auto counted = count_through(attempts, observation.caller);
            if (counted.total > 0) counts[attempts.apiservice][apiserver.master] = counted;
        }
    }
    return counts;
}

std::optional<ListedApis> listed_apis(const Observation& observation) {
    const auto* list = observation.apiservices();
    if (list == nullptr) return std::nullopt;
    ListedApis listed;
    for (const auto& apiservice : *list) listed.names.insert(apiservice.name);
    listed.is_whole = std::ranges::none_of(
        observation.apiservers, [](const ApiserverView& apiserver) { return apiserver.apiservices_left_out > 0; });
    return listed;
}

void fold(AttemptHistory& history, const CycleAttempts& cycle, TimePoint now) {
    history.cycles.push_back(cycle);
    while (history.cycles.size() > cycles_kept) history.cycles.pop_front();
    const auto sum = tally(counting(history));
    if (history.raised) {
        history.raised = sum.failing >= failing_to_keep;
    } else if (sum.failing >= failing_to_raise && sum.attempts.failed * 10 >= sum.attempts.total) {
        history.raised = true;
        history.first_seen = now;
    }
}

Finding intermittent_finding(const std::string& apiservice, const AttemptHistory& history) {
    Finding finding;
    finding.cause = "intermittent";
    finding.apiservice = apiservice;
    finding.confidence = Confidence::certain;
    finding.since = history.first_seen;
    if (const auto* cause = find_cause(finding.cause)) {
        finding.severity = cause->severity;
        finding.remedy = cause->remedy;
    }
    const auto cycles = counting(history);
    const auto sum = tally(cycles);
    finding.evidence.push_back(
        {.fact = fmt::format("{} of {} attempts failed, in {} of the last {} cycles", sum.attempts.failed,
                             sum.attempts.total, sum.failing, cycles.size()),
         .source = "answer",
         .master = ""});
    CycleAttempts by_master;
    for (const auto* cycle : cycles) {
        for (const auto& [master, counted] : *cycle) {
            by_master[master].failed += counted.failed;
            by_master[master].total += counted.total;
        }
    }
    for (const auto& [master, counted] : by_master) {
        finding.evidence.push_back(
            {.fact = fmt::format("through {}, {} of {}", through(master), counted.failed, counted.total),
             .source = "answer",
             .master = master});
    }
    finding.rules_out.push_back(
        {.cause = "cn-not-allowed",
         .because = "a certificate that is refused is refused at every attempt, and most attempts succeed"});
    finding.rules_out.push_back({.cause = "no-backend", .because = "most attempts are answered by a backend"});
    if (by_master.size() > 1 &&
        std::ranges::all_of(by_master, [](const auto& each) { return each.second.failed > 0; })) {
        finding.rules_out.push_back(
            {.cause = "masters-differ", .because = "it fails through every apiserver that was asked"});
    }
    return finding;
}

}  // namespace aggmedic::probes
