#include "probes/canary_timing.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "disturbed.hpp"
#include "probes/causes/case.hpp"

namespace aggmedic::probes {

namespace {

using namespace std::chrono_literals;
using recording::As;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr TimingPairs healthy_pairs{.pairs = 40, .slower = 38, .jitter_us = 80};
constexpr TimingPairs masked_pairs{.pairs = 40, .slower = 21, .jitter_us = 80};

// Service catalog and wardle answer, no flow schemas, the probe is blind: nothing but the timing tells.
Observation timed(const TimingPairs& pairs, const std::vector<std::string>& published_names, bool ssh = false) {
    auto observation = recording::load("healthy", {.ssh = ssh, .as = As::admin});
    published(observation).allowed_names = published_names;
    for (auto& apiserver : observation.apiservers) {
        for (auto& attempts : apiserver.attempts) {
            for (auto* answers : {&attempts.discovery, &attempts.resource}) {
                for (auto& answer : *answers) answer.flow_schemas.clear();
            }
            Answer canary;
            canary.status = 404;
            attempts.canary = {canary};
            attempts.timing = pairs;
        }
    }
    return observation;
}

std::vector<Identity> identities(const Observation& observation) {
    const auto seen = digest(observation, observation.finished);
    std::vector<Identity> found;
    for (const auto& api : seen.apis) found.push_back(timed_identity_at(api, seen));
    return found;
}

}  // namespace

TEST(JudgeTiming, NeedsAllPairsLittleJitterAndAClearNumber) {
    struct Row {
        TimingPairs pairs;
        TimingSays says;
    };
    const std::vector<Row> rows{
        {{40, 40, 0}, TimingSays::caller},    {{40, 34, 500}, TimingSays::caller}, {{40, 33, 0}, TimingSays::nothing},
        {{40, 29, 0}, TimingSays::nothing},   {{40, 28, 500}, TimingSays::masked}, {{40, 0, 0}, TimingSays::masked},
        {{40, 40, 501}, TimingSays::nothing}, {{40, 0, 501}, TimingSays::nothing}, {{39, 39, 0}, TimingSays::nothing},
        {{0, 0, 0}, TimingSays::nothing},     {{10, 2, 0}, TimingSays::nothing},   {{40, 41, 0}, TimingSays::nothing},
        {{40, -1, 0}, TimingSays::nothing},   {{40, 20, -1}, TimingSays::nothing}, {{80, 40, 0}, TimingSays::nothing},
    };
    for (const auto& row : rows) {
        EXPECT_EQ(judge_timing(row.pairs), row.says)
            << row.pairs.slower << " of " << row.pairs.pairs << ", jitter " << row.pairs.jitter_us;
    }
}

TEST(TimingTally, CountsSlowerOnesAndTakesTheMedianJitter) {
    TimingTally tally;
    tally.add(1000us, 1100us, 1500us);
    tally.add(9000us, 1000us, 900us);   // one outlier is no jitter
    tally.add(1000us, 1050us, 1050us);  // as long as the repeated one is not slower
    EXPECT_EQ(tally.pairs(), (TimingPairs{.pairs = 3, .slower = 1, .jitter_us = 100}));
    EXPECT_FALSE(tally.is_done());
}

TEST(TimingTally, EndsEarlyWhereJitterLeavesNothingToTell) {
    TimingTally calm, restless;
    for (int i = 0; i < 10; ++i) {
        EXPECT_FALSE(restless.is_done());
        calm.add(1000us, 1100us, 1500us);
        restless.add(1000us, 4000us, 1500us);
    }
    EXPECT_TRUE(restless.is_done());
    EXPECT_EQ(judge_timing(restless.pairs()), TimingSays::nothing);
    for (int i = 10; i < 40; ++i) {
        EXPECT_FALSE(calm.is_done());
        calm.add(1000us, 1100us, 1500us);
    }
    EXPECT_TRUE(calm.is_done());
}

TEST(TimingPlaces, AreWhereTheCanaryGotIts404AndNothingElseTells) {
    auto observation = timed({}, {"aggregator"});
    const auto all = timing_places(observation, false);
    ASSERT_FALSE(all.empty());
    for (const auto& place : all) EXPECT_NE(attempts_at(observation, place), nullptr);

    auto told = observation;
    attempts_at(told, all[0])->canary[0].flow_schemas = {"a", "a"};
    EXPECT_EQ(timing_places(told, false).size(), all.size() - 1);
    EXPECT_EQ(timing_places(told, true).size(), all.size());

    auto refused = observation;
    attempts_at(refused, all[0])->canary[0].status = 403;
    EXPECT_EQ(timing_places(refused, true).size(), all.size() - 1);
    auto failing = observation;
    attempts_at(failing, all[0])->discovery[0].status = 503;
    EXPECT_EQ(timing_places(failing, true).size(), all.size() - 1);
    auto blind = observation;
    blind.canary.is_system_masters = true;
    EXPECT_THAT(timing_places(blind, true), IsEmpty());
    auto unready = observation;
    for (auto& apiserver : unready.apiservers) apiserver.readyz->status = 500;
    EXPECT_THAT(timing_places(unready, true), IsEmpty());
}

TEST(Diagnose, TimingAloneIsProbableAndSaysHowItKnows) {
    const auto assessment = judge(timed(masked_pairs, {"aggregator"}));
    EXPECT_THAT(causes_of(assessment), testing::Contains("identity-collapse"));
    bool said = false;
    for (const auto& finding : assessment.findings) {
        EXPECT_EQ(finding.confidence, Confidence::probable) << finding.cause;
        for (const auto& evidence : finding.evidence)
            said = said || evidence.fact.contains("slower than a repeated one in 21 of 40 pairs");
    }
    EXPECT_TRUE(said);
    EXPECT_THAT(unobserved_of(assessment), testing::Not(HasSubstr("identity behind")));
}

TEST(Diagnose, TimingThatTellsNothingLeavesTheIdentityOpen) {
    for (const auto& pairs : {TimingPairs{40, 31, 80}, TimingPairs{40, 21, 900}, TimingPairs{10, 2, 80}}) {
        const auto assessment = judge(timed(pairs, {"aggregator"}));
        EXPECT_THAT(causes_of(assessment), IsEmpty());
        EXPECT_THAT(unobserved_of(assessment), HasSubstr("identity behind"));
    }
}

TEST(Diagnose, AHealthyTimingClosesTheQuestion) {
    const auto assessment = judge(timed(healthy_pairs, {"aggregator"}));
    EXPECT_THAT(causes_of(assessment), IsEmpty());
    EXPECT_THAT(unobserved_of(assessment), testing::Not(HasSubstr("identity behind")));
}

TEST(Diagnose, AHealthyTimingTakesTheCertaintyFromACollapseThatTheFilesSuggest) {
    const auto confidence_of = [](const TimingPairs& pairs) {
        std::vector<Confidence> found;
        for (const auto& finding : judge(timed(pairs, {"aggregator"}, true)).findings) {
            if (finding.cause == "identity-collapse") found.push_back(finding.confidence);
        }
        return found;
    };
    for (const auto& pairs : {masked_pairs, TimingPairs{.pairs = 40, .slower = 31, .jitter_us = 80}}) {
        EXPECT_THAT(confidence_of(pairs), testing::Each(Confidence::certain));
        EXPECT_THAT(confidence_of(pairs), testing::Not(IsEmpty()));
    }
    EXPECT_THAT(confidence_of(healthy_pairs), testing::Each(Confidence::probable));
    EXPECT_THAT(confidence_of(healthy_pairs), testing::Not(IsEmpty()));
}

TEST(Diagnose, CertificatesThatAreFineOutweighTheTiming) {
    // Some servers authorise without asking; where the proxy is believed that is all it means.
    EXPECT_THAT(causes_of(judge(timed(masked_pairs, {"aggregator", "demo.pks.ik.am"}))), IsEmpty());
    for (const auto identity : identities(timed(masked_pairs, {"aggregator", "demo.pks.ik.am"})))
        EXPECT_EQ(identity, Identity::unknown);
}

TEST(TimedIdentity, IsUnknownWithACanaryThatMayDoMore) {
    auto observation = timed(masked_pairs, {"aggregator"});
    Answer beyond;
    beyond.status = 403;
    observation.canary_beyond = beyond;
    EXPECT_THAT(identities(observation), testing::Each(Identity::masked));
    beyond.status = 404;
    observation.canary_beyond = beyond;
    EXPECT_THAT(identities(observation), testing::Each(Identity::unknown));
    EXPECT_THAT(unobserved_of(judge(observation)), HasSubstr("canary credential"));
    observation.canary_beyond = Unobserved{};
    observation.canary.is_system_masters = true;
    EXPECT_THAT(identities(observation), testing::Each(Identity::unknown));
}

TEST(TimedIdentity, ACheckMeansTheCallerOnlyWhereTheCertificateWouldGetNone) {
    EXPECT_THAT(identities(timed(healthy_pairs, {"aggregator"})), testing::Each(Identity::caller));
    auto powerless = timed(healthy_pairs, {"aggregator"});
    for (auto& apiserver : powerless.apiservers) {
        if (!apiserver.serving) continue;
        for (auto& certificate : *apiserver.serving) certificate.organizations.clear();
    }
    EXPECT_THAT(identities(powerless), testing::Each(Identity::unknown));
}

TEST(Diagnose, AnAgreeingPairOfAPowerfulCanaryProvesNothing) {
    auto observation = timed({}, {"aggregator"});
    for (auto& apiserver : observation.apiservers) {
        for (auto& attempts : apiserver.attempts) attempts.canary[0].flow_schemas = {"a", "a"};
    }
    EXPECT_THAT(unobserved_of(judge(observation)), testing::Not(HasSubstr("identity behind")));
    Answer beyond;
    beyond.status = 404;
    observation.canary_beyond = beyond;
    EXPECT_THAT(unobserved_of(judge(observation)), HasSubstr("identity behind"));
}

TEST(Diagnose, ACanaryThatIsRefusedAsItselfNamesTheMissingRule) {
    auto observation = timed({}, {"aggregator", "demo.pks.ik.am"});
    observation.canary.user = "canary-by-certificate";
    auto& refused = observation.apiservers.back().attempts.at(0).canary.at(0);
    refused.status = 403;
    refused.forbidden_user = "canary-by-certificate";
    EXPECT_THAT(unobserved_of(judge(observation)), HasSubstr("canary at"));
    bool named = false;
    for (const auto& fact : judge(observation).unobserved)
        named = named || fact.reason.contains("resourceNames [aggmedic-canary]");
    EXPECT_TRUE(named);
}

TEST(Diagnose, ACanaryThatIsTheProbeIsSaid) {
    auto observation = timed({}, {"aggregator", "demo.pks.ik.am"});
    observation.caller.user = observation.canary.user = "system:serviceaccount:aggmedic:aggmedic-probe";
    bool said = false;
    for (const auto& fact : judge(observation).unobserved) said = said || fact.reason.contains("the probe's own user");
    EXPECT_TRUE(said);
}

}  // namespace aggmedic::probes
