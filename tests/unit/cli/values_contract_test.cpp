#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "contract.hpp"
#include "probes/finding.hpp"
#include "remediate/plan.hpp"
#include "remediate/run.hpp"

namespace aggmedic::cli {
namespace {

using testing::IsEmpty;

probes::Finding finding(probes::Severity severity, probes::Confidence confidence, probes::AllowList verdict) {
    probes::Finding one;
    one.cause = "cn-not-allowed";
    one.severity = severity;
    one.confidence = confidence;
    one.allow_list = verdict;
    one.evidence = {{.fact = "a fact", .source = "ssh", .master = "master/0"},
                    {.fact = "b", .source = "tls", .master = {}}};
    one.rules_out = {{.cause = "our-own-401", .because = "of this"}};
    one.remedy = "do that";
    return one;
}

TEST(CheckContract, IsKeptByEveryAssessment) {
    using enum probes::Severity;
    using enum probes::Confidence;
    using enum probes::AllowList;
    probes::Assessment assessment;
    assessment.cluster = "demo";
    EXPECT_THAT(check_violations({{"clusters", {probes::to_json(assessment)}}}), IsEmpty());
    assessment.findings = {finding(critical, certain, right), finding(warning, probable, wrong),
                           finding(info, ambiguous, dangerous), finding(info, certain, none)};
    assessment.findings.front().since = TimePoint{};
    assessment.findings.front().apiservice = "v1.example.com";
    assessment.unobserved = {{.what = "x", .master = {}, .reason = "timeout"}};
    EXPECT_THAT(check_violations({{"clusters", {probes::to_json(assessment)}}}), IsEmpty());
}

TEST(PlanContract, IsKeptByPlansRefusalsAndNothingToDo) {
    remediate::Plan plan;
    plan.cluster = "demo";
    const auto nothing = remediate::to_json(plan);
    EXPECT_THAT(plan_violations(nothing), IsEmpty());
    EXPECT_TRUE(nothing["id"].is_null());
    plan.refusals = {{.gate = "stale", .subject = "master/0", .reason = "it moved"}};
    EXPECT_THAT(plan_violations(remediate::to_json(plan)), IsEmpty());
    plan.refusals.clear();
    plan.risks.emplace_back().id = "shared-ca";
    plan.masters.emplace_back().name = "master/0";
    plan.masters.front().steps = {{.step = "lock", .command = "c", .undo = "u", .check = "k"}};
    plan.id = remediate::content_id(plan);
    EXPECT_THAT(plan_violations(remediate::to_json(plan)), IsEmpty());
}

TEST(ApplyContract, IsKeptByEveryOutcome) {
    using remediate::RunOutcome;
    for (const auto outcome : {RunOutcome::applied, RunOutcome::healed, RunOutcome::rolled_back, RunOutcome::refused,
                               RunOutcome::needs_person}) {
        remediate::RunResult result;
        result.record.id = "r";
        result.record.plan_id = "p";
        result.record.cluster = "demo";
        result.record.outcome = remediate::name(outcome);
        result.masters = {{"master/0", "repaired"}};
        remediate::StepRecord step;
        step.step = "swap";
        step.master = "master/0";
        step.outcome = "ok";
        step.completed = step.intended + std::chrono::milliseconds(1500);
        result.steps.push_back(step);
        auto& unfinished = result.steps.emplace_back();
        unfinished.step = "restart";
        unfinished.master = "master/0";
        EXPECT_THAT(apply_violations(remediate::to_json(result)), IsEmpty());
    }
}

}  // namespace
}  // namespace aggmedic::cli
