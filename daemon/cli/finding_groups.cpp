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

bool says_the_same(const FindingGroup& left, const FindingGroup& right) {
    const auto key = [](const FindingGroup& group) {
        return std::tie(group.cause, group.severity, group.confidence, group.allow_list, group.consequence_of,
                        group.master, group.candidates);
    };
    return key(left) == key(right);
}

FindingGroup group_of(const nlohmann::json& finding) {
    FindingGroup group{.cause = text_of(finding, "cause"),
                       .severity = text_of(finding, "severity"),
                       .confidence = text_of(finding, "confidence"),
                       .allow_list = text_of(finding, "allow_list"),
                       .consequence_of = text_of(finding, "consequence_of"),
                       .master = text_of(finding, "master"),
                       .since = text_of(finding, "since"),
                       .remedy = text_of(finding, "remedy", 2048),
                       .candidates = texts_of(finding, "candidates"),
                       .apiservices = {},
                       .evidence = {},
                       .rules_out = {}};
    return group;
}

}  // namespace

std::vector<FindingGroup> grouped_findings(const nlohmann::json& cluster) {
    std::vector<FindingGroup> groups;
    for (const auto& finding : list_of(cluster, "findings")) {
        auto candidate = group_of(finding);
        auto found = std::ranges::find_if(groups, [&](const auto& group) { return says_the_same(group, candidate); });
        if (found == groups.end()) found = groups.insert(groups.end(), candidate);
        if (auto api = text_of(finding, "apiservice"); !api.empty()) found->apiservices.push_back(std::move(api));
        // RFC 3339 in UTC: the earlier text is the earlier time.
        if (!candidate.since.empty() && (found->since.empty() || candidate.since < found->since)) {
            found->since = candidate.since;
        }
        add_once(found->evidence, list_of(finding, "evidence"));
        add_once(found->rules_out, list_of(finding, "rules_out"));
    }
    std::ranges::sort(groups, {}, [](const auto& group) { return std::tuple(rank(group), group.cause, group.master); });
    return groups;
}

bool is_plannable(const FindingGroup& group) {
    const bool would_repair = group.allow_list == "right" || group.allow_list == "dangerous";
    return would_repair && group.confidence != "ambiguous" && group.consequence_of.empty();
}

std::string sentence_of(const FindingGroup& group) {
    std::string sentence = group.evidence.empty() ? group.remedy : text_of(group.evidence.front(), "fact", 300);
    while (sentence.ends_with('.') && !sentence.ends_with("...")) sentence.pop_back();
    return sentence;
}

}  // namespace aggmedic::cli
