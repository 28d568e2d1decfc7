#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

namespace aggmedic::cli {

// The findings of one cluster that say the same about several aggregated APIs: a person reads the cause once.
struct FindingGroup {
    std::string cause, severity, confidence, allow_list, consequence_of, master, since, remedy, meaning;
    std::vector<std::string> candidates;
    std::vector<std::string> apiservices;
    std::vector<std::string> blast_radius;  // of explain: what stands still
    std::vector<std::string> next;          // of explain: commands to type, of the first API
    std::vector<nlohmann::json> evidence;   // what all of them share
    std::vector<nlohmann::json> rules_out;  // each once
    // What was seen of one aggregated API beside that, in the order of `apiservices`.
    std::vector<std::pair<std::string, std::vector<nlohmann::json>>> evidence_by_api;
};

// Root causes first, the gravest first; what follows from them after them.
std::vector<FindingGroup> grouped_findings(const nlohmann::json& cluster);

// Whether asking for a plan makes sense: allow-listing would repair it, and one cause explains what was seen.
bool is_plannable(const FindingGroup& group);

// What the group says in one sentence, without the final full stop.
std::string sentence_of(const FindingGroup& group);

}  // namespace aggmedic::cli
