#include "probes/intermittent.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "net/text.hpp"
#include "probes/causes/case.hpp"

namespace aggmedic::probes {
namespace {

constexpr std::size_t cycles_kept = 12;
constexpr std::size_t failing_to_raise = 3;
constexpr std::size_t failing_to_keep = 2;

bool is_lost(const Answer& answer) {
    constexpr std::array<std::string_view, 4> ways{"timeout", "read_failed", "write_failed", "connect_failed"};
    return answer.status == 0 && std::ranges::find(ways, answer.failure) != ways.end();
}

AttemptCount count(const std::vector<Answer>& answers, bool are_lists, const Caller& caller) {
    AttemptCount counted;
    int lost = 0;
    for (const auto& answer : answers) {
        const auto symptom = symptom_of(answer, caller);
        if (answer.status == 0) {
            lost += is_lost(answer) ? 1 : 0;
        } else if (symptom == Symptom::none) {
            ++counted.total;
        } else if (symptom != Symptom::uninformative && !(are_lists && symptom == Symptom::not_found)) {
            ++counted.total;
            ++counted.failed;
        }
    }
    if (counted.total == counted.failed) return counted;
    counted.failed += lost;
    counted.total += lost;
    return counted;
}

void add(AttemptCount& sum, const AttemptCount& counted) {
    sum.failed += counted.failed;
    sum.total += counted.total;
}

// One way's attempts, cycle by cycle: discoveries or lists, through one master. Cycles without any are left out.
struct Way {
    std::string master;
    std::vector<std::pair<std::size_t, AttemptCount>> cycles;  // by their place in the history

    bool is_outage(std::size_t at) const {
        return at < cycles.size() && cycles[at].second.failed * 2 > cycles[at].second.total;
    }
    bool counts(std::size_t at) const {
        const bool lasts = (at > 0 && is_outage(at - 1)) || is_outage(at + 1);
        const bool is_newest = at + 1 == cycles.size();
        return !(is_outage(at) && (lasts || is_newest));
    }
};

std::vector<Way> ways_of(const AttemptHistory& history) {
    std::map<std::pair<bool, std::string>, Way> ways;
    for (std::size_t at = 0; at < history.cycles.size(); ++at) {
        for (const bool are_lists : {false, true}) {
            const auto& cycle = history.cycles[at];
            for (const auto& [master, counted] : are_lists ? cycle.lists : cycle.discovery) {
                auto& way = ways[{are_lists, master}];
                way.master = master;
                way.cycles.emplace_back(at, counted);
            }
        }
    }
    std::vector<Way> list;
    for (auto& [key, way] : ways) list.push_back(std::move(way));
    return list;
}

struct Tallied {
    std::set<std::size_t> counting, failing;  // cycles
    AttemptCount attempts;
    std::map<std::string, AttemptCount> by_master;
};
Tallied tally(const AttemptHistory& history) {
    Tallied sum;
    for (const auto& way : ways_of(history)) {
        for (std::size_t at = 0; at < way.cycles.size(); ++at) {
            if (!way.counts(at)) continue;
            const auto& [cycle, counted] = way.cycles[at];
            sum.counting.insert(cycle);
            if (counted.failed > 0) sum.failing.insert(cycle);
            add(sum.attempts, counted);
            add(sum.by_master[way.master], counted);
        }
    }
    return sum;
}

std::string through(const std::string& master) {
    return master.empty() ? std::string("the server address") : printable(master);
}

}  // namespace

std::map<std::string, CycleAttempts> count_attempts(const Observation& observation) {
    std::map<std::string, CycleAttempts> counts;
    for (const auto& apiserver : observation.apiservers) {
        if (!is_usable(apiserver)) continue;
        for (const auto& attempts : apiserver.attempts) {
            const auto discovery = count(attempts.discovery, false, observation.caller);
            const auto lists = count(attempts.resource, true, observation.caller);
            if (discovery.total > 0) counts[attempts.apiservice].discovery[apiserver.master] = discovery;
            if (lists.total > 0) counts[attempts.apiservice].lists[apiserver.master] = lists;
        }
    }
    return counts;
}

std::map<std::string, AttemptCount> by_master(const CycleAttempts& cycle) {
    auto sums = cycle.discovery;
    for (const auto& [master, counted] : cycle.lists) add(sums[master], counted);
    return sums;
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
    const auto sum = tally(history);
    const auto failing = sum.failing.size();
    if (history.raised) {
        history.raised = failing >= failing_to_keep;
    } else if (failing >= failing_to_raise && sum.attempts.failed * 10 >= sum.attempts.total) {
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
    const auto sum = tally(history);
    finding.evidence.push_back(
        {.fact = fmt::format("{} of {} attempts failed, in {} of the last {} cycles", sum.attempts.failed,
                             sum.attempts.total, sum.failing.size(), sum.counting.size()),
         .source = "answer",
         .master = ""});
    for (const auto& [master, counted] : sum.by_master) {
        finding.evidence.push_back(
            {.fact = fmt::format("through {}, {} of {}", through(master), counted.failed, counted.total),
             .source = "answer",
             .master = master});
    }
    finding.rules_out.push_back(
        {.cause = "cn-not-allowed",
         .because = "a certificate that is refused is refused at every attempt, and most attempts succeed"});
    finding.rules_out.push_back({.cause = "no-backend", .because = "most attempts are answered by a backend"});
    if (sum.by_master.size() > 1 &&
        std::ranges::all_of(sum.by_master, [](const auto& each) { return each.second.failed > 0; })) {
        finding.rules_out.push_back(
            {.cause = "masters-differ", .because = "it fails through every apiserver that was asked"});
    }
    return finding;
}

}  // namespace aggmedic::probes
