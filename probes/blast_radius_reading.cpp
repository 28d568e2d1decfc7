#include "probes/blast_radius_reading.hpp"

#include <algorithm>

#include "probes/apiservice.hpp"
#include "probes/json_reading.hpp"

namespace aggmedic::probes {

namespace {

using nlohmann::json;

constexpr std::size_t names_kept = 5;
constexpr std::size_t token_bytes_max = 4096;
constexpr const char* v1_conditions = "autoscaling.alpha.kubernetes.io/conditions";

enum class Fate { well, struck, unexplained };

std::string name_of(const json& item) {
    const auto& metadata = object_at(item, "metadata");
    const auto name = text_at(metadata, "name"), space = text_at(metadata, "namespace");
    if (!is_path_word(name) || (!space.empty() && !is_path_word(space))) return {};
    return space.empty() ? name : space + "/" + name;
}

// Base64 as kube-apiserver writes it; whatever else it holds does not go into a query.
bool is_token(std::string_view token) {
    return token.size() <= token_bytes_max && std::ranges::all_of(token, [](char c) {
               return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                      c == '_' || c == '=';
           });
}

template <class Judge>
Result<StruckPage> read_page(const Result<json>& document, std::string_view kind, Judge fate_of) {
    if (!document) return std::unexpected(document.error());
    if (text_at(*document, "kind") != kind) return fail(Errc::malformed_reply, "the answer is no " + std::string(kind));
    StruckPage page;
    for (const auto& item : array_at(*document, "items")) {
        const auto name = name_of(item);
        if (name.empty()) continue;
        const Fate fate = fate_of(item);
        if (fate == Fate::struck) add(page.struck, {.count = 1, .names = {name}});
        if (fate == Fate::unexplained) ++page.struck.unexplained;
    }
    page.next = text_at(object_at(*document, "metadata"), "continue");
    if (!is_token(page.next)) return fail(Errc::malformed_reply, "the list's continue token is none");
    return page;
}

Fate fate_of_namespace(const json& item) {
    const auto& status = object_at(item, "status");
    if (text_at(status, "phase") != "Terminating") return Fate::well;
    const auto& conditions = array_at(status, "conditions");
    const bool by_discovery = std::ranges::any_of(conditions, [](const json& condition) {
        return text_at(condition, "type") == "NamespaceDeletionDiscoveryFailure" &&
               text_at(condition, "status") == "True";
    });
    if (by_discovery) return Fate::struck;
    return conditions.empty() ? Fate::unexplained : Fate::well;
}

// `unable to fetch metrics from resource metrics API: ...` since 1.8: the API, and not what it said of one pod.
Fate fate_of_condition(const json& condition) {
    if (text_at(condition, "type") != "ScalingActive" || text_at(condition, "status") != "False") return Fate::well;
    const auto reason = text_at(condition, "reason");
    if (!reason.starts_with("FailedGet") || !reason.ends_with("Metric")) return Fate::well;
    const auto message = text_at(condition, "message");
    return message.find("unable to fetch metrics from") != std::string::npos ? Fate::struck : Fate::unexplained;
}

Fate fate_of_autoscaler(const json& item) {
    json annotated;
    const auto* conditions = &array_at(object_at(item, "status"), "conditions");
    const auto written = text_at(object_at(object_at(item, "metadata"), "annotations"), v1_conditions);
    if (conditions->empty() && !written.empty()) {
        const auto read =
            read_json_object("{\"conditions\":" + written + "}", {"conditions", "type", "status", "reason", "message"});
        if (!read) return Fate::well;
        annotated = *read;
        conditions = &array_at(annotated, "conditions");
    }
    Fate worst = Fate::well;
    for (const auto& condition : *conditions) {
        const auto fate = fate_of_condition(condition);
        if (fate == Fate::struck) return fate;
        if (fate == Fate::unexplained) worst = fate;
    }
    return worst;
}

// Between two tries a container runs for a while, and shows only that it keeps ending.
bool keeps_ending(const json& container) {
    constexpr std::int64_t restarts_min = 3;
    if (text_at(object_at(object_at(container, "state"), "waiting"), "reason") == "CrashLoopBackOff") return true;
    const auto restarts = container.find("restartCount");
    const auto& ended = object_at(object_at(container, "lastState"), "terminated");
    const auto code = ended.find("exitCode");
    return !flag_at(container, "ready") && restarts != container.end() && restarts->is_number_integer() &&
           restarts->get<std::int64_t>() >= restarts_min && code != ended.end() && code->is_number_integer() &&
           code->get<std::int64_t>() != 0;
}

Fate fate_of_pod(const json& item) {
    const auto& status = object_at(item, "status");
    for (const auto* key : {"containerStatuses", "initContainerStatuses"}) {
        const auto& containers = array_at(status, key);
        const bool any = std::ranges::any_of(
            containers, [](const json& container) { return container.is_object() && keeps_ending(container); });
        if (any) return Fate::struck;
    }
    return Fate::well;
}

}  // namespace

void add(Struck& all, const Struck& more) {
    all.count += more.count;
    all.unexplained += more.unexplained;
    all.is_cut = all.is_cut || more.is_cut;
    all.names.insert(all.names.end(), more.names.begin(), more.names.end());
    if (all.names.size() > names_kept) all.names.resize(names_kept);
}

Result<StruckPage> parse_stuck_namespaces(std::string_view text) {
    const auto document = read_json_object(
        text, {"kind", "metadata", "continue", "items", "name", "status", "phase", "conditions", "type"});
    return read_page(document, "NamespaceList", fate_of_namespace);
}

Result<StruckPage> parse_frozen_autoscalers(std::string_view text) {
    const auto document =
        read_json_object(text, {"kind", "metadata", "continue", "items", "name", "namespace", "annotations",
                                v1_conditions, "status", "conditions", "type", "reason", "message"});
    return read_page(document, "HorizontalPodAutoscalerList", fate_of_autoscaler);
}

Result<StruckPage> parse_crash_loops(std::string_view text, const std::set<std::string>& own) {
    const auto document =
        read_json_object(text, {"kind", "metadata", "continue", "items", "name", "namespace", "status",
                                "containerStatuses", "initContainerStatuses", "state", "waiting", "reason", "ready",
                                "restartCount", "lastState", "terminated", "exitCode"});
    return read_page(document, "PodList", [&](const json& item) {
        return own.contains(text_at(object_at(item, "metadata"), "name")) ? Fate::well : fate_of_pod(item);
    });
}

}  // namespace aggmedic::probes
