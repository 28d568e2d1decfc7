#include <gtest/gtest.h>

#include <algorithm>

#include "probes/diagnose.hpp"
#include "recording.hpp"

// Every recording against what verdicts.json says a diagnosis has to answer.
namespace aggmedic::probes {

namespace {

using nlohmann::json;
using recording::As;

std::string text_at(const json& object, const char* key) {
    return object.value(key, "");
}

bool answers(const Finding& finding, const json& expected) {
    if (finding.apiservice != text_at(expected, "apiservice") ||
        name(finding.allow_list) != text_at(expected, "allow_list") ||
        name(finding.confidence) != text_at(expected, "confidence") ||
        finding.consequence_of != text_at(expected, "consequence_of")) {
        return false;
    }
    if (expected.contains("master") && finding.master != text_at(expected, "master")) return false;
    if (finding.confidence != Confidence::ambiguous) return finding.cause == text_at(expected, "cause");
    return std::ranges::find(finding.candidates, text_at(expected, "cause")) != finding.candidates.end() &&
           finding.candidates.front() == finding.cause;
}

std::string printed(const Assessment& assessment) {
    std::string text;
    for (const auto& finding : assessment.findings) {
        text += "\n  " + finding.cause + " " + finding.apiservice + " master=" + finding.master + " " +
                std::string(name(finding.confidence)) + " " + std::string(name(finding.allow_list)) +
                " consequence_of=" + finding.consequence_of;
    }
    for (const auto& fact : assessment.unobserved)
        text += "\n  unobserved " + fact.what + " " + fact.master + " " + fact.reason;
    return text;
}

void expect(const Assessment& assessment, const json& expected, const std::string& what) {
    auto left = assessment.findings;
    std::erase_if(left, [](const Finding& each) { return each.finding_class == FindingClass::security; });
    for (const auto& each : expected) {
        const auto at = std::ranges::find_if(left, [&](const Finding& finding) { return answers(finding, each); });
        EXPECT_NE(at, left.end()) << what << ": no finding answers " << each.dump() << "; there are"
                                  << printed(assessment);
        if (at != left.end()) left.erase(at);
    }
    EXPECT_TRUE(left.empty()) << what << ": more findings than expected:" << printed(assessment);
}

std::vector<std::string> recorded_folders() {
    std::vector<std::string> folders;
    for (const auto& [folder, verdict] : recording::verdicts().at("recordings").items()) {
        const bool special = folder == "ha-one-master-bad-proxy-cert" || folder == "probe-credential-invalid" ||
                             folder == "anonymous-auth-false";
        if (!special) folders.push_back(folder);
    }
    return folders;
}

}  // namespace

class Recording : public testing::TestWithParam<std::string> {};

TEST_P(Recording, WithSshIsWhatTheVerdictsSay) {
    for (const auto as : {As::admin, As::dev}) {
        const auto assessment = diagnose(recording::load(GetParam(), {.ssh = true, .as = as}), recording::now());
        expect(assessment, recording::verdicts()["recordings"][GetParam()]["with_ssh"],
               as == As::admin ? "as admin" : "as dev");
    }
}

TEST_P(Recording, WithoutSshIsWhatTheVerdictsSay) {
    for (const auto as : {As::admin, As::dev}) {
        const auto assessment = diagnose(recording::load(GetParam(), {.ssh = false, .as = as}), recording::now());
        expect(assessment, recording::verdicts()["recordings"][GetParam()]["without_ssh"],
               as == As::admin ? "as admin" : "as dev");
    }
}

INSTANTIATE_TEST_SUITE_P(All, Recording, testing::ValuesIn(recorded_folders()), [](const auto& info) {
    std::string text = info.param;
    std::ranges::replace_if(text, [](char c) { return !std::isalnum(static_cast<unsigned char>(c)); }, '_');
    return text;
});

TEST(Recordings, AllAreReplayed) {
    EXPECT_EQ(recorded_folders().size() + 3, recording::verdicts().at("recordings").size());
}

TEST(Recordings, ARefusedProbeCredentialIsTheOnlyFinding) {
    for (const std::string folder : {"probe-credential-invalid", "anonymous-auth-false"}) {
        for (const auto as : {As::bad_token, As::no_token}) {
            for (const bool ssh : {true, false}) {
                const auto assessment = diagnose(recording::load(folder, {.ssh = ssh, .as = as}), recording::now());
                expect(assessment, recording::verdicts()["recordings"][folder][ssh ? "with_ssh" : "without_ssh"],
                       folder);
            }
        }
    }
}

TEST(Recordings, AnonymousAuthOffIsHealthyWithAGoodToken) {
    const auto assessment =
        diagnose(recording::load("anonymous-auth-false", {.ssh = true, .as = As::admin}), recording::now());
    expect(assessment, json::array(), "good token");
}

TEST(Recordings, OneBadMasterOfTwoIsNamedInEveryWindowOfTheTimeline) {
    const auto& verdict = recording::verdicts()["recordings"]["ha-one-master-bad-proxy-cert"];
    for (std::size_t from = 0; from < 20; ++from) {
        expect(diagnose(recording::load_ha({.ssh = true, .as = As::admin}, from), recording::now()),
               verdict["with_ssh"], "with ssh");
        expect(diagnose(recording::load_ha({.ssh = false, .as = As::admin}, from), recording::now()),
               verdict["without_ssh"], "without ssh");
    }
}

TEST(Recordings, HealthyIsHealthyWithNothingUnobserved) {
    for (const auto& folder : {"healthy", "allowed-names-empty"}) {
        for (const bool ssh : {true, false}) {
            const auto assessment = diagnose(recording::load(folder, {.ssh = ssh, .as = As::dev}), recording::now());
            EXPECT_EQ(state_of(assessment), ClusterState::healthy) << folder << printed(assessment);
        }
    }
}

TEST(Recordings, AMasterThatStartsIsUnobservedAndNeverACause) {
    struct Moment {
        const char *readyz, *core, *catalog, *sample;
    };
    constexpr Moment moments[] = {
        {"022.38-readyz.http", "022.38-core.http", "022.38-servicecatalog.http", "022.39-wardle.http"},
        {"024.41-readyz.http", "022.38-core.http", "024.40-servicecatalog.http", "024.40-wardle.http"},
        {"025.28-readyz.http", "022.38-core.http", "024.40-servicecatalog.http", "024.84-wardle.http"},
    };
    for (const auto& moment : moments) {
        const auto assessment = diagnose(
            recording::load_restart(moment.readyz, moment.core, moment.catalog, moment.sample), recording::now());
        EXPECT_TRUE(assessment.findings.empty()) << printed(assessment);
        EXPECT_EQ(state_of(assessment), ClusterState::unknown);
        ASSERT_FALSE(assessment.unobserved.empty());
        EXPECT_EQ(assessment.unobserved.front().master, "m0");
        EXPECT_TRUE(assessment.unobserved.front().reason.starts_with("not-ready"))
            << assessment.unobserved.front().reason;
    }
    // Answers from before readyz that stand beside a readyz from after it (the cycle spans the start) count for nothing
    // either.
    const auto spanning = diagnose(recording::load_restart("025.49-readyz.http", "022.38-core.http",
                                                           "022.38-servicecatalog.http", "022.39-wardle.http"),
                                   recording::now());
    EXPECT_TRUE(spanning.findings.empty()) << printed(spanning);
    EXPECT_EQ(state_of(spanning), ClusterState::unknown);
    const auto ready = diagnose(recording::load_restart("025.49-readyz.http", "022.38-core.http",
                                                        "025.26-servicecatalog.http", "024.84-wardle.http"),
                                recording::now());
    EXPECT_EQ(state_of(ready), ClusterState::healthy) << printed(ready);
}

}  // namespace aggmedic::probes
