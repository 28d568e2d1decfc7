#pragma once

#include <deque>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "probes/finding.hpp"
#include "probes/intermittent.hpp"

namespace aggmedic::probes {

// What is remembered of a cluster between cycles.
struct Tracked {
    Finding finding;          // as last seen
    std::deque<bool> recent;  // last three known cycles, newest last: seen or not
    bool raised = false;
    int clean_cycles = 0;  // since last seen, unknown ones not counted
    TimePoint first_seen{};
    bool operator==(const Tracked&) const = default;
};
struct History {
    std::string cluster;
    std::map<std::string, Tracked> findings;          // by key(finding)
    std::map<std::string, AttemptHistory> attempts;   // by APIService
    std::map<std::string, std::deque<bool>> failing;  // by APIService: whether any finding named it, last three cycles
    bool operator==(const History&) const = default;
};
std::string key(const Finding& finding);

struct TrackResult {
    History history;
    std::vector<Finding> findings;  // raised ones, `since` filled
    std::vector<Finding> resolved;  // that this cycle resolved
};

// Folds one assessment into the history: a finding is raised when seen in 2 of the last 3 cycles and resolved after 3
// clean ones; so is what is newest at an API that has a finding in 2 of 3 cycles, each time another. A cycle in which
// its subject could not be observed counts as neither: the finding is frozen. An API that fails now and then, by the
// attempts of many cycles, is raised as `intermittent` unless a finding explains it, and until it is listed no more.
TrackResult track(History history, const Assessment& assessment, TimePoint now, const CycleOfApis& apis = {});

// What a history holds as raised, `since` filled: what is known before the first cycle after a restart.
std::vector<Finding> raised_findings(const History& history);

// Only what is raised already: for the time after a change of our own, in which what begins to fail is no news yet.
Assessment without_news(Assessment assessment, const History& history);

nlohmann::json to_json(const History& history);
Result<History> parse_history(std::string_view json);

}  // namespace aggmedic::probes
