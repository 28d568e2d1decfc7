#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "disturbed.hpp"
#include "net/text.hpp"

namespace aggmedic::probes {

namespace {

using recording::As;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

}  // namespace

TEST(Diagnose, ADeadMasterIsUnobservedAndNeverACause) {
    auto observation = healthy();
    separate_client_ca(observation);  // under which a 200 proves the caller
    add_master(observation, "m1");
    auto& dead = observation.apiservers.back();
    const Unobserved why{.reason = "timeout", .detail = "connecting"};
    dead.readyz = why;
    dead.control = why;
    dead.version = why;
    dead.attempts.clear();
    observation.masters["m1"] = Unobserved{.reason = "connect_failed", .detail = "10.0.0.2:22"};
    const auto assessment = judge(observation);
    EXPECT_THAT(assessment.findings, IsEmpty());
    EXPECT_EQ(state_of(assessment), ClusterState::unknown);
    EXPECT_EQ(unobserved_of(assessment),
              "apiserver|m1|timeout: connecting\nmaster over SSH|m1|connect_failed: 10.0.0.2:22\n");
}

TEST(Diagnose, AForbiddenListNamesThePermission) {
    auto observation = healthy(false);
    observation.apiservers[0].apiservices =
        Unobserved{.reason = "forbidden", .detail = "the probe may not list apiservices.apiregistration.k8s.io"};
    observation.apiservers[0].published =
        Unobserved{.reason = "forbidden", .detail = "the probe may not get configmaps"};
    const auto assessment = judge(observation);
    EXPECT_THAT(assessment.findings, IsEmpty());
    EXPECT_THAT(unobserved_of(assessment),
                HasSubstr("the list of APIServices||forbidden: the probe may not list apiservices"));
    EXPECT_THAT(unobserved_of(assessment), HasSubstr("published authentication configuration||forbidden"));
}

TEST(Diagnose, WithoutTheConfigMapARefusalStaysAmbiguousAndNothingIsRight) {
    auto observation = mismatch();
    observation.apiservers[0].published = Unobserved{.reason = "forbidden", .detail = ""};
    for (const auto& finding : judge(observation).findings) {
        EXPECT_EQ(finding.confidence, Confidence::ambiguous);
        EXPECT_EQ(finding.allow_list, AllowList::wrong);
        EXPECT_THAT(finding.candidates, testing::Contains("cn-not-allowed"));
    }
}

TEST(Diagnose, ACredentialThatOneMasterRefusesIsThatMastersFinding) {
    auto observation = healthy(false);
    add_master(observation, "m1");
    observation.apiservers.back().control = recording::answer("probe-credential-invalid/core.bad-token.http");
    const auto assessment = judge(observation);
    ASSERT_THAT(causes_of(assessment), ElementsAre("our-own-401"));
    EXPECT_EQ(assessment.findings[0].master, "m1");
}

// What kube-apiserver has let in carries a flow schema: a 401 without one, among others that have it, is its own.
TEST(Diagnose, A401ThatKubeApiserverGaveItselfTellsNothingOfTheApi) {
    auto observation = healthy();
    const auto refuse = [](std::vector<Answer>& answers, bool passed_on) {
        for (std::size_t i = 1; i < answers.size(); ++i) {
            answers[i].status = 401;
            if (!passed_on) answers[i].flow_schemas.clear();
        }
    };
    auto own = observation;
    for (auto& apiserver : own.apiservers)
        for (auto& attempts : apiserver.attempts) refuse(attempts.discovery, false);
    EXPECT_THAT(judge(own).findings, IsEmpty());
    for (auto& apiserver : observation.apiservers)
        for (auto& attempts : apiserver.attempts) refuse(attempts.discovery, true);
    EXPECT_FALSE(judge(observation).findings.empty());
    // Before 1.20 kube-apiserver writes none: a line is the extension API server's, and its refusals have none either.
    for (auto& apiserver : own.apiservers) apiserver.control->flow_schemas.clear();
    EXPECT_FALSE(judge(own).findings.empty());
}

TEST(Diagnose, AMissingPermissionForTheControlRequestIsNoRefusedCredential) {
    auto observation = healthy(false, As::dev);
    for (auto& apiserver : observation.apiservers) {
        apiserver.control->status = 403;
        apiserver.control->forbidden_user = "dev";
    }
    EXPECT_THAT(judge(observation).findings, IsEmpty());
}

TEST(Diagnose, ApisBeyondTheCapAreUnobserved) {
    auto observation = healthy();
    observation.apiservers[0].apiservices_left_out = 9800;
    EXPECT_THAT(unobserved_of(judge(observation)), HasSubstr("9800 more APIServices"));
}

TEST(Diagnose, AServerAddressThatRefusesSomeConnectionsIsStillJudgedAndSaid) {
    auto observation = recording::load("cn-not-allowed", {.ssh = false, .as = As::dev});
    const auto causes = causes_of(judge(observation));
    ASSERT_FALSE(causes.empty());
    auto& answer = observation.apiservers[0].attempts[0].discovery[1];
    answer = Answer{};
    answer.failure = "connect_failed";
    const auto assessment = judge(observation);
    EXPECT_EQ(causes_of(assessment), causes);
    EXPECT_THAT(unobserved_of(assessment), HasSubstr("connections to the server address||connect_failed: 1 refused"));
    auto unharmed = healthy(false, As::dev);
    unharmed.apiservers[0].attempts[0].discovery[1] = answer;
    EXPECT_EQ(state_of(judge(unharmed)), ClusterState::unknown) << "no green light";
    unharmed.apiservers[0].master = "m0";
    EXPECT_THAT(unobserved_of(judge(unharmed)), HasSubstr("apiserver|m0|not-ready"));
}

TEST(Diagnose, ACanaryThatIsRefusedSaysByWhichAnswer) {
    for (const auto& [status, reason] :
         std::initializer_list<std::pair<unsigned, std::string>>{{401, "unauthorized"}, {403, "forbidden"}}) {
        auto observation = healthy(false);
        Answer canary;
        canary.status = status;
        canary.forbidden_user = "system:serviceaccount:aggmedic:aggmedic-canary";
        for (auto& attempts : observation.apiservers[0].attempts) attempts.canary = {canary};
        EXPECT_THAT(unobserved_of(judge(observation)), HasSubstr("canary at " + recording::wardle + "||" + reason));
    }
}

TEST(Diagnose, AMalformedKeyIsSaidOnce) {
    auto observation = healthy();
    published(observation).malformed["client-ca-file"] = "no certificate";
    const auto text = unobserved_of(judge(observation));
    EXPECT_THAT(text, HasSubstr("the published client-ca-file||"));
    EXPECT_EQ(text.find("the published client-ca-file"), text.rfind("the published client-ca-file"));
}

TEST(Diagnose, EveryTextIsPrintable) {
    auto observation = recording::load("cn-not-allowed", {.ssh = true, .as = As::dev});
    set_condition(observation, "False", "FailedDiscoveryCheck\x1b[2J", "\xE2\x80\xAE evil\nbad status from x: 401");
    published(observation).allowed_names = {"a\x1b]0;title\x07", "b\r\n"};
    observation.apiservers[0].version = std::string("v1\x1b[31m");
    const auto assessment = judge(observation);
    const auto text = to_json(assessment).dump();
    EXPECT_EQ(text.find("\\u001b"), std::string::npos);
    for (const auto& finding : assessment.findings) {
        for (const auto& evidence : finding.evidence) EXPECT_EQ(evidence.fact, printable(evidence.fact, 100'000));
    }
}

}  // namespace aggmedic::probes
