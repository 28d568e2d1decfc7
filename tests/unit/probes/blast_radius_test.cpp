#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "probes/blast_radius_reading.hpp"

namespace aggmedic::probes {

namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::IsEmpty;

json list(const char* kind, const json& items, const std::string& next = "") {
    return {{"kind", kind}, {"metadata", {{"continue", next}}}, {"items", items}};
}

json terminating(const std::string& name, const json& conditions) {
    return {{"metadata", {{"name", name}}}, {"status", {{"phase", "Terminating"}, {"conditions", conditions}}}};
}

json condition(const char* type, const char* status, const char* reason = "", const char* message = "") {
    return {{"type", type}, {"status", status}, {"reason", reason}, {"message", message}};
}

const char* const unauthorized =
    "the HPA was unable to compute the replica count: unable to get metrics for resource cpu: unable to fetch metrics "
    "from resource metrics API: Unauthorized (get pods.metrics.k8s.io)";

json pod(const std::string& name, const json& container) {
    return {{"metadata", {{"name", name}, {"namespace", "catalog"}}},
            {"status", {{"containerStatuses", json::array({container})}}}};
}

}  // namespace

TEST(StuckNamespaces, AreThoseWhoseDeletionWaitsForDiscovery) {
    const auto page = parse_stuck_namespaces(
        list("NamespaceList", {terminating("waits", json::array({condition("NamespaceDeletionDiscoveryFailure", "True",
                                                                           "DiscoveryFailed")})),
                               terminating("finalizer", {condition("NamespaceDeletionDiscoveryFailure", "False"),
                                                         condition("NamespaceFinalizersRemaining", "True")}),
                               terminating("old-kubernetes", json::array()),
                               {{"metadata", {{"name", "lives"}}}, {"status", {{"phase", "Active"}}}}})
            .dump());
    ASSERT_TRUE(page);
    EXPECT_EQ(page->struck.count, 1U);
    EXPECT_THAT(page->struck.names, ElementsAre("waits"));
    EXPECT_EQ(page->struck.unexplained, 1U) << "before 1.16 a namespace does not say why";
    EXPECT_EQ(page->next, "");
}

TEST(StuckNamespaces, KeepAFewNamesAndCountAll) {
    Struck all;
    for (int i = 0; i < 3; ++i) add(all, {.count = 4, .names = {"a", "b", "c", "d"}});
    EXPECT_EQ(all.count, 12U);
    EXPECT_EQ(all.names.size(), 5U);
}

TEST(StuckNamespaces, ANameThatIsNoneIsLeftOutAndATokenThatIsNoneRefused) {
    const auto waits = json::array({condition("NamespaceDeletionDiscoveryFailure", "True")});
    const auto hostile = parse_stuck_namespaces(
        list("NamespaceList", {terminating("\x1b[31mred", waits), terminating("a/b", waits)}, "eyJ2Ijoi_-=").dump());
    ASSERT_TRUE(hostile);
    EXPECT_EQ(hostile->struck.count, 0U);
    EXPECT_EQ(hostile->next, "eyJ2Ijoi_-=");
    EXPECT_FALSE(parse_stuck_namespaces(list("NamespaceList", json::array(), "x&limit=0\r\nHost: evil").dump()));
    EXPECT_FALSE(parse_stuck_namespaces(list("PodList", json::array()).dump()));
    EXPECT_FALSE(parse_stuck_namespaces("[]"));
}

TEST(FrozenAutoscalers, AreThoseThatCannotFetchMetricsInEitherVersion) {
    const auto with = [](const char* name, const json& conditions) -> json {
        return {{"metadata", {{"name", name}, {"namespace", "shop"}}}, {"status", {{"conditions", conditions}}}};
    };
    const json annotated = {
        {"metadata",
         {{"name", "v1"},
          {"namespace", "shop"},
          {"annotations",
           {{"autoscaling.alpha.kubernetes.io/conditions",
             json::array({condition("ScalingActive", "False", "FailedGetResourceMetric", unauthorized)}).dump()}}}}}};
    const auto page = parse_frozen_autoscalers(
        list("HorizontalPodAutoscalerList",
             {with("v2", {condition("AbleToScale", "True"),
                          condition("ScalingActive", "False", "FailedGetResourceMetric", unauthorized)}),
              annotated,
              with("no-request", json::array({condition("ScalingActive", "False", "FailedGetResourceMetric",
                                                        "missing request for cpu in container web of Pod web-1")})),
              with("disabled", json::array({condition("ScalingActive", "False", "ScalingDisabled")})),
              with("well", json::array({condition("ScalingActive", "True", "ValidMetricFound")}))})
            .dump());
    ASSERT_TRUE(page);
    EXPECT_THAT(page->struck.names, ElementsAre("shop/v2", "shop/v1"));
    EXPECT_EQ(page->struck.count, 2U);
    EXPECT_EQ(page->struck.unexplained, 1U) << "the metrics API answered: the pod asks for no cpu";
}

TEST(CrashLoops, AreThoseOfOtherPodsThanTheApisOwn) {
    const json waiting = {{"state", {{"waiting", {{"reason", "CrashLoopBackOff"}}}}}, {"restartCount", 9}};
    const json between = {{"ready", false},
                          {"state", {{"running", json::object()}}},
                          {"restartCount", 3},
                          {"lastState", {{"terminated", {{"exitCode", 1}}}}}};
    json once = between, rolled = between;
    once["restartCount"] = 1;
    rolled["ready"] = true;
    const auto text = list("PodList", {pod("controller-manager", waiting), pod("apiserver", waiting),
                                       pod("between-two-tries", between), pod("once", once), pod("rolled", rolled)})
                          .dump();
    const auto page = parse_crash_loops(text, {"apiserver"});
    ASSERT_TRUE(page);
    EXPECT_THAT(page->struck.names, ElementsAre("catalog/controller-manager", "catalog/between-two-tries"));
    EXPECT_THAT(parse_crash_loops(list("PodList", json::array()).dump(), {})->struck.names, IsEmpty());
}

}  // namespace aggmedic::probes
