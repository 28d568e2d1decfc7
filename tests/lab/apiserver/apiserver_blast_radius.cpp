#include <fmt/format.h>

#include "tests/lab/apiserver/apiserver_objects.hpp"

// What a failing aggregated API costs elsewhere: namespaces on their way out and autoscalers, as many as the switches
// say, which wait while no API that they need answers.
namespace aggmedic::lab {
namespace {

using Json = nlohmann::json;

int how_many(const Asked& asked, const char* key) {
    const auto value = fault(asked.server.world.faults(), key);
    return value ? (value->empty() ? 1 : std::stoi(*value)) : 0;
}

bool is_unavailable(const Json& api_service) {
    return api_service.value("condition", Json::object()).value("status", "") == "False";
}

// The first APIService with that end of its group that is not available; empty: all are.
std::string unavailable(const Asked& asked, std::string_view group_end) {
    for (const auto& [key, entry] : asked.server.store.list("apiservice/")) {
        const std::string group = entry.value["spec"]["group"];
        if (group.ends_with(group_end) && is_unavailable(entry.value))
            return group + "/" + entry.value["spec"]["version"].get<std::string>();
    }
    return {};
}

Ordered leaving(const Asked& asked, int index, const std::string& api) {
    Ordered object = {{"metadata",
                       {{"name", fmt::format("leaving-{}", index)},
                        {"creationTimestamp", "2026-11-22T23:47:22Z"},
                        {"deletionTimestamp", "2026-11-22T23:50:00Z"}}},
                      {"spec", {{"finalizers", {"kubernetes"}}}},
                      {"status", {{"phase", "Terminating"}}}};
    if (asked.server.generation.minor < 16) return object;
    const Ordered failed = {{"type", "NamespaceDeletionDiscoveryFailure"},
                            {"status", "True"},
                            {"lastTransitionTime", "2026-11-22T23:50:05Z"},
                            {"reason", "DiscoveryFailed"},
                            {"message",
                             "Discovery failed for some groups, 1 failing: unable to retrieve the complete list of "
                             "server APIs: " +
                                 api + ": the server is currently unable to handle the request"}};
    object["status"]["conditions"] = Ordered::array({failed});
    return object;
}

Ordered active_condition(bool is_active) {
    if (is_active)
        return {{"type", "ScalingActive"},
                {"status", "True"},
                {"lastTransitionTime", "2026-11-22T23:50:05Z"},
                {"reason", "ValidMetricFound"},
                {"message",
                 "the HPA was able to successfully calculate a replica count from cpu resource utilization (percentage "
                 "of request)"}};
    return {{"type", "ScalingActive"},
            {"status", "False"},
            {"lastTransitionTime", "2026-11-22T23:50:05Z"},
            {"reason", "FailedGetResourceMetric"},
            {"message",
             "the HPA was unable to compute the replica count: unable to get metrics for resource cpu: unable to fetch "
             "metrics from resource metrics API: the server is currently unable to handle the request (get "
             "pods.metrics.k8s.io)"}};
}

}  // namespace

// Namespaces that were deleted: gone at once, unless the discovery of some API fails.
Ordered namespaces_that_leave(const Asked& asked) {
    Ordered items = Ordered::array();
    const std::string api = unavailable(asked, "");
    for (int i = 0; !api.empty() && i < how_many(asked, "namespaces-leaving"); ++i)
        items.push_back(leaving(asked, i, api));
    return items;
}

// v1 has the conditions in an annotation; v2 is there from 1.23 on.
std::optional<model::Answer> serve_autoscalers(const Asked& asked) {
    const bool is_v1 = asked.what.version == "v1";
    if (!is_v1 && (asked.what.version != "v2" || asked.server.generation.minor < 23)) return std::nullopt;
    if (!asked.what.name.empty()) return asked.not_found();
    const auto conditions = Ordered::array({active_condition(unavailable(asked, "metrics.k8s.io").empty())});
    Ordered items = Ordered::array();
    for (int i = 0; i < how_many(asked, "autoscalers"); ++i) {
        Ordered object = {{"metadata", {{"name", fmt::format("web-{}", i)}, {"namespace", "default"}}},
                          {"status", {{"currentReplicas", 2}, {"desiredReplicas", 2}}}};
        if (is_v1)
            object["metadata"]["annotations"]["autoscaling.alpha.kubernetes.io/conditions"] = conditions.dump();
        else
            object["status"]["conditions"] = conditions;
        items.push_back(std::move(object));
    }
    return asked.ok(list_of(asked, "HorizontalPodAutoscalerList", "autoscaling/" + asked.what.version, items));
}

// Service catalog's controller-manager, which ends whenever it cannot reach its API.
std::optional<Ordered> crashing_neighbour(const Asked& asked) {
    if (!fault(asked.server.world.faults(), "controller-manager")) return std::nullopt;
    const bool crashes = !unavailable(asked, "servicecatalog.k8s.io").empty();
    Ordered container = {{"name", "controller-manager"}, {"ready", !crashes}, {"restartCount", crashes ? 7 : 0}};
    if (crashes) {
        container["state"] = {{"waiting", {{"reason", "CrashLoopBackOff"}}}};
        container["lastState"] = {{"terminated", {{"exitCode", 1}, {"reason", "Error"}}}};
    } else {
        container["state"] = {{"running", {{"startedAt", "2026-11-22T23:47:22Z"}}}};
    }
    return Ordered{
        {"metadata",
         {{"name", "catalog-catalog-controller-manager-5d8f7-x2x9q"},
          {"namespace", "catalog"},
          {"labels", {{"app", "catalog-catalog-controller-manager"}}}}},
        {"spec", {{"nodeName", "node-0"}, {"containers", Ordered::array({{{"name", "controller-manager"}}})}}},
        {"status", {{"phase", "Running"}, {"containerStatuses", Ordered::array({container})}}}};
}

}  // namespace aggmedic::lab
