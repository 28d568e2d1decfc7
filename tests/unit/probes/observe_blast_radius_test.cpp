#include "probes/observe_blast_radius.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "blast_radius_answers.hpp"

namespace aggmedic::probes {

namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;

ProbeSettings wanting() {
    ProbeSettings settings;
    settings.blast_radius = true;
    return settings;
}

}  // namespace

class ObserveBlastRadiusTest : public ObserveTest {};

TEST_F(ObserveBlastRadiusTest, SeesWhatAFailingApiCosts) {
    FakeApiserver apiserver(ca);
    add_blast_radius(apiserver);
    const auto observation = observe(target(apiserver.port()), wanting());
    ASSERT_TRUE(observation.blast_radius);
    EXPECT_THAT(observation.blast_radius->namespaces->names, ElementsAre("old", "older"));
    EXPECT_FALSE(observation.blast_radius->namespaces->is_cut);
    EXPECT_THAT(observation.blast_radius->pods->names, ElementsAre("ns/controller-manager"));
    EXPECT_EQ(observation.blast_radius->autoscalers.why().reason, "not-asked") << "no metrics API fails";
    EXPECT_EQ(to_json(observation).dump().find("canary-secret"), std::string::npos);
}

TEST_F(ObserveBlastRadiusTest, AHealthyClusterAndACycleThatDoesNotWantItAreAskedNothing) {
    FakeApiserver healthy(ca), failing(ca);
    add_blast_radius(failing);
    EXPECT_FALSE(observe(target(healthy.port()), wanting()).blast_radius);
    EXPECT_FALSE(observe(target(failing.port())).blast_radius);
    EXPECT_EQ(healthy.asked(stuck_path), 0);
    EXPECT_EQ(failing.asked(stuck_path), 0);
}

TEST_F(ObserveBlastRadiusTest, AMissingPermissionNamesTheRuleAndChangesNoVerdict) {
    FakeApiserver apiserver(ca);
    add_blast_radius(apiserver);
    for (const auto* path : {stuck_path, neighbours_path}) apiserver.answers[path] = forbidden;
    const auto observation = observe(target(apiserver.port()), wanting());
    EXPECT_EQ(observation.blast_radius->namespaces.why().reason, "forbidden");
    EXPECT_EQ(observation.blast_radius->namespaces.why().detail, "the probe may not list namespaces");
    EXPECT_EQ(observation.blast_radius->pods.why().detail, "the probe may not list pods in namespace ns");
}

TEST_F(ObserveBlastRadiusTest, AutoscalersAreAskedInTheVersionThatThereIs) {
    FakeApiserver apiserver(ca);
    apiserver.answers[FakeApiserver::list] =
        ok({{"kind", "APIServiceList"}, {"items", {apiservice("custom.metrics.k8s.io")}}});
    apiserver.answers["/apis/custom.metrics.k8s.io/v1"] = failure;
    apiserver.answers[autoscalers_v1_path] = ok({{"kind", "HorizontalPodAutoscalerList"}, {"items", json::array()}});
    const auto observation = observe(target(apiserver.port()), wanting());
    ASSERT_TRUE(observation.blast_radius->autoscalers);
    EXPECT_EQ(observation.blast_radius->autoscalers->count, 0U);
    EXPECT_EQ(apiserver.asked(autoscalers_v2_path), 1);
}

TEST_F(ObserveBlastRadiusTest, AListWithoutEndIsCutAndSaysSo) {
    FakeApiserver apiserver(ca);
    add_blast_radius(apiserver);
    const auto page =
        ok({{"kind", "NamespaceList"}, {"metadata", {{"continue", "again"}}}, {"items", {stuck_namespace("old")}}});
    const auto next = std::string(stuck_path) + "&continue=again";
    apiserver.answers[stuck_path] = page;
    apiserver.answers[next] = page;
    const auto observation = observe(target(apiserver.port()), wanting());
    EXPECT_TRUE(observation.blast_radius->namespaces->is_cut);
    EXPECT_EQ(observation.blast_radius->namespaces->count, 4U);
    EXPECT_EQ(apiserver.asked(next), 3);
}

TEST_F(ObserveBlastRadiusTest, AListThatHangsBoundsTheLook) {
    FakeApiserver apiserver(ca);
    add_blast_radius(apiserver);
    apiserver.answers[stuck_path] = "hang";
    auto settings = wanting();
    settings.timeout = 1500ms;
    const auto observation = observe(target(apiserver.port()), settings);
    EXPECT_EQ(observation.blast_radius->namespaces.why().reason, "timeout");
}

}  // namespace aggmedic::probes
