#include "daemon/automatic_repair.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace aggmedic::daemon {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

const TimePoint start = from_rfc3339("2026-11-23T12:00:00Z").value();

probes::Finding repairable() {
    probes::Finding finding;
    finding.cause = "cn-not-allowed";
    finding.confidence = probes::Confidence::certain;
    finding.allow_list = probes::AllowList::right;
    return finding;
}

// One cluster under a clock of its own: a cycle every 30 seconds.
struct Turns {
    AutomaticRepair repair;
    TimePoint now = start;
    std::string mode = "auto";
    bool paused = false;
    std::vector<probes::RaisedCause> raised{{.finding = repairable(), .masters = {}, .apiservices = {}}};

    RepairStep cycle(std::vector<probes::Finding> findings) {
        now += 30s;
        probes::Assessment assessment;
        assessment.findings = std::move(findings);
        fold_cycle(repair, assessment, {}, raised, now);
        return next();
    }
    RepairStep next() const { return next_step(repair, mode, paused, 3, now); }
    void hold() {
        for (int cycle_number = 0; cycle_number < 3; ++cycle_number) cycle({repairable()});
    }
};

TEST(AutomaticRepair, PlansWhenTheFindingHasHeld) {
    Turns turns;
    EXPECT_EQ(turns.cycle({repairable()}), RepairStep::nothing);
    EXPECT_EQ(turns.cycle({repairable()}), RepairStep::nothing);
    EXPECT_EQ(turns.cycle({repairable()}), RepairStep::make_plan);
}

TEST(AutomaticRepair, BeginsToCountAnewAfterACycleThatWasNotCertain) {
    auto probable = repairable();
    probable.confidence = probes::Confidence::probable;
    for (const auto& between : {std::vector<probes::Finding>{}, std::vector{probable}}) {
        Turns turns;
        turns.hold();
        EXPECT_EQ(turns.cycle(between), RepairStep::nothing);
        EXPECT_EQ(turns.cycle({repairable()}), RepairStep::nothing);
        EXPECT_EQ(turns.cycle({repairable()}), RepairStep::nothing);
        EXPECT_EQ(turns.cycle({repairable()}), RepairStep::make_plan);
    }
}

TEST(AutomaticRepair, DoesNothingAboutWhatIsNotRaisedOrNotRepairable) {
    Turns turns;
    turns.raised.clear();
    turns.hold();
    EXPECT_EQ(turns.next(), RepairStep::nothing);

    auto dangerous = repairable();
    dangerous.cause = "identity-collapse";
    Turns other;
    other.raised = {{.finding = dangerous, .masters = {}, .apiservices = {}}};
    for (int cycle = 0; cycle < 5; ++cycle) EXPECT_EQ(other.cycle({dangerous}), RepairStep::nothing);
}

TEST(AutomaticRepair, ObservesOnlyInModeObserveAndWhilePaused) {
    Turns turns;
    turns.hold();
    turns.mode = "observe";
    EXPECT_EQ(turns.next(), RepairStep::nothing);
    turns.mode = "auto";
    turns.paused = true;
    EXPECT_EQ(turns.next(), RepairStep::nothing);
    turns.paused = false;
    turns.repair.is_busy = true;
    EXPECT_EQ(turns.next(), RepairStep::nothing);
}

TEST(AutomaticRepair, OnlyAutoAppliesWhatItPlanned) {
    Turns turns;
    turns.hold();
    turns.repair.plan = OwnPlan{.id = "1234", .expires = turns.now + 15min};
    turns.repair.plan_not_before = turns.now + 5min;
    EXPECT_EQ(turns.next(), RepairStep::ask_guards);
    turns.mode = "approve";
    EXPECT_EQ(turns.next(), RepairStep::nothing);
    turns.mode = "anything else";
    EXPECT_EQ(turns.next(), RepairStep::nothing);
}

TEST(AutomaticRepair, ReplacesAPlanThatExpired) {
    Turns turns;
    turns.hold();
    turns.repair.plan = OwnPlan{.id = "1234", .expires = turns.now + 15min};
    turns.now += 15min;
    EXPECT_EQ(turns.next(), RepairStep::make_plan);
}

TEST(AutomaticRepair, WaitsBeforeItTriesToPlanAgain) {
    Turns turns;
    turns.hold();
    turns.repair.plan_not_before = turns.now + 5min;
    turns.repair.plan_refusals = {{.gate = "disk-room", .subject = "master/0", .reason = "full"}};
    EXPECT_EQ(turns.next(), RepairStep::nothing);
    turns.now += 5min;
    EXPECT_EQ(turns.next(), RepairStep::make_plan);
    turns.cycle({});
    EXPECT_THAT(turns.repair.plan_refusals, IsEmpty());
}

TEST(AutomaticRepair, ForgetsItsPlanWhenTheFindingIsGone) {
    Turns turns;
    turns.hold();
    turns.repair.plan = OwnPlan{.id = "1234", .expires = turns.now + 15min};
    turns.cycle({});
    EXPECT_EQ(turns.repair.plan, std::nullopt);
}

// Runs and the kind of their plans, newest first, and the run whose masters are held against its plan.
TEST(FindRepaired, IsTheLastRunThatEndedWellAndWasNotTakenBack) {
    struct Past {
        std::string outcome, plan;
    };
    struct Case {
        std::vector<Past> runs;
        std::string repaired;
    };
    for (const auto& [runs, repaired] : {
             Case{{}, ""},
             Case{{{"applied", "repair"}}, "0"},
             Case{{{"refused", "revert"}, {"applied", "repair"}}, "1"},
             Case{{{"rolled-back", "repair"}, {"applied", "repair"}}, "1"},
             Case{{{"needs-person", "repair"}, {"rolled-back", "repair"}, {"healed", "repair"}}, "2"},
             Case{{{"", "repair"}, {"applied", "repair"}}, "1"},
             Case{{{"rolled-back", "revert"}, {"applied", "repair"}}, ""},
             Case{{{"needs-person", "revert"}, {"applied", "repair"}}, ""},
             Case{{{"rolled-back", "repair"}, {"rolled-back", "revert"}, {"applied", "repair"}}, ""},
             Case{{{"applied", "repair"}, {"rolled-back", "revert"}}, "0"},
             Case{{{"rolled-back", "gone"}, {"applied", "repair"}}, ""},
         }) {
        std::vector<remediate::RunRecord> records;
        std::string told;
        for (const auto& past : runs) {
            records.emplace_back();
            records.back().outcome = past.outcome;
            records.back().plan_id = past.plan + std::to_string(records.size() - 1);
            told += past.outcome + " " + past.plan + "; ";
        }
        const auto plan_of = [](const std::string& id) -> Result<std::optional<remediate::Plan>> {
            if (id.starts_with("gone")) return std::nullopt;
            remediate::Plan plan;
            plan.id = id.substr(id.size() - 1);
            if (id.starts_with("revert")) plan.reverts = "some run";
            return plan;
        };
        const auto found = find_repaired(records, plan_of);
        ASSERT_TRUE(found);
        EXPECT_EQ(*found ? (*found)->plan.id : "", repaired) << told;
    }
}

TEST(FindRepaired, KnowsNothingWhereThePlanCannotBeRead) {
    const std::vector<remediate::RunRecord> runs(1);
    EXPECT_FALSE(find_repaired(runs, [](const std::string&) { return fail(Errc::io_failed, "disk I/O error"); }));
}

TEST(FindRepaired, OfACanaryOnlyRunIsOneMaster) {
    remediate::RunRecord run;
    run.outcome = "healed";
    run.canary_only = true;
    remediate::Plan plan;
    plan.masters.resize(3);
    const auto found = find_repaired({run}, [&](const std::string&) { return std::optional(plan); });
    ASSERT_TRUE(found && *found);
    EXPECT_EQ((*found)->masters, 1U);
}

TEST(BrokenSince, IsTheNewestRaisedFault) {
    probes::History history;
    EXPECT_EQ(broken_since(history), std::nullopt);
    const auto add = [&](const char* key, TimePoint seen, bool raised, probes::Severity severity) {
        auto& tracked = history.findings[key];
        tracked.finding.severity = severity;
        tracked.first_seen = seen;
        tracked.raised = raised;
    };
    add("old", start, true, probes::Severity::critical);
    add("not raised", start + 3min, false, probes::Severity::critical);
    add("information", start + 3min, true, probes::Severity::info);
    EXPECT_EQ(broken_since(history), start);
    add("new", start + 1min, true, probes::Severity::warning);
    EXPECT_EQ(broken_since(history), start + 1min);
}

TEST(SameRefusals, LooksAtGuardsAndSubjectsNotAtTheTimesThatTheyName) {
    const std::vector<remediate::Refusal> one{{"cooldown", "demo", "lifted in 9 min"}};
    EXPECT_TRUE(same_refusals(one, {{"cooldown", "demo", "lifted in 8 min"}}));
    EXPECT_FALSE(same_refusals(one, {{"window", "demo", "lifted in 9 min"}}));
    EXPECT_FALSE(same_refusals(one, {}));
    EXPECT_EQ(named({{"window", "demo", ""}, {"cooldown", "demo", ""}}), "window, cooldown");
}

}  // namespace
}  // namespace aggmedic::daemon
