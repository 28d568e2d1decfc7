#include "daemon/blast_radius_words.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>
#include <nlohmann/json.hpp>

#include "net/text.hpp"

namespace aggmedic::daemon {
namespace {

using nlohmann::json;
using probes::BlastRadius;
using probes::Seen;
using probes::Struck;

struct Kind {
    const char* key;
    Seen<Struck> BlastRadius::* part;
    const char* one;
    const char* many;
    const char* fate_of_one;
    const char* fate_of_many;
    const char* unexplained;  // what is said of those that do not say why
    const char* none;
};

constexpr std::array<Kind, 3> kinds{{
    {"namespaces_terminating", &BlastRadius::namespaces, "namespace", "namespaces",
     "cannot be deleted until its discovery works", "cannot be deleted until their discovery works",
     "Terminating without saying why", "no namespace is stuck in its deletion over it"},
    {"autoscalers_frozen", &BlastRadius::autoscalers, "HorizontalPodAutoscaler", "HorizontalPodAutoscalers",
     "keeps its size for want of metrics", "keep their size for want of metrics", "without metrics for another reason",
     "no HorizontalPodAutoscaler stands still over it"},
    {"pods_crash_looping", &BlastRadius::pods, "pod", "pods", "crash-loops beside the extension API server",
     "crash-loop beside the extension API servers", "unclear",
     "no other pod crash-loops in the namespaces of its service"},
}};

json part_json(const Struck& struck) {
    json names = json::array();
    for (const auto& name : struck.names) names.push_back(printable(name, 256));
    return {{"count", struck.count},
            {"at_least", struck.is_cut},
            {"unexplained", struck.unexplained},
            {"names", std::move(names)}};
}

std::string names_of(const Struck& struck) {
    std::vector<std::string> names;
    for (const auto& name : struck.names) names.push_back(printable(name, 256));
    if (struck.count > names.size()) names.emplace_back("...");
    return fmt::format("{}", fmt::join(names, ", "));
}

void say(const Kind& kind, const Struck& struck, json& sentences) {
    const std::string_view at_least = struck.is_cut ? "at least " : "";
    if (struck.count > 0) {
        const bool is_one = struck.count == 1;
        sentences.push_back(fmt::format("{}{} {} {}: {}", at_least, struck.count, is_one ? kind.one : kind.many,
                                        is_one ? kind.fate_of_one : kind.fate_of_many, names_of(struck)));
    }
    if (struck.unexplained > 0) {
        sentences.push_back(fmt::format("{}{} more {} {}", at_least, struck.unexplained,
                                        struck.unexplained == 1 ? kind.one : kind.many, kind.unexplained));
    }
    if (struck.count == 0 && struck.unexplained == 0) {
        sentences.push_back(fmt::format("{}{}", kind.none, struck.is_cut ? ", among those that were looked at" : ""));
    }
}

void add_kind(const Kind& kind, const Seen<Struck>& part, json& value) {
    value[kind.key] = part ? part_json(*part) : json();
    if (part) return say(kind, *part, value["text"]);
    const auto& why = part.why();
    if (why.reason == "not-asked") return;
    const auto reason = printable(why.detail.empty() ? why.reason : why.reason + ": " + why.detail, 320);
    value["unobserved"].push_back({{"what", kind.many}, {"reason", reason}});
    value["text"].push_back(fmt::format("{}: not seen ({})", kind.many, reason));
}

}  // namespace

json blast_radius_json(const Seen<BlastRadius>& seen) {
    if (!seen) return nullptr;
    json value{{"unobserved", json::array()}, {"text", json::array()}};
    for (const auto& kind : kinds) add_kind(kind, (*seen).*kind.part, value);
    return value;
}

}  // namespace aggmedic::daemon
