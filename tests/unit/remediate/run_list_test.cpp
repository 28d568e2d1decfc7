// The published list changed by a run: without a restart, in a rollback, in the revert of a run.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "run_rig.hpp"

namespace aggmedic::remediate {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

std::string to_text(const RunResult& result) {
    return to_json(result).dump(1);
}
std::string to_text(const Plan& plan) {
    std::string text;
    for (const auto& refusal : plan.refusals)
        text += refusal.gate + " " + refusal.subject + ": " + refusal.reason + "\n";
    return text;
}
std::vector<std::string> steps_of(const FakeJournal& journal, const std::string& run) {
    std::vector<std::string> steps;
    for (const auto& step : journal.stored_steps.at(run))
        steps.push_back(step.step + (step.master.empty() ? "" : " " + step.master) + " " + step.outcome);
    return steps;
}
bool holds_name(const std::vector<std::string>& names) {
    return std::ranges::find(names, demo_cn) != names.end();
}
int restarts(const FakeCluster& cluster) {
    return static_cast<int>(std::ranges::count_if(
        cluster.verbs, [](const auto& verb) { return verb.starts_with("restart ") || verb.starts_with("swap "); }));
}
struct ListRig : RunRig {
    using RunRig::RunRig;
    Plan configmap_plan() {
        adjust = [](PlanInput& made) { made.method = "configmap"; };
        return plan();
    }
    // What `aggmedic revert` makes of a run that ended.
    Plan revert_plan(const Plan& original) {
        adjust = [original](PlanInput& made) {
            made.method = "revert";
            made.reverts = revert_of(original, "run-1");
        };
        return plan();
    }
    RunResult apply_as(const std::string& id, const Plan& plan) {
        RunRecord record;
        record.id = id;
        record.trigger = "person";
        control = std::make_shared<RunControl>();
        return drive([&](RunContext& context) { return run_plan(context, plan, record, control); });
    }
    // The list and the files as they were before anything.
    void expect_old() {
        EXPECT_THAT(cluster.published_names, ElementsAre("aggregator"));
        for (auto& master : cluster.masters) {
            EXPECT_THAT(master.names(), ElementsAre("aggregator"));
            EXPECT_FALSE(master.bytes.contains(demo_cn));
            EXPECT_TRUE(master.ready);
            EXPECT_EQ(master.lock + master.backup_name, "");
        }
    }
};

// --- without a restart ----------------------------------------------------------------------------------------------

TEST(ConfigMapRun, HealsWithoutTouchingAMaster) {
    ListRig rig;
    const auto plan = rig.configmap_plan();
    ASSERT_FALSE(plan.id.empty()) << to_text(plan);
    EXPECT_TRUE(plan.masters.empty());
    EXPECT_EQ(plan.untouched.size(), 3U);
    const auto result = rig.apply(plan);
    EXPECT_EQ(result.record.outcome, "applied") << to_text(result);
    EXPECT_THAT(rig.cluster.published_names, ElementsAre("aggregator", demo_cn));
    EXPECT_EQ(rig.cluster.added_mark, demo_cn);
    EXPECT_THAT(rig.cluster.patches, ElementsAre("dry run", "written"));
    EXPECT_EQ(restarts(rig.cluster), 0);
    EXPECT_THAT(steps_of(rig.journal, "run-1"),
                ElementsAre("lock m0 ok", "lock m1 ok", "lock m2 ok", "check m0 ok", "add_name ok", "kept ok",
                            "aggregated m0 ok", "after_repair m0 ok", "verify ok", "unlock m0 ok", "unlock m1 ok",
                            "unlock m2 ok"));
    EXPECT_GE(rig.cluster.elapsed, seconds(70)) << "the list was not read again after 70 s";
    for (auto& master : rig.cluster.masters) EXPECT_EQ(master.lock, "");
    EXPECT_THAT(result.record.next, HasSubstr("aggmedic revert run-1"));
}

TEST(ConfigMapRun, ComesAfterOtherWritersAndLosesNoneOfTheirNames) {
    ListRig rig;
    const auto plan = rig.configmap_plan();
    rig.cluster.other_writers = 5;
    const auto result = rig.apply(plan);
    EXPECT_EQ(result.record.outcome, "applied") << to_text(result);
    EXPECT_THAT(rig.cluster.published_names,
                ElementsAre("aggregator", "other-4", "other-3", "other-2", "other-1", "other-0", demo_cn));
}

TEST(ConfigMapRun, GivesUpAfterFiveRetries) {
    ListRig rig;
    const auto plan = rig.configmap_plan();
    rig.cluster.other_writers = 6;
    const auto result = rig.apply(plan);
    EXPECT_EQ(result.record.outcome, "refused") << to_text(result);
    EXPECT_THAT(rig.cluster.published_names, Not(Contains(demo_cn)));
}

TEST(ConfigMapRun, WritesNothingWhereTheDryRunIsRefused) {
    ListRig rig;
    const auto plan = rig.configmap_plan();
    rig.cluster.dry_run_works = false;
    const auto result = rig.apply(plan);
    EXPECT_EQ(result.record.outcome, "refused") << to_text(result);
    EXPECT_TRUE(rig.cluster.patches.empty());
    rig.expect_old();
}

TEST(ConfigMapRun, ARefusedPatchIsARefusedRun) {
    ListRig rig;
    const auto plan = rig.configmap_plan();
    rig.cluster.patch_status = 403;
    const auto result = rig.apply(plan);
    EXPECT_EQ(result.record.outcome, "refused") << to_text(result);
    EXPECT_THAT(result.record.why, HasSubstr("403"));
    rig.expect_old();
}

TEST(ConfigMapRun, ANameThatVanishesAgainNeedsAPerson) {
    ListRig rig;
    const auto plan = rig.configmap_plan();
    rig.on_progress = [&](const Progress& told) {
        if (told.step == "kept" && told.state == "started") {
            std::erase(rig.cluster.published_names, demo_cn);
            ++rig.cluster.resource_version;
        }
    };
    const auto result = rig.apply(plan);
    EXPECT_EQ(result.record.outcome, "needs-person") << to_text(result);
    EXPECT_THAT(result.record.why, HasSubstr("something else writes it"));
}

TEST(ConfigMapRun, AnAnswerThatIsLostIsLookedAt) {
    const auto exchanges = [] {
        ListRig rig;
        EXPECT_EQ(rig.apply(rig.configmap_plan()).record.outcome, "applied");
        return rig.cluster.exchanges;
    }();
    std::map<std::string, int> outcomes;
    for (const auto fault : {Fault::lost_before, Fault::lost_after}) {
        for (int at = fault == Fault::lost_after ? 1 : 0; at < exchanges; at += 2) {
            ListRig rig;
            const auto plan = rig.configmap_plan();
            rig.cluster.fault = fault;
            rig.cluster.fault_at = at;
            const auto result = rig.apply(plan);
            const auto& outcome = result.record.outcome;
            ++outcomes[outcome];
            const bool published = holds_name(rig.cluster.published_names);
            if (outcome == "applied") EXPECT_TRUE(published) << at << to_text(result);
            if (outcome == "refused" || outcome == "rolled-back") EXPECT_FALSE(published) << at << to_text(result);
            EXPECT_EQ(restarts(rig.cluster), 0);
        }
    }
    EXPECT_GT(outcomes["applied"], exchanges / 2) << "one lost answer ends a run that could go on";
}

TEST(ConfigMapRun, EndsWhereverItIsKilled) {
    for (int at = 0;; ++at) {
        ListRig rig;
        const auto plan = rig.configmap_plan();
        rig.journal.after_write = [&rig, at] {
            if (rig.journal.writes == at + 1) throw Killed{};
        };
        bool killed = false;
        try {
            rig.apply(plan);
        } catch (const Killed&) {
            killed = true;
        }
        if (!killed) {
            EXPECT_GT(at, 10);
            return;
        }
        rig.journal.after_write = nullptr;
        if (rig.journal.stored_runs.empty() || !rig.journal.stored_runs.back().outcome.empty()) continue;
        const auto result = rig.reconcile(plan);
        const bool published = holds_name(rig.cluster.published_names);
        EXPECT_THAT((std::vector<std::string>{"applied", "rolled-back"}), Contains(result.record.outcome))
            << at << to_text(result);
        EXPECT_EQ(result.record.outcome == "applied", published) << at << to_text(result);
        EXPECT_EQ(restarts(rig.cluster), 0);
        for (auto& master : rig.cluster.masters) EXPECT_EQ(master.lock, "");
    }
}

TEST(ConfigMapRun, ACanaryMeansNothingThere) {
    ListRig rig;
    const auto result = rig.apply(rig.configmap_plan(), true);
    EXPECT_EQ(result.record.outcome, "refused");
    EXPECT_THAT(result.record.why, HasSubstr("--canary-only"));
}

TEST(ConfigMapRun, IsStaleOnceAMasterOrTheListMoved) {
    ListRig rig;
    const auto plan = rig.configmap_plan();
    rig.cluster.masters[1].bytes += "# edited\n";
    EXPECT_EQ(rig.apply(plan).record.outcome, "refused");
    ListRig other;
    const auto later = other.configmap_plan();
    ++other.cluster.resource_version;
    EXPECT_EQ(other.apply(later).record.outcome, "refused");
    EXPECT_TRUE(other.cluster.patches.empty());
}

std::string refused_by(const Plan& plan) {
    std::string gates;
    for (const auto& refusal : plan.refusals) gates += refusal.gate + " ";
    return gates;
}

TEST(ConfigMapPlan, NeedsARepairCredentialADryRunAndEveryMaster) {
    ListRig rig;
    rig.adjust = [](PlanInput& made) {
        made.method = "configmap";
        made.has_repair_credential = false;
    };
    EXPECT_EQ(refused_by(rig.plan()), "repair-credential ");
    rig.adjust = [](PlanInput& made) {
        made.method = "configmap";
        made.observation.masters["m1"] = probes::Unobserved{.reason = "timeout", .detail = {}};
    };
    EXPECT_THAT(refused_by(rig.plan()), HasSubstr("master-seen"));
    rig.cluster.kubernetes = "v1.12.4";
    EXPECT_THAT(refused_by(rig.configmap_plan()), HasSubstr("dry-run"));
}

TEST(ConfigMapPlan, SaysWhatItGrantsAndHowLongItLasts) {
    ListRig rig;
    const auto has = [](const Plan& plan, const std::string& id) {
        return std::ranges::any_of(plan.risks, [&](const Risk& risk) { return risk.id == id; });
    };
    auto plan = rig.configmap_plan();
    EXPECT_TRUE(has(plan, "narrower-grant") && has(plan, "explained-by-no-file"));
    EXPECT_FALSE(has(plan, "until-next-master-start"));
    rig.cluster.kubernetes = "v1.16.9";
    rig.adjust = [](PlanInput& made) {
        made.method = "configmap";
        for (auto& [name, master] : made.observation.masters) {
            master->process->started_at = made.now - std::chrono::hours(1);
            for (auto& file : master->files) file.modified = made.now - std::chrono::hours(2);
        }
    };
    plan = rig.plan();
    ASSERT_FALSE(plan.id.empty()) << to_text(plan);
    EXPECT_TRUE(has(plan, "until-next-master-start"));
    const auto read = parse_plan(to_json(plan).dump());
    ASSERT_TRUE(read) << read.error().detail;
    EXPECT_EQ(*read, plan);
}

TEST(ConfigMapPlan, NeedsNoAcceptanceOfASingleMasterWhichStaysUp) {
    ListRig rig(1);
    auto input = rig.cluster.input();
    input.method = "configmap";
    input.accepted = {accepted_shared_ca(input)};
    EXPECT_FALSE(make_plan(input).id.empty()) << to_text(make_plan(input));
}

// --- a rollback -----------------------------------------------------------------------------------------------------

TEST(Rollback, TakesThePublishedNameOutOnceNobodyHoldsIt) {
    RunRig rig;
    const auto plan = rig.plan();
    auto& canary = rig.cluster.masters.front();
    // It publishes the name and is not ready long enough.
    rig.on_progress = [&](const Progress& told) {
        if (told.step == "ready" && told.state == "started") {
            canary.ready = false;
            rig.cluster.published_names.push_back(demo_cn);
            ++rig.cluster.resource_version;
            rig.cluster.apis.front().reads_once = true;  // and started just then
            rig.cluster.apis.front().known = rig.cluster.published_names;
        }
    };
    canary.never_ready = true;
    const auto result = rig.apply(plan);
    EXPECT_EQ(result.record.outcome, "rolled-back") << to_text(result);
    EXPECT_THAT(result.record.why, HasSubstr("until their pods are restarted: v1beta1.servicecatalog.k8s.io"));
    EXPECT_THAT(rig.cluster.published_names, ElementsAre("aggregator"));
    EXPECT_THAT(rig.cluster.patches, ElementsAre("dry run", "written"));
}

TEST(Rollback, NeedsAPersonWhereTheListCannotBeChanged) {
    RunRig rig;
    const auto plan = rig.plan();
    auto& canary = rig.cluster.masters.front();
    rig.on_progress = [&](const Progress& told) {
        if (told.step == "ready" && told.state == "started") {
            rig.cluster.published_names.push_back(demo_cn);
            ++rig.cluster.resource_version;
        }
    };
    canary.never_ready = true;
    rig.cluster.patch_status = 403;
    const auto result = rig.apply(plan);
    EXPECT_EQ(result.record.outcome, "needs-person") << to_text(result);
    EXPECT_EQ(result.masters.front().second, "restored");
}

// --- the revert of a run --------------------------------------------------------------------------------------------

TEST(Revert, TakesBackEveryMasterAndThenTheName) {
    ListRig rig;
    const auto before = rig.cluster.masters.front().bytes;
    const auto plan = rig.plan();
    ASSERT_EQ(rig.apply(plan).record.outcome, "applied");
    const auto revert = rig.revert_plan(plan);
    ASSERT_FALSE(revert.id.empty()) << to_text(revert);
    EXPECT_EQ(revert.masters.size(), 3U);
    EXPECT_TRUE(revert.withdraws);
    const auto read = parse_plan(to_json(revert).dump());
    ASSERT_TRUE(read) << read.error().detail;
    EXPECT_EQ(*read, revert);
    const auto result = rig.apply_as("run-2", revert);
    EXPECT_EQ(result.record.outcome, "rolled-back") << to_text(result);
    rig.expect_old();
    for (auto& master : rig.cluster.masters) EXPECT_EQ(master.bytes, before);
    for (const auto& [name, state] : result.masters) EXPECT_EQ(state, "restored") << name;
    EXPECT_THAT(steps_of(rig.journal, "run-2"), Contains("withdrawn ok"));
    EXPECT_TRUE(rig.revert_plan(plan).empty()) << to_text(rig.revert_plan(plan));
}

TEST(Revert, ShowsTheChangeTheOtherWayRound) {
    ListRig rig;
    const auto plan = rig.plan();
    ASSERT_EQ(rig.apply(plan).record.outcome, "applied");
    const auto revert = rig.revert_plan(plan);
    ASSERT_EQ(revert.masters.size(), 3U) << to_text(revert);
    const auto& there = plan.masters.front();
    const auto& back = revert.masters.front();
    EXPECT_EQ(back.argument_before, there.argument_after);
    EXPECT_EQ(back.argument_after, there.argument_before);
    EXPECT_EQ(back.sha256_after, there.sha256_before);
    EXPECT_EQ(back.arguments_sha256_after, there.arguments_sha256);
    EXPECT_THAT(back.diff, HasSubstr("\n-  - --requestheader-allowed-names=aggregator,demo.pks.ik.am"));
    EXPECT_THAT(back.diff, HasSubstr("\n+  - --requestheader-allowed-names=aggregator\n"));
}

TEST(Revert, NeverTakesTwoMastersDown) {
    ListRig rig;
    const auto plan = rig.plan();
    ASSERT_EQ(rig.apply(plan).record.outcome, "applied");
    const auto revert = rig.revert_plan(plan);
    rig.cluster.before_exchange = [&] {
        EXPECT_LE(std::ranges::count_if(rig.cluster.masters, [](const auto& master) { return !master.ready; }), 1);
    };
    EXPECT_EQ(rig.apply_as("run-2", revert).record.outcome, "rolled-back");
}

TEST(Revert, OfARunOnTheConfigMapAloneTouchesNoMaster) {
    ListRig rig;
    const auto plan = rig.configmap_plan();
    ASSERT_EQ(rig.apply(plan).record.outcome, "applied");
    const auto revert = rig.revert_plan(plan);
    ASSERT_FALSE(revert.id.empty()) << to_text(revert);
    EXPECT_TRUE(revert.masters.empty() && revert.withdraws && revert.marked);
    const auto result = rig.apply_as("run-2", revert);
    EXPECT_EQ(result.record.outcome, "rolled-back") << to_text(result);
    EXPECT_EQ(restarts(rig.cluster), 0);
    EXPECT_EQ(rig.cluster.added_mark, "");
    rig.expect_old();
}

TEST(Revert, LeavesANameThatSomebodyTookOver) {
    ListRig rig;
    const auto plan = rig.configmap_plan();
    ASSERT_EQ(rig.apply(plan).record.outcome, "applied");
    rig.cluster.added_mark.clear();
    const auto result = rig.apply_as("run-2", rig.revert_plan(plan));
    EXPECT_EQ(result.record.outcome, "needs-person") << to_text(result);
    EXPECT_THAT(result.record.why, HasSubstr("somebody took it over"));
    EXPECT_THAT(rig.cluster.published_names, Contains(demo_cn));
}

TEST(Revert, IsRefusedWhereAnotherMasterHoldsTheName) {
    ListRig rig;
    const auto canary = rig.plan();
    ASSERT_EQ(rig.apply(canary, true).record.outcome, "healed");
    rig.adjust = nullptr;
    // Somebody repaired m1 by hand since.
    auto& other = rig.cluster.masters[1];
    const auto& repaired = rig.cluster.masters[0];
    other.bytes = repaired.bytes;
    other.arguments = repaired.arguments;
    // The canary alone was this run's to change; of m1 its plan knows the bytes that it never wrote.
    auto partial = canary;
    partial.masters.erase(partial.masters.begin() + 1, partial.masters.end());
    const auto plan = rig.revert_plan(partial);
    EXPECT_THAT(to_text(plan), HasSubstr("name-held m1"));
}

// What an upgrade or a template change does to a master that a run had repaired: other bytes, and without the name.
void write_anew(FakeMaster& master, const std::string& bytes) {
    master.bytes = bytes + "# written anew\n";
    master.arguments = master.argv_in_files();
    master.pid += 1;
}

TEST(Revert, HasNothingToTakeOutOfAFileThatWasWrittenAnewWithoutTheName) {
    ListRig rig;
    const auto before = rig.cluster.masters.front().bytes;
    const auto plan = rig.plan();
    ASSERT_EQ(rig.apply(plan).record.outcome, "applied");
    write_anew(rig.cluster.masters[1], before);
    const auto revert = rig.revert_plan(plan);
    ASSERT_FALSE(revert.id.empty()) << to_text(revert);
    EXPECT_EQ(revert.masters.size(), 2U);
    EXPECT_TRUE(revert.withdraws);
    const auto result = rig.apply_as("run-2", revert);
    EXPECT_EQ(result.record.outcome, "rolled-back") << to_text(result);
    rig.expect_old();
    EXPECT_EQ(rig.cluster.masters[1].bytes, before + "# written anew\n");
    EXPECT_TRUE(rig.revert_plan(plan).empty()) << to_text(rig.revert_plan(plan));
}

TEST(Revert, OfTheFirstRunWorksBeforeAndAfterTheRevertOfTheOneThatRepairedADrift) {
    for (const bool drift_first : {false, true}) {
        ListRig rig;
        const auto before = rig.cluster.masters.front().bytes;
        const auto plan = rig.plan();
        ASSERT_EQ(rig.apply(plan).record.outcome, "applied");
        write_anew(rig.cluster.masters[1], before);
        const auto again = rig.plan();
        ASSERT_FALSE(again.id.empty()) << to_text(again);
        ASSERT_EQ(rig.apply_as("run-2", again).record.outcome, "applied");
        if (drift_first) {
            // The name was published before this run: it takes back its own master's bytes alone.
            const auto revert = rig.revert_plan(again);
            ASSERT_FALSE(revert.withdraws) << to_text(revert);
            ASSERT_EQ(rig.apply_as("run-3", revert).record.outcome, "rolled-back");
            EXPECT_THAT(rig.cluster.published_names, Contains(demo_cn));
        }
        const auto revert = rig.revert_plan(plan);
        ASSERT_FALSE(revert.id.empty()) << to_text(revert);
        EXPECT_TRUE(revert.withdraws);
        const auto result = rig.apply_as("run-4", revert);
        EXPECT_EQ(result.record.outcome, "rolled-back") << to_text(result);
        rig.expect_old();
        EXPECT_EQ(rig.cluster.masters[1].bytes, before + "# written anew\n");
    }
}

TEST(Revert, TakesNothingButTheNameOutOfAFileThatSomebodyElseChanged) {
    ListRig rig;
    const auto before = rig.cluster.masters.front().bytes;
    const auto plan = rig.plan();
    ASSERT_EQ(rig.apply(plan).record.outcome, "applied");
    rig.cluster.masters[2].bytes += "# by hand\n";
    const auto revert = rig.revert_plan(plan);
    ASSERT_EQ(revert.masters.size(), 3U) << to_text(revert);
    const auto result = rig.apply_as("run-2", revert);
    EXPECT_EQ(result.record.outcome, "rolled-back") << to_text(result);
    rig.expect_old();
    EXPECT_EQ(rig.cluster.masters[2].bytes, before + "# by hand\n");
}

TEST(Revert, LeavesANameThatIsNotTheLastOfItsListToAPersonAndGoesOnAfterThem) {
    ListRig rig;
    const auto before = rig.cluster.masters.front().bytes;
    const auto plan = rig.plan();
    ASSERT_EQ(rig.apply(plan).record.outcome, "applied");
    auto& master = rig.cluster.masters[2];
    master.bytes.insert(master.bytes.find(demo_cn) + std::string_view(demo_cn).size(), ",somebody-else");
    master.arguments = master.argv_in_files();
    EXPECT_THAT(to_text(rig.revert_plan(plan)), HasSubstr("edit m2: not-understood: Somebody changed it since"));
    // As the refusal says: first the file alone, then the restart too.
    master.bytes = before + "# by hand\n";
    EXPECT_THAT(to_text(rig.revert_plan(plan)), HasSubstr("name-held m2: Its live process still holds"));
    master.arguments = master.argv_in_files();
    const auto revert = rig.revert_plan(plan);
    ASSERT_FALSE(revert.id.empty()) << to_text(revert);
    EXPECT_EQ(rig.apply_as("run-2", revert).record.outcome, "rolled-back");
    rig.expect_old();
}

TEST(Revert, ThatIsRefusedAsStaleIsPlannedAnewAsOne) {
    ListRig rig;
    const auto plan = rig.plan();
    ASSERT_EQ(rig.apply(plan).record.outcome, "applied");
    const auto revert = rig.revert_plan(plan);
    rig.cluster.masters[2].bytes += "# by hand\n";
    const auto result = rig.apply_as("run-2", revert);
    EXPECT_EQ(result.record.outcome, "refused") << to_text(result);
    EXPECT_EQ(result.record.next, "aggmedic revert run-1");
}

TEST(Revert, StopsWhereAMasterGoesAwayBeforeTheNameIsOut) {
    ListRig rig;
    const auto plan = rig.configmap_plan();
    ASSERT_EQ(rig.apply(plan).record.outcome, "applied");
    const auto revert = rig.revert_plan(plan);
    rig.on_progress = [&](const Progress& told) {
        if (told.step == "withdraw" && told.state == "started") rig.cluster.unreachable = "m1";
    };
    const auto result = rig.apply_as("run-2", revert);
    EXPECT_EQ(result.record.outcome, "needs-person") << to_text(result);
    EXPECT_THAT(result.record.why, HasSubstr("m1 cannot be looked at"));
    EXPECT_THAT(rig.cluster.published_names, Contains(demo_cn));
}

TEST(Revert, NamesTheServersThatStillBelieveTheName) {
    ListRig rig;
    rig.cluster.apis.front().reads_once = true;
    rig.cluster.apis.front().known = {"aggregator", demo_cn};
    rig.cluster.apis.push_back({.name = "v1beta1.metrics.k8s.io", .known = {"aggregator"}});
    const auto plan = rig.configmap_plan();
    ASSERT_EQ(rig.apply(plan).record.outcome, "applied");
    const auto result = rig.apply_as("run-2", rig.revert_plan(plan));
    EXPECT_EQ(result.record.outcome, "rolled-back") << to_text(result);
    EXPECT_THAT(result.record.why, HasSubstr("still answering as the caller"));
    EXPECT_THAT(result.record.why, HasSubstr("v1beta1.servicecatalog.k8s.io"));
    EXPECT_THAT(result.record.why, Not(HasSubstr("metrics")));
}

TEST(Revert, LeavesTheMasterThatDoesNotComeBackAsItWasBefore) {
    ListRig rig;
    const auto plan = rig.plan();
    ASSERT_EQ(rig.apply(plan).record.outcome, "applied");
    const auto revert = rig.revert_plan(plan);
    rig.cluster.masters.front().monit_does_nothing = true;
    const auto result = rig.apply_as("run-2", revert);
    EXPECT_EQ(result.record.outcome, "needs-person") << to_text(result);
    EXPECT_TRUE(rig.cluster.masters.front().bytes.contains(demo_cn)) << "the half-done master was not put back";
    EXPECT_THAT(rig.cluster.published_names, Contains(demo_cn));
    EXPECT_EQ(result.masters.front().second, "repaired");
}

TEST(Revert, EndsWhereverItIsKilled) {
    for (int at = 0;; at += 7) {
        ListRig rig(2);
        const auto plan = rig.plan();
        ASSERT_EQ(rig.apply(plan).record.outcome, "applied");
        const auto revert = rig.revert_plan(plan);
        const int written = rig.journal.writes;
        rig.journal.after_write = [&rig, written, at] {
            if (rig.journal.writes == written + at + 1) throw Killed{};
        };
        bool killed = false;
        try {
            rig.apply_as("run-2", revert);
        } catch (const Killed&) {
            killed = true;
        }
        if (!killed) {
            EXPECT_GT(at, 20);
            return;
        }
        rig.journal.after_write = nullptr;
        if (!rig.journal.stored_runs.back().outcome.empty() || rig.journal.stored_runs.back().id != "run-2") continue;
        const auto result = rig.reconcile(revert);
        EXPECT_FALSE(result.record.outcome.empty());
        EXPECT_NE(result.record.outcome, "applied") << at;
        if (result.record.outcome == "rolled-back") rig.expect_old();
        for (auto& master : rig.cluster.masters) {
            const bool file = master.bytes.contains(demo_cn);
            const auto names = master.names();
            EXPECT_EQ(file, holds_name(names)) << at << to_text(result);
        }
    }
}

// --- where kube-apiserver is a static pod or a unit ----------------------------------------------------------------

class ListOn : public testing::TestWithParam<const char*> {
  protected:
    ListOn() {
        for (auto& master : rig.cluster.masters) master.become(GetParam());
    }
    ListRig rig;
};

TEST_P(ListOn, ARevertBringsBackEveryByteAndTakesTheNameOut) {
    const auto before = rig.cluster.masters.front().bytes;
    const auto plan = rig.plan();
    ASSERT_EQ(rig.apply(plan).record.outcome, "applied");
    rig.cluster.elapsed += seconds(120);  // what the kubelet is about to do has been done by now
    const auto revert = rig.revert_plan(plan);
    ASSERT_EQ(revert.masters.size(), 3U) << to_text(revert);
    EXPECT_THAT(to_json(revert).dump(), Not(HasSubstr("monit")));
    EXPECT_THAT(revert.permanent, ElementsAre(HasSubstr("take it out there")));
    const auto result = rig.apply_as("run-2", revert);
    EXPECT_EQ(result.record.outcome, "rolled-back") << to_text(result);
    rig.expect_old();
    for (auto& master : rig.cluster.masters) EXPECT_EQ(master.bytes, before);
    rig.cluster.elapsed += seconds(120);
    EXPECT_TRUE(rig.revert_plan(plan).empty()) << to_text(rig.revert_plan(plan));
}

TEST_P(ListOn, ACanaryThatPublishedItsNameAndIsNotReadyLeavesNothingBehind) {
    const auto plan = rig.plan();
    auto& canary = rig.cluster.masters.front();
    canary.never_ready = true;
    rig.on_progress = [&](const Progress& told) {
        if (told.step != "ready" || told.state != "started") return;
        rig.cluster.published_names.push_back(demo_cn);
        ++rig.cluster.resource_version;
    };
    const auto result = rig.apply(plan);
    EXPECT_EQ(result.record.outcome, "rolled-back") << to_text(result);
    rig.expect_old();
}

TEST_P(ListOn, WithoutARestartItSaysWhatMakesItLast) {
    const auto plan = rig.configmap_plan();
    ASSERT_FALSE(plan.id.empty()) << to_text(plan);
    EXPECT_TRUE(plan.permanent.empty());
    const auto result = rig.apply(plan);
    EXPECT_EQ(result.record.outcome, "applied") << to_text(result);
    EXPECT_EQ(restarts(rig.cluster), 0);
    EXPECT_THAT(to_json(plan).dump() + result.record.next, Not(HasSubstr("bosh")));
    EXPECT_THAT(result.record.next, HasSubstr("aggmedic plan demo --method args"));
}

INSTANTIATE_TEST_SUITE_P(Each, ListOn, testing::Values("kubeadm", "systemd"),
                         [](const auto& platform) { return std::string(platform.param); });

}  // namespace
}  // namespace aggmedic::remediate
