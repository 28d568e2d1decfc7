#pragma once

#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "probes/finding.hpp"
#include "probes/observation.hpp"

// A backend that fails now and then, seen over many cycles: in one cycle its few failures are no verdict.
namespace aggmedic::probes {

struct AttemptCount {
    int failed = 0, total = 0;
    bool operator==(const AttemptCount&) const = default;
};
// The attempts of one cycle at one aggregated API, by the master they went through ("": the server address).
struct CycleAttempts {
    std::map<std::string, AttemptCount> discovery, lists;
    bool operator==(const CycleAttempts&) const = default;
};

// By APIService, through apiservers that are ready. What answered nothing that tells is left out, and so is a list that
// cannot be read at its size or coding. An attempt that ran out of time or lost its connection counts as failed only
// beside one of the same kind that was answered.
std::map<std::string, CycleAttempts> count_attempts(const Observation& observation);

// Discoveries and lists together.
std::map<std::string, AttemptCount> by_master(const CycleAttempts& cycle);

// The aggregated APIs that were asked; nullopt: the list was not read.
struct ListedApis {
    std::set<std::string> names;
    bool is_whole = true;  // nothing was left out beyond the cap
};
std::optional<ListedApis> listed_apis(const Observation& observation);

// One cycle, as far as it counts over time.
struct CycleOfApis {
    std::map<std::string, CycleAttempts> attempts;  // by APIService
    std::optional<ListedApis> listed = {};
};

struct AttemptHistory {
    std::deque<CycleAttempts> cycles;  // known ones, newest last
    bool raised = false;
    TimePoint first_seen{};
    bool operator==(const AttemptHistory&) const = default;
};

// Folds one known cycle in; raised from the third failing cycle of the last twelve on, if a tenth of the attempts fail;
// over when fewer than two are left. What fails altogether through one master in cycles in a row, discoveries or lists,
// is an outage of that way, and counts as none.
void fold(AttemptHistory& history, const CycleAttempts& cycle, TimePoint now);

// What a raised history says; no consequence of anything, and no answer to which of the causes it is.
Finding intermittent_finding(const std::string& apiservice, const AttemptHistory& history);

}  // namespace aggmedic::probes
