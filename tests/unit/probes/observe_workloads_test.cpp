#include "probes/observe_workloads.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "backend_answers.hpp"

namespace aggmedic::probes {

namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

}  // namespace

class ObserveWorkloadsTest : public ObserveTest {};

TEST_F(ObserveWorkloadsTest, SeesWhatStandsBehindAFailingApi) {
    FakeApiserver apiserver(ca, 2);
    add_backend(apiserver);
    const auto observation = observe(target(apiserver.port()));
    const auto* workload = observation.workload("v1.g0.example");
    ASSERT_NE(workload, nullptr);
    EXPECT_TRUE(*workload->namespace_exists);
    EXPECT_EQ(workload->service->cluster_ip, "10.100.200.7");
    EXPECT_EQ(workload->service->target_port, "8443");
    EXPECT_TRUE(workload->service->has_port);
    EXPECT_EQ(workload->endpoints->source, "endpoints");
    EXPECT_THAT(workload->endpoints->ready, ElementsAre("10.1.0.5:8443"));
    EXPECT_THAT(workload->endpoints->not_ready, ElementsAre("10.1.0.6:8443"));
    ASSERT_EQ(workload->pods->size(), 1U);
    const auto& pod = workload->pods->at(0);
    EXPECT_TRUE(pod.ready);
    EXPECT_TRUE(*pod.node_ready);
    EXPECT_EQ(pod.restarts, 4);
    EXPECT_EQ(pod.started_at, from_rfc3339("2026-11-23T00:10:00Z"));
    EXPECT_EQ(pod.last_exit_reason, "Error");
    ASSERT_TRUE(workload->may_review_access);
    EXPECT_FALSE(*workload->may_review_access);
    ASSERT_EQ(workload->logs->size(), 1U);
    ASSERT_EQ(workload->logs->at(0).facts.size(), 1U) << "only lines since the last start";
    EXPECT_EQ(workload->logs->at(0).facts[0].common_name, "demo");
    EXPECT_EQ(to_json(observation).dump().find("canary-secret"), std::string::npos);
    EXPECT_EQ(observation.workload("v1.g1.example"), nullptr) << "it shares the service but does not fail";
}

TEST_F(ObserveWorkloadsTest, AHealthyClusterIsAskedNothingMore) {
    FakeApiserver apiserver(ca, 3);
    const auto observation = observe(target(apiserver.port()));
    EXPECT_THAT(observation.workloads, IsEmpty());
    EXPECT_EQ(apiserver.asked(service_path), 0);
}

TEST_F(ObserveWorkloadsTest, ApisOfOneServiceAreAskedOnce) {
    FakeApiserver apiserver(ca, 2);
    add_backend(apiserver);
    apiserver.answers["/apis/g1.example/v1"] = failure;
    const auto observation = observe(target(apiserver.port()));
    EXPECT_EQ(observation.workloads.size(), 2U);
    EXPECT_EQ(apiserver.asked(log_path), 1);
}

TEST_F(ObserveWorkloadsTest, AMissingServiceIsToldFromAMissingNamespace) {
    FakeApiserver orphan(ca), empty(ca);
    for (auto* apiserver : {&orphan, &empty}) {
        add_backend(*apiserver);
        apiserver->answers[service_path] = not_found;
        apiserver->answers["/api/v1/namespaces/ns"] = ok({{"kind", "Namespace"}});
    }
    orphan.answers["/api/v1/namespaces/ns"] = not_found;
    const auto gone = observe(target(orphan.port())), there = observe(target(empty.port()));
    EXPECT_EQ(gone.workloads.at(0).service.why().reason, "not-found");
    EXPECT_FALSE(*gone.workloads.at(0).namespace_exists);
    EXPECT_TRUE(*there.workloads.at(0).namespace_exists);
}

TEST_F(ObserveWorkloadsTest, FallsBackToEndpointSlices) {
    FakeApiserver apiserver(ca);
    add_backend(apiserver);
    apiserver.answers[endpoints_path] = not_found;
    apiserver.answers[slices_path] =
        ok({{"kind", "EndpointSliceList"},
            {"items",
             {{{"ports", {{{"name", "secure"}, {"port", 8443}}}},
               {"endpoints", {{{"addresses", {"10.1.0.9"}}, {"conditions", {{"ready", false}}}}}}}}}});
    const auto observation = observe(target(apiserver.port()));
    EXPECT_EQ(observation.workloads.at(0).endpoints->source, "endpointslices");
    EXPECT_EQ(observation.workloads.at(0).endpoints->not_ready_count, 1U);
}

TEST_F(ObserveWorkloadsTest, AMissingPermissionNamesTheRuleAndCostsOnlyWhatItHides) {
    FakeApiserver apiserver(ca);
    add_backend(apiserver);
    apiserver.answers[log_path] = forbidden;
    apiserver.answers[review_path] = forbidden;
    const auto observation = observe(target(apiserver.port()));
    const auto& workload = observation.workloads.at(0);
    EXPECT_TRUE(workload.pods);
    EXPECT_EQ(workload.logs.why().reason, "forbidden");
    EXPECT_THAT(workload.logs.why().detail, HasSubstr("get pods/log in namespace ns"));
    EXPECT_THAT(workload.may_review_access.why().detail, HasSubstr("create subjectaccessreviews"));
}

TEST_F(ObserveWorkloadsTest, ABackendThatHangsBoundsTheCycle) {
    FakeApiserver apiserver(ca);
    add_backend(apiserver);
    apiserver.answers[service_path] = "hang";
    ProbeSettings settings;
    settings.timeout = 1500ms;
    const auto observation = observe(target(apiserver.port()), settings);
    EXPECT_EQ(observation.workloads.at(0).service.why().reason, "timeout");
}

TEST_F(ObserveWorkloadsTest, AsksOnceWithoutACredential) {
    FakeApiserver apiserver(ca);
    const auto observation = observe(target(apiserver.port()));
    EXPECT_EQ(apiserver.asked_anonymously("/readyz"), 1);
    EXPECT_EQ(observation.apiservers[0].anonymous->status, 200U);
    EXPECT_EQ(apiserver.asked_anonymously("/api"), 0);
}

TEST_F(ObserveWorkloadsTest, TellsA200ThatIsNoResourceList) {
    FakeApiserver apiserver(ca, 2);
    apiserver.answers["/apis/g0.example/v1"] = ok({{"kind", "Status"}, {"status", "Success"}});
    const auto observation = observe(target(apiserver.port()));
    EXPECT_EQ(observation.apiservers[0].attempts[0].discovery[0].is_resource_list, false);
    EXPECT_EQ(observation.apiservers[0].attempts[1].discovery[0].is_resource_list, true);
    EXPECT_NE(observation.workload("v1.g0.example"), nullptr) << "such an answer is a failure";
}

}  // namespace aggmedic::probes
