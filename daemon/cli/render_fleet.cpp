#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "daemon/cli/fields.hpp"
#include "daemon/cli/render.hpp"
#include "daemon/cli/table.hpp"

namespace aggmedic::cli {
namespace {

Tone tone_of_state(std::string_view state) {
    return state == "healthy" ? Tone::good : state == "findings" ? Tone::bad : Tone::warning;
}

// "cn-not-allowed (2), proxy-cert-expired"
std::string causes_in_short(const nlohmann::json& cluster) {
    std::vector<std::string> order;
    std::map<std::string, int> counts;
    for (const auto& finding : list_of(cluster, "findings")) {
        auto cause = text_of(finding, "cause");
        if (++counts[cause] == 1) order.push_back(std::move(cause));
    }
    for (auto& cause : order) {
        if (const int count = counts[cause]; count > 1) cause += fmt::format(" ({})", count);
    }
    return joined(order, ", ");
}

std::string unobserved_count(const nlohmann::json& cluster) {
    if (const auto& facts = list_of(cluster, "unobserved"); !facts.empty()) return std::to_string(facts.size());
    const auto count = number_of(cluster, "unobserved").value_or(0);
    return count == 0 ? std::string() : std::to_string(count);
}

// What the daemon does about a cluster by itself, or what keeps it from that.
std::string repair_in_words(const nlohmann::json& cluster, const View& view, bool is_automatic) {
    const auto& repair = cluster.is_object() && cluster.contains("repair") ? cluster["repair"] : nlohmann::json();
    if (!repair.is_object()) return {};
    const auto lead = tinted(view.style, Tone::strong, text_of(cluster, "name") + ":") + " ";
    std::string text;
    for (const auto& drift : list_of(repair, "drift"))
        text += wrapped(view.style, lead, text_of(drift, "master") + " has drifted. " + text_of(drift, "how", 1024));
    const auto tell = [&](const char* key, std::string_view what) {
        for (const auto& refusal : list_of(repair, key)) {
            text +=
                wrapped(view.style, lead,
                        std::string(what) + text_of(refusal, "reason", 2048) + " [" + text_of(refusal, "gate") + "]");
        }
    };
    tell("plan_refusals", "no plan is made by itself. ");
    if (const auto plan = text_of(repair, "plan"); !plan.empty()) {
        text += wrapped(view.style, lead,
                        "a plan is ready until " + time_of(repair, "plan_expires") +
                            (is_automatic ? ". By hand:" : ", and waits for a person:")) +
                "  " + suggested(view, "apply " + typed_word(plan)) + "\n";
    }
    tell("start_refusals", "not repaired by itself. ");
    return text;
}

}  // namespace

std::string render_status(const nlohmann::json& result, const View& view) {
    const auto& clusters = list_of(result, "clusters");
    std::size_t healthy = 0;
    std::string broken;
    Table table({"CLUSTER", "STATE", "KUBERNETES", "FINDINGS", "NOT OBSERVED", "OBSERVED", "RUN", "PAUSED"});
    for (const auto& cluster : clusters) {
        const auto state = text_of(cluster, "state");
        if (state == "healthy") ++healthy;
        if (state == "findings" && broken.empty()) broken = text_of(cluster, "name");
        table.add({{text_of(cluster, "name")},
                   {state, tone_of_state(state)},
                   {text_of(cluster, "kubernetes")},
                   {causes_in_short(cluster)},
                   {unobserved_count(cluster)},
                   {time_of(cluster, "last_observation")},
                   {text_of(cluster, "run")},
                   {truth_of(cluster, "paused") ? "paused" : "", Tone::warning}});
    }
    if (clusters.empty()) return "No clusters are configured.\n";
    std::string text = fmt::format("{} healthy of {}", healthy, counted(clusters.size(), "cluster", "clusters"));
    text += truth_of(result, "paused") ? "; the whole fleet is paused: no run starts.\n" : ".\n";
    text += "\n" + table.render(view.style);
    if (const auto& suspended = result.contains("suspended") ? result["suspended"] : nlohmann::json();
        suspended.is_object()) {
        text += "\n" + wrapped(view.style, tinted(view.style, Tone::bad, "Automatic repair is suspended") + " ",
                               "since " + time_of(suspended, "since") + ": " + text_of(suspended, "why", 1024) +
                                   ". Look for what these clusters share; then: " + suggested(view, "resume"));
    }
    std::string repairs;
    for (const auto& cluster : clusters) repairs += repair_in_words(cluster, view, text_of(result, "mode") == "auto");
    if (!repairs.empty()) text += "\n" + repairs;
    if (!broken.empty()) text += "\nNext: " + suggested(view, "explain " + typed_word(broken)) + "\n";
    return text;
}

std::string render_paused(const nlohmann::json& result, const View& view) {
    auto paused = texts_of(result, "paused");
    if (paused.empty()) return "Nothing is paused.\n";
    const bool fleet = std::erase(paused, "") > 0;
    std::string words = fleet ? "Paused: the whole fleet" : "Paused: ";
    if (!paused.empty()) words += (fleet ? ", and by name " : "") + joined(paused, ", ");
    words += ". No run starts there; one in flight goes on.";
    return wrapped(view.style, "", words) +
           "End it with: " + suggested(view, fleet ? "resume" : "resume " + typed_word(paused.front())) + "\n";
}

std::string render_preflight(const nlohmann::json& result, const View& view) {
    std::string text;
    for (const auto& cluster : list_of(result, "clusters")) {
        const auto state = text_of(cluster, "state");
        const auto& refusals = list_of(cluster, "refusals");
        const auto lead = tinted(view.style, tone_of_state(state), text_of(cluster, "name") + ":") + " ";
        if (refusals.empty() && state == "healthy") {
            text += wrapped(view.style, lead, "every master would come back from a restart, as far as could be asked.");
            continue;
        }
        const auto words = state == "unknown" ? "cannot tell whether every master would come back from a restart:"
                                              : "do not restart an apiserver here yet:";
        text += wrapped(view.style, lead, words);
        for (const auto& refusal : refusals) {
            const auto subject = text_of(refusal, "subject");
            text += wrapped(view.style, "  - ",
                            (subject.empty() ? "" : subject + ": ") + text_of(refusal, "reason", 2048) + " [" +
                                text_of(refusal, "gate") + "]");
        }
    }
    return text.empty() ? "No clusters are configured.\n" : text;
}

}  // namespace aggmedic::cli
