#pragma once

#include "backend_answers.hpp"

// What a failing APIService of FakeApiserver costs: two namespaces that cannot go, a neighbour in a crash loop.
namespace aggmedic::probes {

inline constexpr const char* stuck_path = "/api/v1/namespaces?fieldSelector=status.phase%3DTerminating&limit=100";
inline constexpr const char* neighbours_path = "/api/v1/namespaces/ns/pods?limit=50";
inline constexpr const char* autoscalers_v1_path = "/apis/autoscaling/v1/horizontalpodautoscalers?limit=100";
inline constexpr const char* autoscalers_v2_path = "/apis/autoscaling/v2/horizontalpodautoscalers?limit=100";

inline json stuck_namespace(const std::string& name) {
    return {{"metadata", {{"name", name}}},
            {"status",
             {{"phase", "Terminating"},
              {"conditions",
               {{{"type", "NamespaceDeletionDiscoveryFailure"},
                 {"status", "True"},
                 {"message", "token=canary-secret"}}}}}}};
}

inline void add_blast_radius(FakeApiserver& apiserver) {
    add_backend(apiserver);
    apiserver.answers[stuck_path] =
        ok({{"kind", "NamespaceList"}, {"items", {stuck_namespace("old"), stuck_namespace("older")}}});
    const json crashing = {{"state", {{"waiting", {{"reason", "CrashLoopBackOff"}, {"message", "canary-secret"}}}}}};
    auto items = json::array();
    for (const auto* name : {"controller-manager", "pod-0"}) {
        items.push_back({{"metadata", {{"name", name}, {"namespace", "ns"}}},
                         {"status", {{"containerStatuses", json::array({crashing})}}}});
    }
    apiserver.answers[neighbours_path] = ok({{"kind", "PodList"}, {"items", items}});
}

}  // namespace aggmedic::probes
