#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "disturbed.hpp"
#include "plannable.hpp"
#include "structural_breaks.hpp"

// Two causes at once: neither is named with confidence where it does not explain the other, and nothing is planned.
namespace aggmedic::probes {

namespace {

using testing::Contains;

std::string printed(const Assessment& assessment) {
    std::string text;
    for (const auto& finding : assessment.findings) {
        text += "\n  " + finding.cause + " " + finding.apiservice + " " + std::string(name(finding.confidence)) +
                " of=" + finding.consequence_of + " {";
        for (const auto& candidate : finding.candidates) text += candidate + " ";
        text += "}";
    }
    return text;
}

// Without a requestheader CA to compare with, or the ConfigMap at all, nobody can say more of a certificate or a name.
bool hides(const Break& one, const Break& other) {
    return std::string(one.slot) == "published" &&
           (std::string(other.slot) == "names" || std::string(other.slot) == "certificate" ||
            std::string(other.slot) == "headers" || std::string(other.slot) == "published");
}
// A process without the flags names no key file, and presents no name.
bool excludes(const Break& one, const Break& other) {
    return std::string(one.cause) == "no-proxy-client-cert" &&
           (std::string(other.slot) == "key" || std::string(other.slot) == "names");
}

struct Pair {
    const Break* shown;
    const Break* other;
};
void PrintTo(const Pair& pair, std::ostream* out) {
    *out << pair.shown->cause << " beside " << pair.other->cause;
}

std::vector<Pair> compatible_pairs() {
    std::vector<Pair> pairs;
    for (const auto& shown : structural_breaks()) {
        for (const auto& other : structural_breaks()) {
            const bool same = std::string(shown.slot) == other.slot || &shown == &other;
            if (same || other.only_shows || hides(shown, other) || hides(other, shown) || excludes(shown, other) ||
                excludes(other, shown))
                continue;
            pairs.push_back({&shown, &other});
        }
    }
    return pairs;
}

bool names_both(const Assessment& assessment, const Pair& pair) {
    return std::ranges::any_of(assessment.findings, [&](const Finding& finding) {
        const auto is_candidate = [&](const char* cause) {
            return std::ranges::find(finding.candidates, cause) != finding.candidates.end();
        };
        return finding.confidence == Confidence::ambiguous && is_candidate(pair.shown->cause) &&
               is_candidate(pair.other->cause);
    });
}
bool is_declared(const Assessment& assessment) {
    return std::ranges::any_of(assessment.findings,
                               [](const Finding& finding) { return !finding.consequence_of.empty(); });
}

}  // namespace

class Alone : public testing::TestWithParam<std::size_t> {};
TEST_P(Alone, EachCauseIsNamedAndOnlyTheMissingNameIsPlanned) {
    const auto& each = structural_breaks()[GetParam()];
    auto observation = healthy_with_separate_cas();
    each.facts(observation);
    each.shows(observation);
    make_plannable(observation);
    const auto assessment = judge_with_security(observation);
    const auto faults = judge(observation);
    ASSERT_FALSE(faults.findings.empty()) << each.cause;
    for (const auto& finding : faults.findings) {
        EXPECT_EQ(finding.cause, each.cause) << printed(faults);
        EXPECT_EQ(finding.confidence, Confidence::certain) << printed(faults);
    }
    const auto plan = plan_for(observation, assessment, files_of(observation));
    EXPECT_EQ(plan.id.empty(), std::string(each.cause) != "cn-not-allowed") << each.cause;
}
INSTANTIATE_TEST_SUITE_P(Each, Alone, testing::Range(std::size_t{0}, structural_breaks().size()));

class Together : public testing::TestWithParam<Pair> {};
TEST_P(Together, IsAmbiguousOrADeclaredConsequenceAndNeverAPlan) {
    const auto& pair = GetParam();
    auto observation = healthy_with_separate_cas();
    pair.other->facts(observation);
    pair.shown->facts(observation);
    pair.shown->shows(observation);
    make_plannable(observation);
    const auto assessment = judge_with_security(observation);
    const auto faults = judge(observation);
    EXPECT_TRUE(names_both(faults, pair) || is_declared(faults)) << printed(faults);
    for (const auto& finding : faults.findings) {
        if (finding.consequence_of.empty() && !is_declared(faults))
            EXPECT_EQ(finding.confidence, Confidence::ambiguous) << printed(faults);
    }
    const auto plan = plan_for(observation, assessment, files_of(observation));
    EXPECT_EQ(plan.id, "") << printed(faults);
    EXPECT_TRUE(plan.refused());
}
INSTANTIATE_TEST_SUITE_P(Each, Together, testing::ValuesIn(compatible_pairs()));

TEST(Together, AWarningBesideTheRepairableCauseRefusesAPlan) {
    auto observation = healthy_with_separate_cas();
    structural_breaks().front().facts(observation);
    structural_breaks().front().shows(observation);
    make_plannable(observation);
    ASSERT_NE(plan_for(observation, judge_with_security(observation), files_of(observation)).id, "");
    for (auto& apiserver : observation.apiservers) apiserver.clock_offset_ms = 300'000;
    const auto assessment = judge_with_security(observation);
    EXPECT_THAT(causes_of(assessment), Contains("clock-skew"));
    const auto plan = plan_for(observation, assessment, files_of(observation));
    EXPECT_EQ(plan.id, "");
    EXPECT_EQ(plan.refusals.at(0).gate, "competing-cause");
}

}  // namespace aggmedic::probes
