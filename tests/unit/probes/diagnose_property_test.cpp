#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <random>

#include "disturbed.hpp"

namespace aggmedic::probes {

namespace {

using recording::As;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

}  // namespace

namespace {

// Loses, repeats, or corrupts some facts of what was seen.
void perturb(Observation& observation, std::mt19937_64& random) {
    const auto chance = [&](unsigned percent) { return random() % 100 < percent; };
    for (auto& apiserver : observation.apiservers) {
        if (chance(10)) apiserver.readyz = Unobserved{.reason = "timeout", .detail = ""};
        if (chance(10)) apiserver.serving = Unobserved{};
        if (chance(10)) apiserver.published = Unobserved{.reason = "forbidden", .detail = ""};
        if (chance(10)) apiserver.apiservices = Unobserved{.reason = "forbidden", .detail = ""};
        for (auto& attempts : apiserver.attempts) {
            for (auto* answers : {&attempts.discovery, &attempts.resource}) {
                for (auto& answer : *answers) {
                    if (chance(15))
                        answer.status = std::array{0U, 200U, 401U, 403U, 404U, 500U, 503U, 504U}[random() % 8];
                    if (chance(10)) answer.body.clear();
                    if (chance(10)) answer.flow_schemas = {"x", chance(50) ? "x" : "y"};
                }
                if (!answers->empty() && chance(20)) answers->pop_back();
                if (!answers->empty() && chance(20)) answers->push_back(answers->front());
            }
        }
        if (!apiserver.apiservices) continue;
        for (auto& apiservice : *apiserver.apiservices) {
            if (chance(20)) apiservice.available = chance(50) ? "True" : "False";
            if (chance(20)) apiservice.message = "bad status from https://x: 401";
        }
    }
    for (auto& [name, master] : observation.masters) {
        if (chance(15)) master = Unobserved{.reason = "timeout", .detail = ""};
        if (master && chance(10)) master->process = Unobserved{.reason = "not-found", .detail = ""};
        if (master && chance(10)) master->files.clear();
    }
    if (chance(20)) add_master(observation, "m9");
}

}  // namespace

TEST(DiagnoseProperty, NoDisturbanceMakesAWrongCauseAPlannableOne) {
    for (const auto& [folder, verdict] : recording::verdicts().at("recordings").items()) {
        const bool right = folder.starts_with("cn-not-allowed-separate");
        if (right || folder == "ha-one-master-bad-proxy-cert" || folder == "probe-credential-invalid" ||
            folder == "anonymous-auth-false")
            continue;
        for (const bool ssh : {true, false}) {
            const auto original = recording::load(folder, {.ssh = ssh, .as = As::admin});
            for (std::uint64_t seed = 0; seed < 25; ++seed) {
                std::mt19937_64 random(seed);
                auto observation = original;
                perturb(observation, random);
                for (const auto& finding : judge(observation).findings) {
                    EXPECT_NE(finding.allow_list, AllowList::right)
                        << folder << " seed " << seed << " " << finding.cause;
                    if (!ssh && finding.cause == "cn-not-allowed")
                        EXPECT_NE(finding.confidence, Confidence::certain) << folder << " seed " << seed;
                }
            }
        }
    }
}

TEST(DiagnoseProperty, AMismatchUnderSeparateCasIsOnlyEverRightForItsOwnName) {
    const auto original = mismatch();
    for (std::uint64_t seed = 0; seed < 100; ++seed) {
        std::mt19937_64 random(seed);
        auto observation = original;
        perturb(observation, random);
        for (const auto& finding : judge(observation).findings) {
            if (finding.allow_list == AllowList::right) EXPECT_EQ(finding.common_name, "demo.pks.ik.am") << seed;
        }
    }
}

TEST(DiagnoseProperty, TheSameObservationGivesTheSameAssessment) {
    for (const auto* folder : {"cn-not-allowed", "proxy-cert-other-ca", "extension-down", "healthy"}) {
        const auto observation = recording::load(folder, {.ssh = true, .as = As::dev});
        const auto copy = parse_observation(to_json(observation).dump()).value();
        EXPECT_EQ(to_json(judge(observation)).dump(), to_json(judge(copy)).dump()) << folder;
    }
}

TEST(DiagnoseProperty, EveryFindingIsOfTheTableAndExplainsItself) {
    for (const auto& [folder, verdict] : recording::verdicts().at("recordings").items()) {
        if (folder == "ha-one-master-bad-proxy-cert") continue;
        const auto as = folder == "probe-credential-invalid" ? As::bad_token : As::admin;
        for (const auto& finding : judge(recording::load(folder, {.ssh = true, .as = as})).findings) {
            EXPECT_NE(find_cause(finding.cause), nullptr) << finding.cause;
            EXPECT_FALSE(finding.evidence.empty()) << folder << finding.cause;
            EXPECT_FALSE(finding.rules_out.empty()) << folder << finding.cause;
            EXPECT_FALSE(finding.remedy.empty()) << folder << finding.cause;
            for (const auto& other : finding.rules_out) {
                EXPECT_NE(find_cause(other.cause), nullptr) << other.cause;
                EXPECT_NE(other.cause, finding.cause);
            }
        }
    }
}

}  // namespace aggmedic::probes
