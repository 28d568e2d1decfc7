#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "disturbed.hpp"

// States that the table of the recordings describes and no folder holds, composed from those that there are.
namespace aggmedic::probes {

namespace {

using recording::As;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// service-catalog 0.1.42 takes the proxy for an ordinary client, as sample-apiserver does: 200, and nothing logged.
Observation service_catalog_0_1_42(bool ssh, As as) {
    auto observation = recording::load("cn-not-allowed", {.ssh = ssh, .as = as});
    for (auto& apiserver : observation.apiservers) {
        auto& catalog = apiserver.attempts.at(0);
        const auto& sample = apiserver.attempts.at(1);
        catalog.discovery = sample.discovery;
        catalog.resource = sample.resource;
    }
    set_condition(observation, "True", "Passed", "all checks passed");
    return observation;
}

Observation server_eku(bool ssh) {
    auto observation = recording::load("proxy-cert-expired", {.ssh = ssh, .as = As::admin});
    if (ssh) use_proxy(*observation.masters.at("m0"), "proxy-server-eku.pem");
    return observation;
}

Observation no_auth_delegator(bool ssh, As as) {
    auto observation = healthy(ssh, as);
    if (as == As::admin) return observation;  // the authorizer never asks about system:masters
    for (auto& apiserver : observation.apiservers) {
        for (auto& attempts : apiserver.attempts) {
            for (auto& answer : attempts.resource) {
                answer = Answer{};
                answer.status = 500;
                answer.body =
                    "Internal Server Error: \"/apis/servicecatalog.k8s.io/v1beta1/clusterservicebrokers\": "
                    "subjectaccessreviews.authorization.k8s.io is forbidden: User \"catalog-apiserver\" cannot create "
                    "resource \"subjectaccessreviews\" in API group \"authorization.k8s.io\" at the cluster scope";
            }
        }
    }
    return observation;
}

Observation edited_by_hand(bool ssh) {
    auto observation = healthy(ssh, As::dev);
    if (ssh) set_live_names(*observation.masters.at("m0"), "aggregator");
    return observation;
}

}  // namespace

TEST(ComposedRecordings, AMaskedMismatchEverywhereIsCertainOverSsh) {
    const auto assessment = judge(service_catalog_0_1_42(true, As::admin));
    EXPECT_THAT(causes_of(assessment),
                ElementsAre("cn-not-allowed", "identity-collapse", "cn-not-allowed", "identity-collapse"));
    for (const auto& finding : assessment.findings) {
        EXPECT_EQ(finding.confidence, Confidence::certain) << finding.cause;
        EXPECT_EQ(finding.allow_list, AllowList::dangerous) << finding.cause;
    }
    EXPECT_EQ(assessment.findings[1].consequence_of, "cn-not-allowed");
}

TEST(ComposedRecordings, AMaskedMismatchEverywhereIsNotCalledHealthyWithoutSsh) {
    const auto assessment = judge(service_catalog_0_1_42(false, As::admin));
    for (const auto& finding : assessment.findings) EXPECT_NE(finding.confidence, Confidence::certain);
    EXPECT_NE(state_of(assessment), ClusterState::healthy);
}

TEST(ComposedRecordings, AServersCertificateIsTheWrongUsage) {
    const auto over_ssh = judge(server_eku(true));
    ASSERT_THAT(causes_of(over_ssh), ElementsAre("wrong-key-usage", "wrong-key-usage"));
    EXPECT_EQ(over_ssh.findings[0].confidence, Confidence::certain);
    const auto without = judge(server_eku(false));
    ASSERT_EQ(without.findings.size(), 2U);
    EXPECT_EQ(without.findings[0].confidence, Confidence::ambiguous);
    EXPECT_THAT(without.findings[0].candidates, testing::Contains("wrong-key-usage"));
}

TEST(ComposedRecordings, AMissingDelegatorIsInvisibleToAnAdministrator) {
    for (const bool ssh : {true, false}) {
        EXPECT_THAT(judge(no_auth_delegator(ssh, As::admin)).findings, IsEmpty());
        const auto assessment = judge(no_auth_delegator(ssh, As::dev));
        ASSERT_THAT(causes_of(assessment), ElementsAre("no-auth-delegator", "no-auth-delegator"));
        EXPECT_EQ(assessment.findings[0].confidence, Confidence::certain);
        EXPECT_EQ(assessment.findings[0].allow_list, AllowList::wrong);
    }
}

TEST(ComposedRecordings, AConfigMapEditedByHandIsHealthyAndUnexplained) {
    const auto over_ssh = judge_with_security(edited_by_hand(true));
    EXPECT_EQ(state_of(over_ssh), ClusterState::healthy);
    ASSERT_THAT(causes_of(over_ssh), ElementsAre("shared-ca", "unexplained-trust"));
    EXPECT_THAT(over_ssh.findings[1].evidence[0].fact, HasSubstr("demo.pks.ik.am"));
    EXPECT_THAT(causes_of(judge_with_security(edited_by_hand(false))), ElementsAre("shared-ca"));
}

}  // namespace aggmedic::probes
