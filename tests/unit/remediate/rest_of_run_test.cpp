#include "remediate/rest_of_run.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "run_rig.hpp"

namespace aggmedic::remediate {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

// A canary-only run of an approved plan, and the plan of now.
struct RestOfRun : testing::Test {
    RunRig rig;
    Plan approved = rig.plan();
    RunRecord run = rig.apply(approved, true).record;
    Plan rest = rig.plan();

    std::string why() const { return why_not_the_rest(rest, run, approved); }
};

TEST_F(RestOfRun, IsTheMastersBehindTheCanaryWithTheLinesThatWereApproved) {
    EXPECT_EQ(run.outcome, "healed") << run.why;
    EXPECT_THAT(run.next, HasSubstr("aggmedic apply --resume run-1"));
    EXPECT_THAT(why_not_resumed(run, approved), IsEmpty());
    ASSERT_EQ(rest.masters.size(), 2U);
    EXPECT_THAT(why(), IsEmpty());
    EXPECT_EQ(rig.apply(rest).record.outcome, "applied");
    rest = make_plan(rig.input());
    EXPECT_THAT(why(), HasSubstr("nothing is left of run run-1"));
}

TEST_F(RestOfRun, IsNotAMasterThatNobodyApproved) {
    approved.masters.pop_back();
    EXPECT_THAT(why(), HasSubstr("m2 would be changed, and was not in the plan that was approved"));
}

TEST_F(RestOfRun, IsNotAnotherLineOrOtherBytes) {
    const auto good = rest;
    for (auto field : {&MasterPlan::resolved, &MasterPlan::sha256_before, &MasterPlan::sha256_after,
                       &MasterPlan::argument_before, &MasterPlan::argument_after}) {
        rest = good;
        rest.masters.back().*field += "x";
        EXPECT_THAT(why(), HasSubstr("m2 holds other bytes"));
    }
}

TEST_F(RestOfRun, IsNotAnotherName) {
    rest.common_name = "someone.else";
    EXPECT_THAT(why(), HasSubstr("someone.else is to be added now, and " + std::string(demo_cn) + " was approved"));
}

TEST_F(RestOfRun, NeedsTheRepairedMastersAsTheRunLeftThem) {
    ASSERT_EQ(rest.untouched.size(), 1U);
    rest.untouched.front().sha256 = std::string(64, '0');
    EXPECT_THAT(why(), HasSubstr("m0 does not hold what the run wrote"));
    rest.untouched.clear();
    EXPECT_THAT(why(), HasSubstr("m0 is not configured any more"));
}

TEST_F(RestOfRun, IsRefusedByWhateverRefusesAPlan) {
    rest.refusals.push_back({.gate = "pending-restart", .subject = "m1", .reason = "m1 has an edit that is not live"});
    EXPECT_THAT(why(), HasSubstr("pending-restart: m1 has an edit that is not live"));
}

TEST_F(RestOfRun, WhichRunsHaveOne) {
    const auto with = [&](const std::string& outcome) {
        auto other = run;
        other.outcome = outcome;
        return why_not_resumed(other, approved);
    };
    EXPECT_THAT(with("needs-person"), IsEmpty());
    EXPECT_THAT(with(""), HasSubstr("has not ended"));
    EXPECT_THAT(with("applied"), HasSubstr("is complete"));
    EXPECT_THAT(with("rolled-back"), HasSubstr("changed nothing that stayed"));
    EXPECT_THAT(with("refused"), HasSubstr("aggmedic plan demo"));
    approved.method = "configmap";
    EXPECT_THAT(with("needs-person"), HasSubstr("touched no master"));
    approved.method = "revert";
    approved.reverts = "run-0";
    EXPECT_THAT(with("needs-person"), HasSubstr("aggmedic revert run-0"));
}

// The second master fails, is taken back, and is mended by somebody.
TEST(RestOfARunThatStopped, IsTheMasterThatWasTakenBackAndThoseBehindIt) {
    RunRig rig;
    rig.cluster.master("m1").never_ready = true;
    const auto approved = rig.plan();
    const auto run = rig.apply(approved).record;
    ASSERT_EQ(run.outcome, "needs-person") << run.why;
    EXPECT_THAT(run.next,
                HasSubstr("aggmedic apply --resume run-1 to go on with what is left, or aggmedic revert run-1"));
    auto& m1 = rig.cluster.master("m1");
    m1.never_ready = false;
    m1.ready = m1.runs = true;
    const auto rest = rig.plan();
    EXPECT_THAT(why_not_the_rest(rest, run, approved), IsEmpty());
    EXPECT_EQ(rig.apply(rest).record.outcome, "applied");
}

}  // namespace
}  // namespace aggmedic::remediate
