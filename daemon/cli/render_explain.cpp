#include <fmt/format.h>

#include <algorithm>

#include "daemon/cli/fields.hpp"
#include "daemon/cli/finding_groups.hpp"
#include "daemon/cli/render.hpp"
#include "daemon/cli/render_evidence.hpp"
#include "daemon/cli/table.hpp"

namespace aggmedic::cli {
namespace {

std::string allow_list_sentence(std::string_view verdict) {
    if (verdict == "right") return "right: adding the certificate's CN to requestheader-allowed-names is the repair.";
    if (verdict == "wrong") return "wrong: adding a name would change nothing, or hide the fault.";
    if (verdict == "dangerous") {
        return "dangerous: it would work, and whoever gets a certificate with that CN from the same CA could then act "
               "as "
               "any user. A plan asks you to accept exactly that.";
    }
    return "not a question here.";
}

std::string confidence_sentence(const FindingGroup& group) {
    if (group.confidence == "certain") {
        return "certain: the masters' files and the published ConfigMap were read, or the answer itself proves it.";
    }
    if (group.confidence == "probable") {
        return "probable: inferred from outside. It becomes certain when the masters' arguments and certificate files "
               "are "
               "read: give this cluster ssh and masters in the configuration.";
    }
    const auto fits = group.candidates.empty() ? std::string("several causes") : joined(group.candidates, ", ");
    return "ambiguous: " + fits +
           " fit what was seen, and none explains the other. Nothing is planned until one is ruled out; reading the "
           "masters "
           "over SSH mostly decides it.";
}

std::string labelled(const View& view, std::string_view label, std::string_view text) {
    return wrapped(view.style, fmt::format("   {:<16}", std::string(label) + ":"), text);
}

std::string ruled_out(const FindingGroup& group, const View& view) {
    if (group.rules_out.empty()) return {};
    std::string text = "   It is not:\n";
    for (const auto& other : group.rules_out) {
        text +=
            wrapped(view.style, "     - ", text_of(other, "cause") + ", because " + text_of(other, "because", 1024));
    }
    return text;
}

// Commands are never wrapped: they are copied.
std::string commands_to_type(const FindingGroup& group) {
    std::string text;
    for (const auto& command : group.next)
        text += (text.empty() ? "   Next:           " : "                   ") + command + "\n";
    return text;
}

std::string bullets(std::string_view title, const std::vector<std::string>& lines, const View& view) {
    if (lines.empty()) return {};
    std::string text = "   " + std::string(title) + ":\n";
    for (const auto& line : lines) text += wrapped(view.style, "     - ", line);
    return text;
}

std::string next_step(const FindingGroup& group, const nlohmann::json& cluster, const View& view) {
    if (!is_plannable(group)) {
        if (!group.next.empty() || !group.consequence_of.empty()) return commands_to_type(group);
        if (!cluster.contains("plannable")) return {};
        return labelled(view, "Next",
                        "follow the runbook below; then aggmedic check " + typed_word(text_of(cluster, "name")));
    }
    if (!view.kubeconfig.empty()) {
        return labelled(view, "Next",
                        "a repair needs the masters: write a configuration (aggmedic config init), then plan it");
    }
    if (cluster.contains("plannable") && !truth_of(cluster, "plannable")) {
        return labelled(view, "Next",
                        "a repair needs the masters: give this cluster ssh and masters in the configuration, then plan "
                        "it");
    }
    return labelled(view, "Next",
                    suggested(view, "plan " + typed_word(text_of(cluster, "name"))) + " (a dry run: changes nothing)");
}

std::string chapter(std::size_t number, const FindingGroup& group, const nlohmann::json& cluster, const View& view) {
    auto title = fmt::format("{}, {}", group.severity, group.confidence);
    if (!group.consequence_of.empty()) title += ", a consequence of " + group.consequence_of;
    if (!group.since.empty()) title += ", since " + group.since;
    const auto tone = group.severity == "critical"  ? Tone::bad
                      : group.severity == "warning" ? Tone::warning
                                                    : Tone::quiet;
    std::string text = fmt::format("\n{}. {} ({})\n", number, tinted(view.style, tone, group.cause), title);
    if (!group.meaning.empty()) text += wrapped(view.style, "   ", group.meaning);
    if (!group.master.empty()) text += labelled(view, "Master", group.master);
    if (!group.apiservices.empty()) text += labelled(view, "Affected", joined(group.apiservices, ", "));
    text += render_evidence(group, view) + ruled_out(group, view);
    text += bullets("What it costs", group.blast_radius, view);
    text += labelled(view, "How sure", confidence_sentence(group));
    if (!group.consequence_of.empty()) {
        text +=
            labelled(view, "What to do", "repair " + group.consequence_of + "; this follows from it. " + group.remedy);
    } else if (!group.remedy.empty()) {
        text += labelled(view, "What to do", group.remedy);
    }
    if (group.consequence_of.empty()) {
        text += labelled(view, "Allow-listing", allow_list_sentence(group.allow_list));
    }
    text += next_step(group, cluster, view);
    return text + labelled(view, "Runbook", "docs/causes/" + group.cause + ".md");
}

std::string seen_cost(const nlohmann::json& cluster, const View& view) {
    const auto radius = cluster.find("blast_radius");
    if (radius == cluster.end() || !radius->is_object()) return {};
    std::string text;
    for (const auto& sentence : texts_of(*radius, "text")) text += wrapped(view.style, "  - ", sentence);
    return text.empty() ? text
                        : "\n" + tinted(view.style, Tone::strong, "Seen of its cost in this cluster") + "\n" + text;
}

std::string not_observed(const nlohmann::json& cluster, const View& view) {
    const auto& facts = list_of(cluster, "unobserved");
    if (facts.empty()) return {};
    std::string text = "\nNot observed (neither healthy nor broken):\n";
    for (const auto& fact : facts) {
        const auto master = text_of(fact, "master");
        text += wrapped(
            view.style, "  - ",
            text_of(fact, "what") + (master.empty() ? "" : " of " + master) + ": " + text_of(fact, "reason", 1024));
    }
    return text;
}

// The names alone: every row is about the same flag.
std::string names_of(const nlohmann::json& master, std::string_view key) {
    static constexpr std::string_view flag = "--requestheader-allowed-names=";
    auto argument = text_of(master, key);
    if (argument.starts_with(flag)) argument.erase(0, flag.size());
    return argument;
}

std::string not_ready(const nlohmann::json& server) {
    const auto reason = text_of(server, "reason", 120);
    return reason.empty() ? "no" : "no: " + reason;
}

// Beside our own clock; the Date header has whole seconds.
std::string clock_of(const nlohmann::json& server) {
    const auto offset = number_of(server, "clock_offset_ms");
    if (!offset) return {};
    const auto seconds = *offset / 1000;
    if (seconds == 0) return "as ours";
    return seconds_text(seconds < 0 ? -seconds : seconds) + (seconds < 0 ? " behind ours" : " ahead of ours");
}

std::string timings_of(const nlohmann::json& cluster, const View& view) {
    Table timings({"CANARY TIMED AT", "THROUGH", "SLOWER IN NEW NAMESPACES", "JITTER", "SAYS"});
    for (const auto& timing : list_of(cluster, "canary_timing")) {
        const auto master = text_of(timing, "master");
        const auto pairs = number_of(timing, "pairs"), slower = number_of(timing, "slower");
        const auto jitter = number_of(timing, "jitter_us");
        const auto says = text_of(timing, "says");
        const auto reason = text_of(timing, "reason", 120);
        timings.add({{text_of(timing, "apiservice")},
                     {master.empty() ? "(server address)" : master},
                     {pairs && slower ? fmt::format("{} of {}", *slower, *pairs) : ""},
                     {jitter ? fmt::format("{} us", *jitter) : ""},
                     {!reason.empty()    ? reason
                      : says == "caller" ? "probably the caller"
                      : says == "masked" ? "no permission check: masked where the certificates allow it"
                                         : "nothing"}});
    }
    return timings.empty() ? std::string() : "\n" + timings.render(view.style);
}

// What the judgement rests on, side by side for every apiserver and master that was looked at.
std::string basis(const nlohmann::json& cluster, const View& view) {
    std::string text;
    if (const auto published = cluster.find("published"); published != cluster.end() && published->is_object()) {
        text += wrapped(view.style,
                        "Published allowed names: ", "[" + joined(texts_of(*published, "allowed_names"), ", ") + "]");
    }
    if (const auto caller = text_of(cluster, "caller"); !caller.empty()) text += "Asked as: " + caller + "\n";
    Table apiservers({"APISERVER", "ADDRESS", "READY", "VERSION", "CLOCK"});
    for (const auto& server : list_of(cluster, "apiservers")) {
        const auto master = text_of(server, "master");
        const bool ready = truth_of(server, "ready");
        apiservers.add({{master.empty() ? "(server address)" : master},
                        {text_of(server, "address")},
                        {ready ? "yes" : not_ready(server), ready ? std::nullopt : std::optional(Tone::warning)},
                        {text_of(server, "version")},
                        {clock_of(server)}});
    }
    Table masters({"MASTER OVER SSH", "PROXY-CLIENT CN", "ITS CERTIFICATE ENDS", "NAMES IN FILE", "NAMES IN PROCESS"});
    for (const auto& master : list_of(cluster, "masters")) {
        const bool seen = truth_of(master, "seen");
        const auto live = names_of(master, "live_argument");
        const auto file = names_of(master, "argument");
        masters.add({{text_of(master, "name")},
                     {seen ? text_of(master, "proxy_client_cn") : "not seen: " + text_of(master, "reason", 120)},
                     {time_of(master, "proxy_client_not_after")},
                     {file},
                     {seen && !live.empty() && live == file ? "the same" : live}});
    }
    if (!apiservers.empty()) text += "\n" + apiservers.render(view.style);
    if (!masters.empty()) text += "\n" + masters.render(view.style);
    return text + timings_of(cluster, view);
}

bool names_collapse(const nlohmann::json& fact) {
    const auto causes = texts_of(fact, "causes");
    return std::ranges::find(causes, "identity-collapse") != causes.end();
}

std::string without_findings(const nlohmann::json& cluster) {
    if (text_of(cluster, "state") != "healthy")
        return ": unknown. Nothing is known to be broken, but not everything could be seen.\n";
    const bool open = std::ranges::any_of(list_of(cluster, "unobserved"), names_collapse);
    return open
               ? ": healthy. Every aggregated API answered, through every apiserver that was asked; that each took the "
                 "caller for who it is, is not proven.\n"
               : ": healthy. Every aggregated API answered as its caller, through every apiserver that was asked.\n";
}

std::string explained(const nlohmann::json& cluster, const View& view) {
    const auto groups = grouped_findings(cluster);
    const auto name = text_of(cluster, "name");
    const auto version = text_of(cluster, "kubernetes");
    std::string text = tinted(view.style, Tone::strong, name);
    if (!version.empty()) text += " (Kubernetes " + version + ")";
    if (groups.empty()) {
        text += without_findings(cluster);
    } else {
        text += ": " + counted(groups.size(), "finding", "findings") + "\n";
    }
    for (std::size_t index = 0; index < groups.size(); ++index) {
        text += chapter(index + 1, groups[index], cluster, view);
    }
    text += seen_cost(cluster, view);
    const auto looked_at = basis(cluster, view);
    if (!looked_at.empty()) text += "\n" + tinted(view.style, Tone::strong, "What it rests on") + "\n" + looked_at;
    return text + not_observed(cluster, view);
}

}  // namespace

std::string render_explain(const nlohmann::json& result, const View& view) {
    std::string text;
    for (const auto& cluster : list_of(result, "clusters"))
        text += (text.empty() ? "" : "\n") + explained(cluster, view);
    return text.empty() ? "No clusters are configured.\n" : text;
}

}  // namespace aggmedic::cli
