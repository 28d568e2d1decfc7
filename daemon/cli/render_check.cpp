#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "daemon/cli/fields.hpp"
#include "daemon/cli/finding_groups.hpp"
#include "daemon/cli/render.hpp"
#include "daemon/cli/table.hpp"

namespace aggmedic::cli {
namespace {

constexpr std::size_t unobserved_shown_max = 40;

std::size_t affected_apis(const std::vector<FindingGroup>& groups) {
    std::set<std::string> names;
    for (const auto& group : groups) names.insert(group.apiservices.begin(), group.apiservices.end());
    return names.size();
}

// What the findings amount to: "cn-not-allowed (certain): <sentence>; 2 aggregated APIs affected".
std::string state_in_words(const std::vector<FindingGroup>& groups, std::size_t unobserved) {
    std::vector<const FindingGroup*> roots;
    for (const auto& group : groups) {
        if (group.consequence_of.empty()) roots.push_back(&group);
    }
    if (roots.empty() && !groups.empty()) roots.push_back(&groups.front());
    const auto& first = *roots.front();
    std::string cause = first.cause;
    if (first.confidence == "ambiguous" && first.candidates.size() > 1) cause = joined(first.candidates, " or ");
    std::string words = fmt::format("{} ({})", cause, first.confidence);
    if (!first.master.empty()) words += " on " + first.master;
    if (const auto sentence = sentence_of(first); !sentence.empty()) words += ": " + sentence;
    if (const auto count = affected_apis(groups); count > 0) {
        words += "; " + counted(count, "aggregated API affected", "aggregated APIs affected");
    }
    for (const auto& group : groups) {
        if (group.consequence_of.empty() || group.apiservices.empty()) continue;
        words += fmt::format(", {} of them by {}", group.apiservices.size(), group.cause);
    }
    if (roots.size() > 1) words += "; " + counted(roots.size() - 1, "more finding", "more findings");
    if (unobserved > 0) words += "; " + counted(unobserved, "fact", "facts") + " not observed";
    return words;
}

std::string next_commands(const nlohmann::json& cluster, const std::vector<FindingGroup>& groups, const View& view) {
    if (!view.kubeconfig.empty()) return "  Next: " + suggested(view, "explain" + view.kubeconfig) + "\n";
    const auto name = typed_word(text_of(cluster, "name"));
    std::string next = "  Next: " + suggested(view, "explain " + name);
    if (std::ranges::any_of(groups, is_plannable)) next += "; " + suggested(view, "plan " + name);
    return next + "\n";
}

Tone tone_of_state(std::string_view state) {
    return state == "healthy" ? Tone::good : state == "findings" ? Tone::bad : Tone::warning;
}

// The line that is enough at three in the morning. Never wrapped: it is searched for, and commands are copied from it.
std::string headline(const nlohmann::json& cluster, const View& view) {
    const auto state = text_of(cluster, "state");
    const auto groups = grouped_findings(cluster);
    const auto& unobserved = list_of(cluster, "unobserved");
    const auto version = text_of(cluster, "kubernetes");
    const auto name = tinted(view.style, tone_of_state(state), text_of(cluster, "name") + ":") + " ";
    if (state == "findings" && !groups.empty()) {
        return name + state_in_words(groups, unobserved.size()) + ".\n" + next_commands(cluster, groups, view);
    }
    if (state == "healthy") {
        auto words = "healthy" + (version.empty() ? "" : " (Kubernetes " + version + ")");
        if (!groups.empty()) words += "; " + counted(groups.size(), "notice", "notices");
        return name + words + ".\n";
    }
    auto words = "unknown: " + counted(unobserved.size(), "fact was", "facts were") + " not observed";
    if (!unobserved.empty()) words += ", first: " + text_of(unobserved.front(), "what", 120);
    return name + words + "; neither healthy nor broken.\n" + next_commands(cluster, groups, view);
}

Tone tone_of_severity(std::string_view severity) {
    return severity == "critical" ? Tone::bad : severity == "warning" ? Tone::warning : Tone::quiet;
}

std::vector<Cell> row_of(const nlohmann::json& cluster, const nlohmann::json& finding) {
    const auto severity = text_of(finding, "severity");
    auto cause = text_of(finding, "cause");
    if (const auto root = text_of(finding, "consequence_of"); !root.empty()) cause += " (from " + root + ")";
    const auto verdict = text_of(finding, "allow_list");
    const auto verdict_tone = verdict == "dangerous" ? std::optional(Tone::warning) : std::nullopt;
    return {{text_of(cluster, "name")},
            {std::move(cause), tone_of_severity(severity)},
            {severity},
            {text_of(finding, "confidence")},
            {verdict == "none" ? "" : verdict, verdict_tone},
            {text_of(finding, "master")},
            {text_of(finding, "apiservice")},
            {time_of(finding, "since")}};
}

// Causes before what follows from them.
void add_findings(Table& table, const nlohmann::json& cluster) {
    for (const bool is_consequence : {false, true}) {
        for (const auto& finding : list_of(cluster, "findings")) {
            if (text_of(finding, "consequence_of").empty() == is_consequence) continue;
            table.add(row_of(cluster, finding));
        }
    }
}

std::string unobserved_part(const nlohmann::json& clusters, const View& view) {
    Table table({"CLUSTER", "NOT OBSERVED", "MASTER", "WHY"});
    std::size_t left_out = 0;
    for (const auto& cluster : clusters) {
        std::size_t shown = 0;
        for (const auto& fact : list_of(cluster, "unobserved")) {
            if (++shown > unobserved_shown_max) {
                ++left_out;
                continue;
            }
            table.add({{text_of(cluster, "name")},
                       {text_of(fact, "what", 100), Tone::warning},
                       {text_of(fact, "master")},
                       {text_of(fact, "reason", 300)}});
        }
    }
    if (table.empty()) return {};
    std::string text = "\n" + table.render(view.style);
    if (left_out > 0) text += fmt::format("... and {} more (-o json shows all)\n", left_out);
    return text;
}

}  // namespace

std::string suggested(const View& view, std::string_view words) {
    return "aggmedic " + std::string(words) + view.options;
}

std::string render_check(const nlohmann::json& result, const View& view) {
    const auto& clusters = list_of(result, "clusters");
    if (clusters.empty()) return "No clusters are configured.\n";
    std::string text;
    Table findings({"CLUSTER", "CAUSE", "SEVERITY", "CONFIDENCE", "ALLOW-LIST", "MASTER", "APISERVICE", "SINCE"});
    for (const auto& cluster : clusters) {
        text += headline(cluster, view);
        add_findings(findings, cluster);
    }
    if (!findings.empty()) text += "\n" + findings.render(view.style);
    return text + unobserved_part(clusters, view);
}

}  // namespace aggmedic::cli
