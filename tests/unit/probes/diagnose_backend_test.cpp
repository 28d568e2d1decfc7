#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "disturbed.hpp"

namespace aggmedic::probes {

namespace {

using recording::As;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

}  // namespace

struct BackendRow {
    const char *body, *reason, *message, *cause;
    Confidence confidence;
};
class Backend : public testing::TestWithParam<BackendRow> {};
TEST_P(Backend, IsNamedByConditionOrBody) {
    const auto& row = GetParam();
    for (const bool ssh : {true, false}) {
        auto observation = healthy(ssh);
        answer_all(observation, 503, row.body);
        if (row.reason[0] != '\0') set_condition(observation, "False", row.reason, row.message);
        const auto assessment = judge(observation);
        ASSERT_EQ(assessment.findings.size(), 2U) << row.body << row.message;
        for (const auto& finding : assessment.findings) {
            EXPECT_EQ(finding.cause, row.cause) << row.body << row.message;
            EXPECT_EQ(finding.confidence, row.confidence) << row.body << row.message;
            EXPECT_EQ(finding.allow_list, AllowList::wrong);
            if (row.confidence == Confidence::ambiguous) EXPECT_EQ(finding.candidates.at(0), row.cause);
        }
    }
}
constexpr auto unavailable = "service unavailable\n";
constexpr auto check = "FailedDiscoveryCheck";
#define AGGMEDIC_REACH "error trying to reach service: "
INSTANTIATE_TEST_SUITE_P(
    Table, Backend,
    testing::Values(
        BackendRow{unavailable, check,
                   "failing or missing response from https://10.0.0.1:443/apis/g/v: Get \"https://10.0.0.1\": "
                   "proxyconnect tcp: dial tcp 10.0.0.9:3128: connect: connection refused",
                   "http-proxy-env", Confidence::ambiguous},
        BackendRow{
            unavailable, check,
            "failing or missing response from https://10.0.0.1:443/apis/g/v: Get \"https://10.0.0.1\": Bad Gateway",
            "http-proxy-env", Confidence::ambiguous},
        BackendRow{AGGMEDIC_REACH "x509: certificate has expired or is not yet valid: current time", "", "",
                   "serving-cert-untrusted", Confidence::probable},
        BackendRow{unavailable, "ServiceNotFound", "service/api in \"ns\" is not present", "no-backend",
                   Confidence::ambiguous},
        BackendRow{unavailable, "ServicePortError", "service/api is not listening on port 443", "no-backend",
                   Confidence::certain},
        BackendRow{unavailable, "EndpointsNotFound", "cannot find endpoints for service/api", "no-backend",
                   Confidence::certain},
        BackendRow{unavailable, "MissingEndpoints",
                   "endpointslices for service/api have no addresses with port name \"https\"", "no-backend",
                   Confidence::certain},
        BackendRow{unavailable, check,
                   "failing or missing response from https://10.0.0.1:443/apis/g/v: Get \"https://10.0.0.1\": dial tcp "
                   "10.0.0.1:443: connect: connection refused",
                   "no-backend", Confidence::ambiguous},
        BackendRow{unavailable, check,
                   "no response from https://10.0.0.1:443: Get https://10.0.0.1:443: net/http: request canceled while "
                   "waiting for connection (Client.Timeout exceeded while awaiting headers)",
                   "master-to-pod-blocked", Confidence::ambiguous},
        BackendRow{
            unavailable, check,
            "failing or missing response from https://10.0.0.1:443: dial tcp 10.0.0.1:443: connect: no route to host",
            "master-to-pod-blocked", Confidence::ambiguous},
        BackendRow{unavailable, check,
                   "failing or missing response from https://10.0.0.1:443: bad status from https://10.0.0.1:443: 404",
                   "wrong-discovery-answer", Confidence::ambiguous},
        BackendRow{unavailable, check,
                   "failing or missing response from https://10.0.0.1:443: bad status from https://10.0.0.1:443: 403",
                   "no-auth-delegator", Confidence::ambiguous},
        BackendRow{unavailable, check,
                   "failing or missing response from https://10.0.0.1:443: Get \"https://10.0.0.1\": Forbidden",
                   "http-proxy-env", Confidence::ambiguous},
        BackendRow{unavailable, check,
                   "failing or missing response from https://10.0.0.1:443: Get \"https://10.0.0.1\": x509: certificate "
                   "signed by unknown authority",
                   "serving-cert-untrusted", Confidence::certain},
        BackendRow{unavailable, "", "", "no-backend", Confidence::ambiguous},
        BackendRow{AGGMEDIC_REACH "x509: certificate is valid for localhost, not api.ns.svc", "", "",
                   "serving-cert-untrusted", Confidence::certain},
        BackendRow{AGGMEDIC_REACH "dial tcp 10.0.0.1:443: connect: connection refused", "", "", "no-backend",
                   Confidence::ambiguous},
        BackendRow{AGGMEDIC_REACH "dial tcp 10.0.0.1:443: i/o timeout", "", "", "master-to-pod-blocked",
                   Confidence::ambiguous},
        BackendRow{AGGMEDIC_REACH "http2: client connection lost", "", "", "stale-http2-pool", Confidence::ambiguous},
        BackendRow{AGGMEDIC_REACH "No agent available", "", "", "egress-tunnel-down", Confidence::probable},
        BackendRow{AGGMEDIC_REACH "tls: failed to verify certificate: x509: certificate has expired", "", "",
                   "serving-cert-untrusted", Confidence::certain},
        BackendRow{AGGMEDIC_REACH "remote error: tls: bad certificate", "", "", "stale-ca-in-extension",
                   Confidence::ambiguous},
        BackendRow{AGGMEDIC_REACH "remote error: tls: certificate required", "", "", "stale-ca-in-extension",
                   Confidence::ambiguous},
        BackendRow{AGGMEDIC_REACH "tls: first record does not look like a TLS handshake", "", "", "no-backend",
                   Confidence::ambiguous},
        BackendRow{AGGMEDIC_REACH "EOF", "", "", "http-proxy-env", Confidence::ambiguous}));

TEST(Diagnose, TheAuthorizersOwnFaultIsSeenByOrdinaryCallersOnly) {
    auto observation = healthy(false, As::dev);
    for (auto& apiserver : observation.apiservers) {
        for (auto& attempts : apiserver.attempts) {
            for (auto& answer : attempts.resource) {
                answer.status = 500;
                answer.body =
                    R"(Internal Server Error: "/apis": subjectaccessreviews.authorization.k8s.io is forbidden: User "catalog-apiserver" cannot create)";
            }
        }
    }
    EXPECT_THAT(causes_of(judge(observation)), ElementsAre("no-auth-delegator", "no-auth-delegator"));
}

TEST(Diagnose, AnApiThatNeverAnswersIsAFindingAndUnobserved) {
    auto observation = healthy(false);
    each_answer(observation, recording::wardle, [](Answer& answer) {
        answer = Answer{};
        answer.failure = "timeout";
    });
    const auto assessment = judge(observation);
    EXPECT_THAT(causes_of(assessment), ElementsAre("backend-slow-or-node-dead"));
    EXPECT_THAT(unobserved_of(assessment), HasSubstr("aggregated API v1alpha1.wardle.example.com||timeout"));

    // A short cycle has time for one attempt through each apiserver; one altogether is a packet that was lost.
    add_master(observation, "m1");
    for (auto& apiserver : observation.apiservers) {
        for (auto& attempts : apiserver.attempts) attempts.discovery.resize(1);
    }
    EXPECT_THAT(causes_of(judge(observation)), ElementsAre("backend-slow-or-node-dead"));
}

TEST(Diagnose, AnApiThatNeverAnswersThroughOneMasterIsThatMastersFinding) {
    auto observation = healthy();
    add_master(observation, "m1");
    for (auto& attempts : observation.apiservers.back().attempts) {
        if (attempts.apiservice != recording::wardle) continue;
        for (auto& answer : attempts.discovery) {
            answer = Answer{};
            answer.failure = "timeout";
        }
    }
    const auto assessment = judge(observation);
    ASSERT_THAT(causes_of(assessment), ElementsAre("master-to-pod-blocked"));
    EXPECT_EQ(assessment.findings[0].master, "m1");
    EXPECT_EQ(assessment.findings[0].confidence, Confidence::ambiguous);
    EXPECT_THAT(assessment.findings[0].candidates, testing::Contains("stale-http2-pool"));
}

TEST(Diagnose, OneLostPacketOrOneBadReplicaRaisesNothing) {
    for (const unsigned status : {0U, 401U, 503U}) {
        auto observation = healthy();
        auto& answer = observation.apiservers[1].attempts[0].discovery[2];
        answer = Answer{};
        answer.status = status;
        answer.failure = status == 0 ? "timeout" : "";
        EXPECT_EQ(state_of(judge(observation)), ClusterState::healthy) << status;
    }
}

TEST(Diagnose, AnApiThatFailsThroughOneMasterOnlyNamesIt) {
    auto observation = healthy();
    add_master(observation, "m1");
    for (auto& attempts : observation.apiservers.back().attempts) {
        for (auto* answers : {&attempts.discovery, &attempts.resource}) {
            for (auto& answer : *answers) {
                answer = Answer{};
                answer.status = 503;
                answer.body = "error trying to reach service: dial tcp 10.0.0.1:443: connect: no route to host";
            }
        }
    }
    const auto assessment = judge(observation);
    ASSERT_THAT(causes_of(assessment), ElementsAre("master-to-pod-blocked", "master-to-pod-blocked"));
    EXPECT_EQ(assessment.findings[0].master, "m1");
}

TEST(Diagnose, APartlyRepairedClusterNamesTheMastersThatLackTheName) {
    auto observation = healthy();
    separate_client_ca(observation);
    add_master(observation, "m1");
    set_live_names(*observation.masters.at("m1"), "aggregator");
    const auto assessment = judge(observation);
    ASSERT_THAT(causes_of(assessment), ElementsAre("masters-differ"));
    const auto& finding = assessment.findings[0];
    EXPECT_EQ(finding.severity, Severity::warning);
    EXPECT_EQ(finding.confidence, Confidence::certain);
    EXPECT_EQ(finding.allow_list, AllowList::right);
    EXPECT_EQ(finding.common_name, "demo.pks.ik.am");
    EXPECT_THAT(finding.evidence,
                testing::Contains(testing::Field(&Evidence::fact, HasSubstr("without its certificate's CN"))));
    published(observation).client_ca = published(observation).requestheader_ca;
    EXPECT_EQ(judge(observation).findings.at(0).allow_list, AllowList::dangerous);
}

TEST(Diagnose, OtherDifferencesOfTheFlagAreNotForTheList) {
    for (const auto* names : {"aggregator,demo.pks.ik.am,other", "other", ""}) {
        auto observation = healthy();
        add_master(observation, "m1");
        set_live_names(*observation.masters.at("m1"), names);
        const auto assessment = judge(observation);
        ASSERT_THAT(causes_of(assessment), ElementsAre("masters-differ")) << names;
        EXPECT_EQ(assessment.findings[0].allow_list, AllowList::wrong) << names;
    }
}

TEST(Diagnose, EachMasterMayHaveItsOwnCertificateOfTheSameNameAndCa) {
    auto observation = healthy();
    add_master(observation, "m1");
    use_proxy(*observation.masters.at("m1"), "proxy-no-masters.pem");
    EXPECT_THAT(judge(observation).findings, IsEmpty());
}

TEST(Diagnose, DifferentCasAreADifference) {
    auto observation = healthy();
    add_master(observation, "m1");
    for (auto& file : observation.masters.at("m1")->files) {
        if (file.flag == "requestheader-client-ca-file")
            file.certificates = recording::certificates("pki/other_ca.pem");
    }
    const auto assessment = judge(observation);
    ASSERT_THAT(causes_of(assessment), ElementsAre("masters-differ"));
    EXPECT_EQ(assessment.findings[0].allow_list, AllowList::wrong);
}

TEST(Diagnose, TheSameCaBesideAnotherLeafIsNoDifference) {
    auto observation = healthy();
    add_master(observation, "m1");
    for (auto& file : observation.masters.at("m1")->files) {
        if (file.flag == "requestheader-client-ca-file") file.certificates = recording::certificates("pki/kubo_ca.pem");
    }
    EXPECT_THAT(judge(observation).findings, IsEmpty());
}

TEST(Diagnose, OneMasterWithAnotherNameIsItsOwnFinding) {
    auto observation = mismatch();
    published(observation).allowed_names = {"aggregator", "demo.pks.ik.am"};
    add_master(observation, "m1");
    use_proxy(*observation.masters.at("m1"), "proxy-aggregator.pem");
    published(observation).allowed_names = {"demo.pks.ik.am"};
    const auto assessment = judge(observation);
    EXPECT_THAT(causes_of(assessment),
                ElementsAre("cn-not-allowed", "cn-not-allowed", "masters-differ", "masters-differ"));
    EXPECT_EQ(assessment.findings[0].master, "m1");
    EXPECT_EQ(assessment.findings[2].consequence_of, "cn-not-allowed");
}

TEST(Diagnose, AFileThatIsNotWhatRunsIsPending) {
    auto observation = healthy();
    auto& master = *observation.masters.at("m0");
    set_live_names(master, "aggregator");
    master.file_equals_process = false;
    master.differing_flags = {"requestheader-allowed-names"};
    const auto assessment = judge(observation);
    ASSERT_THAT(causes_of(assessment), ElementsAre("pending-restart"));
    EXPECT_EQ(assessment.findings[0].master, "m0");
    EXPECT_EQ(assessment.findings[0].severity, Severity::warning);
    EXPECT_EQ(assessment.findings[0].allow_list, AllowList::none);
    EXPECT_THAT(assessment.findings[0].evidence,
                testing::Contains(testing::Field(&Evidence::fact, HasSubstr("demo.pks.ik.am"))));
}

}  // namespace aggmedic::probes
