#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "disturbed.hpp"

// Wrong names that were said with confidence once; each is here so that it never comes back.
namespace aggmedic::probes {

namespace {

using recording::As;
using testing::Contains;
using testing::Each;
using testing::ElementsAre;
using testing::Field;
using testing::Not;

void expect_ambiguous(const Assessment& assessment, const std::vector<std::string>& among) {
    ASSERT_FALSE(assessment.findings.empty());
    for (const auto& finding : assessment.findings) {
        EXPECT_EQ(finding.confidence, Confidence::ambiguous) << finding.cause;
        EXPECT_EQ(finding.allow_list, AllowList::wrong) << finding.cause;
        for (const auto& cause : among) EXPECT_THAT(finding.candidates, Contains(cause)) << finding.cause;
    }
}

constexpr auto check = "FailedDiscoveryCheck";

}  // namespace

TEST(Confidence, AnAbsentNameDoesNotExplainA403OfTheCondition) {
    auto observation = mismatch();
    set_condition(observation, "False", check,
                  "failing or missing response from https://10.0.0.1:443: bad status from https://10.0.0.1:443: 403");
    expect_ambiguous(judge(observation), {"cn-not-allowed", "no-auth-delegator"});
}

TEST(Confidence, AnAbsentNameDoesNotExplainAnAnonymous403) {
    auto observation = mismatch();
    each_answer(observation, "", [](Answer& answer) {
        answer = Answer{};
        answer.status = 403;
        answer.forbidden_user = "system:anonymous";
    });
    expect_ambiguous(judge(observation), {"cn-not-allowed", "no-proxy-client-cert"});
}

TEST(Confidence, AnAbsentNameDoesNotProveABare503) {
    auto observation = mismatch();
    answer_all(observation, 503, "service unavailable\n");
    set_condition(observation, "True", "Passed", "all checks passed");
    const auto assessment = judge(observation);
    expect_ambiguous(assessment, {"cn-not-allowed", "no-backend"});
    EXPECT_EQ(assessment.findings.at(0).cause, "cn-not-allowed");
}

TEST(Confidence, AnAbsentNameDoesNotHideAMissingBackend) {
    auto observation = mismatch();
    set_condition(observation, "False", "MissingEndpoints", "endpoints for service/api have no addresses");
    expect_ambiguous(judge(observation), {"cn-not-allowed", "no-backend"});
}

TEST(Confidence, AnExpiredCertificateWhoseNameIsMissingTooIsTwoCauses) {
    auto observation = mismatch();
    use_proxy(*observation.masters.at("m0"), "proxy-expired.pem");
    expect_ambiguous(judge(observation), {"cn-not-allowed", "proxy-cert-expired"});
}

TEST(Confidence, ADeadBackendOfOneApiLeavesTheOthersVerdictAlone) {
    auto observation = mismatch();
    auto& wardle = (*observation.apiservers[0].apiservices)[1];
    wardle.reason = "MissingEndpoints";
    const auto assessment = judge(observation);
    ASSERT_THAT(causes_of(assessment), ElementsAre("cn-not-allowed", "no-backend"));
    EXPECT_EQ(assessment.findings[0].confidence, Confidence::certain);
    EXPECT_EQ(assessment.findings[1].confidence, Confidence::ambiguous);
    EXPECT_THAT(assessment.findings[1].candidates, Contains("cn-not-allowed"));
}

TEST(Confidence, UpTo116TheMasterThatWroteLastIsTheCause) {
    for (const auto* version : {"v1.11.6", "v1.16.15"}) {
        auto observation = mismatch();
        add_master(observation, "m1");
        for (auto& apiserver : observation.apiservers) apiserver.version = std::string(version);
        set_live_names(*observation.masters.at("m1"), "aggregator,demo.pks.ik.am");
        const auto assessment = judge(observation);
        EXPECT_THAT(causes_of(assessment), ElementsAre("last-writer-wins", "cn-not-allowed", "cn-not-allowed"));
        EXPECT_THAT(assessment.findings, Each(Field(&Finding::allow_list, AllowList::wrong)));
        EXPECT_EQ(assessment.findings.back().consequence_of, "last-writer-wins");
    }
}

TEST(Confidence, WhileAnUpgradeGoesOnTheOldestMasterDecidesHowTheConfigMapIsWritten) {
    auto observation = mismatch();
    add_master(observation, "m1");
    set_live_names(*observation.masters.at("m1"), "aggregator,demo.pks.ik.am");
    for (const auto first : {0U, 1U, 2U}) {
        for (auto& apiserver : observation.apiservers) apiserver.version = std::string("v1.17.0");
        observation.apiservers.at(first).version = std::string("v1.16.15");
        EXPECT_THAT(causes_of(judge(observation)), testing::Contains("last-writer-wins")) << first;
    }
}

TEST(Confidence, From117OnAHalfRepairedClusterIsNoQuestionOfTheLastWriter) {
    auto observation = healthy();
    add_master(observation, "m1");
    set_live_names(*observation.masters.at("m1"), "aggregator");
    EXPECT_THAT(causes_of(judge(observation)), ElementsAre("masters-differ"));
}

TEST(Confidence, SeparateCasHaveToBeSeenToBeSeparate) {
    const auto disturbances = std::vector<std::function<void(Observation&)>>{
        [](Observation& seen) { published(seen).client_ca.clear(); },
        [](Observation& seen) { published(seen).client_ca[0].pem = "x"; },
        [](Observation& seen) { published(seen).malformed["client-ca-file"] = "certificate 1 cannot be read"; },
        [](Observation& seen) {
            published(seen).requestheader_ca.pop_back();
            published(seen).client_ca.clear();
        },
    };
    for (const auto& disturb : disturbances) {
        auto observation = mismatch();
        disturb(observation);
        for (const auto& finding : judge(observation).findings) EXPECT_NE(finding.allow_list, AllowList::right);
    }
    // The files of the masters show an overlap that the published bundle does not.
    auto observation = mismatch();
    for (auto& file : observation.masters.at("m0")->files) {
        if (file.flag == "client-ca-file") file.certificates = recording::certificates("pki/kubo_ca.pem");
    }
    for (const auto& finding : judge(observation).findings) EXPECT_EQ(finding.allow_list, AllowList::dangerous);
}

TEST(Confidence, ACaBundleThatCannotBeReadIsNoWrongIssuer) {
    auto observation = mismatch();
    published(observation).requestheader_ca.clear();
    published(observation).malformed["requestheader-client-ca-file"] = "certificate 1 cannot be read";
    const auto assessment = judge(observation);
    for (const auto& finding : assessment.findings) EXPECT_EQ(finding.confidence, Confidence::ambiguous);
    EXPECT_THAT(unobserved_of(assessment), testing::HasSubstr("the published requestheader-client-ca-file"));
}

TEST(Confidence, AKeyThatCannotBeReadIsNeitherAbsentNorEmpty) {
    auto observation = healthy();
    published(observation).username_headers.clear();
    published(observation).malformed["requestheader-username-headers"] = "not a JSON list";
    EXPECT_THAT(causes_of(judge(observation)), Not(Contains("header-names-missing")));
}

}  // namespace aggmedic::probes
