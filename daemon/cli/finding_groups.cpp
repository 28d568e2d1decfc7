#include "daemon/cli/finding_groups.hpp"

#include <algorithm>
#include <tuple>

#include "daemon/cli/fields.hpp"

namespace aggmedic::cli {
namespace {

int rank(const FindingGroup& group) {
    const int severity = group.severity == "critical" ? 0 : group.severity == "warning" ? 1 : 2;
    return severity + (group.consequence_of.empty() ? 0 : 10);
}

void add_once(std::vector<nlohmann::json>& known, const nlohmann::json& more) {
    for (const auto& element : more) {
        if (std::ranges::find(known, element) == known.end()) known.push_back(element);
    }
}

std::string without_full_stop(std::string sentence) {
    while (sentence.ends_with('.') && !sentence.ends_with("...")) sentence.pop_back();
    return sentence;
}

bool says_the_same(const FindingGroup& left, const FindingGroup& right) {
    const auto key = [](const FindingGroup& group) {
        return std::tie(group.cause, group.severity, group.confidence, group.allow_list, group.consequence_of,
                        group.master, group.candidates);
    };
    return key(left) == key(right);
}

FindingGroup group_of(const nlohmann::json& finding) {
    FindingGroup group;
    group.cause = text_of(finding, "cause");
    group.severity = text_of(finding, "severity");
    group.confidence = text_of(finding, "confidence");
    group.allow_list = text_of(finding, "allow_list");
    group.consequence_of = text_of(finding, "consequence_of");
    group.master = text_of(finding, "master");
    group.since = time_of(finding, "since");
    group.remedy = text_of(finding, "remedy", 2048);
    group.meaning = text_of(finding, "meaning");
    group.candidates = texts_of(finding, "candidates");
    group.blast_radius = texts_of(finding, "blast_radius");
    group.next = texts_of(finding, "next");
    return group;
}

// What every member's evidence holds moves to the group.
void share_evidence(FindingGroup& group) {
    const auto members = group.evidence_by_api;
    for (const auto& fact : members.front().second) {
        const bool everywhere = std::ranges::all_of(
            members, [&](const auto& member) { return std::ranges::find(member.second, fact) != member.second.end(); });
        if (!everywhere) continue;
        group.evidence.push_back(fact);
        for (auto& [api, facts] : group.evidence_by_api) std::erase(facts, fact);
    }
}

}  // namespace

std::vector<FindingGroup> grouped_findings(const nlohmann::json& cluster) {
    std::vector<FindingGroup> groups;
    for (const auto& finding : list_of(cluster, "findings")) {
        auto candidate = group_of(finding);
        auto found = std::ranges::find_if(groups, [&](const auto& group) { return says_the_same(group, candidate); });
        if (found == groups.end()) found = groups.insert(groups.end(), candidate);
        auto api = text_of(finding, "apiservice");
        if (!api.empty()) found->apiservices.push_back(api);
        // RFC 3339 in UTC: the earlier text is the earlier time.
        if (!candidate.since.empty() && (found->since.empty() || candidate.since < found->since)) {
            found->since = candidate.since;
        }
        const auto& evidence = list_of(finding, "evidence");
        found->evidence_by_api.emplace_back(std::move(api), std::vector(evidence.begin(), evidence.end()));
        add_once(found->rules_out, list_of(finding, "rules_out"));
    }
    for (auto& group : groups) share_evidence(group);
    std::ranges::sort(groups, {}, [](const auto& group) { return std::tuple(rank(group), group.cause, group.master); });
    return groups;
}

bool is_plannable(const FindingGroup& group) {
    const bool would_repair = group.allow_list == "right" || group.allow_list == "dangerous";
    return would_repair && group.confidence != "ambiguous" && group.consequence_of.empty();
}

std::string sentence_of(const FindingGroup& group) {
    // The first fact names the culprit; where the next one is the published configuration, or what another master shows
    // instead, only both say what is wrong.
    std::vector<nlohmann::json> facts = group.evidence;
    if (facts.empty() && !group.evidence_by_api.empty()) facts = group.evidence_by_api.front().second;
    if (facts.empty()) return without_full_stop(group.remedy);
    const auto first = without_full_stop(text_of(facts.front(), "fact", 300));
    if (facts.size() == 1) return first;
    const auto second = without_full_stop(text_of(facts[1], "fact", 300));
    const auto one = text_of(facts.front(), "master");
    const auto other = text_of(facts[1], "master");
    if (!one.empty() && !other.empty() && one != other && first != second) {
        return "on " + one + ", " + first + "; on " + other + ", " + second;
    }
    return text_of(facts[1], "source") == "configmap" ? first + "; " + second : first;
}

}  // namespace aggmedic::cli
