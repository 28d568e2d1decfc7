#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fake_cluster.hpp"
#include "remediate/api_state.hpp"
#include "remediate/guard.hpp"
#include "remediate/projection.hpp"
#include "remediate/replay.hpp"
#include "remediate/run_report.hpp"
#include "remediate/stranded_run.hpp"

// The small pure judgements of a run.
namespace aggmedic::remediate {
namespace {

using probes::Answer;

Answer answer(unsigned status, std::vector<std::string> pair = {}, std::optional<std::string> user = {}) {
    Answer made;
    made.status = status;
    made.flow_schemas = std::move(pair);
    made.forbidden_user = std::move(user);
    return made;
}
ApiJudgement judge(std::vector<Answer> discovery, std::vector<Answer> resource = {}, std::vector<Answer> canary = {}) {
    probes::ApiServiceAttempts attempts;
    attempts.apiservice = "v1beta1.servicecatalog.k8s.io";
    attempts.discovery = std::move(discovery);
    attempts.resource = std::move(resource);
    attempts.canary = std::move(canary);
    return judge_api(attempts, {.caller = {}, .common_name = demo_cn, .proxy_is_masters = true});
}
Baseline before(const std::string& state, const std::string& proven_by = {}) {
    return {.apiservice = "v1beta1.servicecatalog.k8s.io", .master = "m0", .state = state, .proven_by = proven_by};
}

TEST(JudgeApi, TellsTheStates) {
    EXPECT_EQ(judge({answer(200)}).state, ApiState::ok);
    EXPECT_EQ(judge({answer(503)}).state, ApiState::failing);
    EXPECT_EQ(judge({answer(401)}).state, ApiState::failing);
    EXPECT_EQ(judge({answer(0)}).state, ApiState::unknown);
    EXPECT_EQ(judge({}).state, ApiState::unknown);
    EXPECT_EQ(judge({answer(200, {"a", "b"})}).state, ApiState::masked);
    EXPECT_EQ(judge({answer(200)}, {answer(403, {}, demo_cn)}).state, ApiState::masked);
    EXPECT_EQ(judge({answer(200)}, {answer(403, {}, "dev")}).state, ApiState::ok);
}

TEST(JudgeApi, TheCanaryProvesTheCaller) {
    const auto canary = judge({answer(200)}, {}, {answer(404, {"a", "a"})});
    EXPECT_EQ(canary.state, ApiState::ok);
    EXPECT_TRUE(canary.as_caller);
    EXPECT_EQ(judge({answer(200)}, {}, {answer(403, {}, demo_cn)}).state, ApiState::masked);
}

TEST(JudgeHealing, NeedsTheNamePublishedAndAGoodAnswer) {
    const auto good = judge({answer(200)});
    EXPECT_EQ(judge_healing(before("failing"), good, true, false), Healing::healed);
    EXPECT_EQ(judge_healing(before("failing"), good, false, false), Healing::not_yet);
    EXPECT_EQ(judge_healing(before("failing"), judge({answer(503)}), true, false), Healing::not_yet);
    EXPECT_EQ(judge_healing(before("failing"), judge({answer(200, {"a", "b"})}), true, true), Healing::not_yet);
}

TEST(JudgeHealing, AMasked200IsNotHealedByAnother200) {
    const auto bare = judge({answer(200)});
    const auto paired = judge({answer(200, {"a", "a"})});
    for (const char* proof : {"", "flow-schemas"}) {
        EXPECT_EQ(judge_healing(before("masked", proof), bare, true, false), Healing::cannot_tell);
        EXPECT_EQ(judge_healing(before("masked", proof), paired, true, false), Healing::healed);
        EXPECT_EQ(judge_healing(before("masked", proof), bare, true, true), Healing::healed);
    }
}

TEST(JudgeHealing, AMaskProvenByANameIsDisprovedOnlyWhereANameWouldShow) {
    const auto masked = before("masked", "name");
    EXPECT_EQ(judge_healing(masked, judge({answer(200)}), true, false), Healing::cannot_tell);
    for (const unsigned status : {200U, 404U}) {
        EXPECT_EQ(judge_healing(masked, judge({answer(200)}, {answer(status)}), true, false), Healing::healed);
        EXPECT_EQ(judge_healing(masked, judge({answer(200)}, {}, {answer(status)}), true, false), Healing::healed);
    }
    EXPECT_EQ(judge_healing(masked, judge({answer(200)}, {answer(403, {}, "dev")}), true, false), Healing::healed);
}

TEST(JudgeHealing, AnUnknownBeforeProvesNothingNow) {
    EXPECT_EQ(judge_healing(before("unknown"), judge({answer(200)}), true, false), Healing::cannot_tell);
    EXPECT_EQ(judge_healing(before("unknown"), judge({answer(200)}, {}, {answer(404, {"a", "a"})}), true, false),
              Healing::healed);
}

TEST(JudgeHealing, AnEmptyFlowSchemaIsNoProof) {
    EXPECT_FALSE(judge({answer(200, {"", ""})}).has_pair);
    EXPECT_EQ(judge_healing(before("masked"), judge({answer(200, {"", ""})}), true, false), Healing::cannot_tell);
}

TEST(IsNoWorse, ComparesWithTheBaseline) {
    const auto good = judge({answer(200)}), bad = judge({answer(503)}), masked = judge({answer(200, {"a", "b"})});
    EXPECT_TRUE(is_no_worse(before("ok"), good));
    EXPECT_FALSE(is_no_worse(before("ok"), bad));
    EXPECT_FALSE(is_no_worse(before("ok"), masked));
    EXPECT_FALSE(is_no_worse(before("ok"), judge({})));
    EXPECT_TRUE(is_no_worse(before("masked"), masked));
    EXPECT_FALSE(is_no_worse(before("masked"), bad));
    EXPECT_TRUE(is_no_worse(before("failing"), bad));
    EXPECT_TRUE(is_no_worse(before("unknown"), judge({})));
}

TEST(ApisToHeal, AreThoseThatTheFindingsName) {
    Plan plan;
    plan.baseline = {{.apiservice = "a", .master = "m0", .state = "ok", .proven_by = {}},
                     {.apiservice = "b", .master = "m0", .state = "failing", .proven_by = {}},
                     {.apiservice = "b", .master = "m1", .state = "failing", .proven_by = {}}};
    EXPECT_THAT(apis_to_heal(plan), testing::ElementsAre("b"));
    plan.findings.resize(2);
    plan.findings[0].apiservice = plan.findings[1].apiservice = "a";
    EXPECT_THAT(apis_to_heal(plan), testing::ElementsAre("a"));
    plan.findings.clear();
    for (auto& each : plan.baseline) each.state = "ok";
    EXPECT_THAT(apis_to_heal(plan), testing::ElementsAre("a", "b"));
}

TEST(KubernetesMinor, ReadsWhatTheApiserverSays) {
    EXPECT_EQ(kubernetes_minor("v1.20.2"), 20);
    EXPECT_EQ(kubernetes_minor("v1.9.11+abc"), 9);
    for (const char* text : {"", "1.20.2", "v2.0.0", "v1.", "v1.x", "v1.-1"})
        EXPECT_EQ(kubernetes_minor(text), std::nullopt) << text;
}

// --- projection
// ---------------------------------------------------------------------------------------------------------

struct Projected {
    FakeCluster cluster;
    Plan plan;
    FreshView seen;

    Projected() {
        auto input = cluster.input();
        input.accepted = {accepted_shared_ca(input)};
        plan = make_plan(input);
        seen.masters = input.observation.masters;
        for (const auto& master : input.masters) seen.readyz[master] = answer(200);
        seen.published = *input.observation.published();
    }
    std::string differences(std::vector<std::string> repaired = {}) const {
        std::string text;
        for (const auto& each : differs_from_projection(plan, repaired, seen))
            text += each.subject + ": " + each.reason + "\n";
        return text;
    }
    probes::MasterView& view(const std::string& name) { return *seen.masters[name]; }
    void repair(const std::string& name) {
        const auto* planned = find_master(plan, name);
        view(name).args_file.sha256 = planned->sha256_after;
        view(name).process->arguments.sha256 = planned->arguments_sha256_after;
        view(name).process->pid += 1;
        seen.published->allowed_names = plan.names_after;
        seen.published->resource_version = "101";
    }
};

TEST(Projection, HoldsBeforeTheFirstAndBetweenMasters) {
    Projected world;
    EXPECT_EQ(world.differences(), "");
    world.repair("m0");
    EXPECT_EQ(world.differences({"m0"}), "");
    std::ranges::reverse(*world.seen.published->allowed_names);
    EXPECT_EQ(world.differences({"m0"}), "") << "the union's order is the apiserver's";
    EXPECT_NE(world.differences(), "");
}

TEST(Projection, NamesWhatDiffers) {
    const std::vector<std::pair<const char*, std::function<void(Projected&)>>> cases{
        {"m1: its arguments file changed", [](Projected& w) { w.view("m1").args_file.sha256[0] ^= 1; }},
        {"m1: owner or mode", [](Projected& w) { w.view("m1").args_file.mode = "0600"; }},
        {"m1: it was rebooted", [](Projected& w) { w.view("m1").boot_id = "x"; }},
        {"m1: its kube-apiserver is not the process", [](Projected& w) { w.view("m1").process->start_ticks += 1; }},
        {"m1: its kube-apiserver is not the process",
         [](Projected& w) { w.view("m1").process = probes::Unobserved{}; }},
        {"m1: its proxy-client certificate", [](Projected& w) { w.view("m1").files.clear(); }},
        {"m1: old bytes of another run", [](Projected& w) { w.view("m1").backups = {"/x"}; }},
        {"m1: not all jobs", [](Projected& w) { w.view("m1").supervisor->services[1].running = false; }},
        {"m1: it cannot be read", [](Projected& w) { w.seen.masters["m1"] = probes::Unobserved{}; }},
        {"m1: it cannot be read", [](Projected& w) { w.seen.masters.erase("m1"); }},
        {"m2: its /readyz", [](Projected& w) { w.seen.readyz["m2"]->status = 500; }},
        {"m2: its /readyz", [](Projected& w) { w.seen.readyz["m2"] = probes::Unobserved{}; }},
        {"demo: the ConfigMap cannot be read", [](Projected& w) { w.seen.published = probes::Unobserved{}; }},
        {"demo: the ConfigMap was written", [](Projected& w) { w.seen.published->resource_version = "9"; }},
        {"demo: the published names changed", [](Projected& w) { w.seen.published->allowed_names->emplace_back("x"); }},
        {"demo: the published requestheader CA", [](Projected& w) { w.seen.published->requestheader_ca.clear(); }},
    };
    for (const auto& [what, change] : cases) {
        Projected world;
        change(world);
        EXPECT_THAT(world.differences(), testing::HasSubstr(what));
    }
    Projected reverted;
    reverted.repair("m0");
    reverted.view("m0").args_file.sha256 = reverted.plan.masters[0].sha256_before;
    EXPECT_THAT(reverted.differences({"m0"}),
                testing::HasSubstr("m0: its arguments file is not the one that was written"));
}

// --- replay
// -------------------------------------------------------------------------------------------------------------

const WalkOptions two{.masters = {"m0", "m1"}, .all_masters = {"m0", "m1"}, .canary_only = false};

// What a journal holds after `count` steps of a walk in which `failing` fails; the last one without its outcome.
std::vector<StepRecord> recorded(std::size_t count, Step failing = Step::unlock, std::size_t abort_at = 1000) {
    RunWalk walk(two);
    std::vector<StepRecord> records;
    while (records.size() < count) {
        const auto action = walk.next();
        if (!action) break;
        if (records.size() == abort_at) walk.abort(StoppedBy::request);
        const auto outcome = action->step == failing && failing != Step::unlock ? StepOutcome::failed : StepOutcome::ok;
        records.push_back({.sequence = static_cast<std::int64_t>(records.size() + 1),
                           .step = std::string(name(action->step)),
                           .master = action->master,
                           .intended = {},
                           .completed = {},
                           .outcome = std::string(name(outcome)),
                           .detail = "d"});
        walk.completed(outcome, "d");
    }
    if (!records.empty()) records.back().outcome.clear();
    return records;
}

TEST(Replay, StandsAtTheLastIntentOfEveryRun) {
    for (const auto failing : {Step::unlock, Step::swap, Step::ready, Step::published, Step::restore}) {
        for (std::size_t count = 1; count < 40; ++count) {
            const auto records = recorded(count, failing);
            const auto result = replay(two, records);
            ASSERT_TRUE(result) << count;
            ASSERT_TRUE(result->in_flight);
            EXPECT_EQ(name(result->walk.next()->step), records.back().step);
            EXPECT_EQ(result->walk.next()->master, records.back().master);
        }
    }
}

TEST(Replay, FindsAnAbortThatNoRecordNames) {
    const auto records = recorded(40, Step::unlock, 6);
    const auto result = replay(two, records);
    ASSERT_TRUE(result);
    EXPECT_EQ(result->walk.outcome(), RunOutcome::needs_person);
}

TEST(Replay, AnOpenIntentThatOthersFollowWentWell) {
    auto records = recorded(8);
    records[4].outcome.clear();
    EXPECT_TRUE(replay(two, records));
}

TEST(Replay, AStepThatCouldNotBeJournaledHadFailed) {
    auto records = recorded(30, Step::restart);
    std::erase_if(records, [](const StepRecord& record) { return record.step == "restart"; });
    const auto result = replay(two, records);
    ASSERT_TRUE(result);
    EXPECT_EQ(result->walk.outcome(), RunOutcome::rolled_back);
}

TEST(Replay, GoesOnBehindAnUndoThatCouldNotBeJournaled) {
    auto records = recorded(30, Step::ready);
    std::erase_if(records, [](const StepRecord& record) {
        return record.step == "ready" || record.step == "restore" || record.step == "restart_back" ||
               record.step == "process_back" || record.step == "ready_back";
    });
    const auto result = replay(two, records);
    ASSERT_TRUE(result);
    EXPECT_EQ(result->walk.state_of("m0"), MasterState::restored);
    EXPECT_EQ(result->walk.outcome(), RunOutcome::rolled_back);
}

// Which reading of a gap holds may only come out several records later: that the master was unlocked in the end says
// that its undo was seen through.
TEST(Replay, TakesTheReadingOfAGapThatAllThatFollowsFits) {
    auto records = recorded(40, Step::process);
    std::erase_if(records, [](const StepRecord& record) {
        return record.step == "ready_back" || record.step == "withdraw" || record.step == "withdrawn";
    });
    const auto open = std::ranges::find(records, "process_back", &StepRecord::step);
    ASSERT_NE(open, records.end());
    open->outcome.clear();
    ASSERT_EQ(std::ranges::count(records, "unlock", &StepRecord::step), 2);
    const auto result = replay(two, records);
    ASSERT_TRUE(result);
    EXPECT_EQ(result->walk.state_of("m0"), MasterState::restored);
    EXPECT_EQ(result->walk.outcome(), RunOutcome::needs_person) << "nobody says that the name is out of the ConfigMap";
}

TEST(Replay, GivesUpOnADamagedJournalInTime) {
    auto records = recorded(3);
    for (auto& record : records) record.outcome.clear();
    for (int round = 0; round < 500; ++round) records.push_back(records[static_cast<std::size_t>(round) % 3]);
    EXPECT_FALSE(replay(two, records));
}

TEST(Replay, AnOutcomeThatWasNotJournaledIsNotTakenForGood) {
    auto records = recorded(40);
    const auto verify = std::ranges::find(records, "verify", &StepRecord::step);
    ASSERT_NE(verify, records.end());
    verify->outcome.clear();
    auto result = replay(two, records);
    ASSERT_TRUE(result);
    EXPECT_EQ(result->walk.outcome(), RunOutcome::needs_person);

    records = recorded(40, Step::ready);
    std::erase_if(records, [](const StepRecord& record) { return record.step == "withdrawn"; });
    result = replay(two, records);
    ASSERT_TRUE(result);
    EXPECT_EQ(result->walk.outcome(), RunOutcome::needs_person) << "the ConfigMap may hold the name";
}

// Before a run could take the name out itself, its undo went from the ready master straight to the watch.
TEST(Replay, ReadsAnUndoOfTheVersionWithoutTheWithdrawal) {
    auto records = recorded(40, Step::ready);
    std::erase_if(records, [](const StepRecord& record) { return record.step == "withdraw"; });
    auto result = replay(two, records);
    ASSERT_TRUE(result);
    EXPECT_EQ(result->walk.outcome(), RunOutcome::rolled_back);
    EXPECT_FALSE(result->list_was_changed);

    const auto watch = std::ranges::find(records, "withdrawn", &StepRecord::step);
    ASSERT_NE(watch, records.end());
    records.erase(watch + 1, records.end());
    records.back().outcome.clear();
    result = replay(two, records);
    ASSERT_TRUE(result);
    EXPECT_TRUE(result->in_flight);
    EXPECT_EQ(result->walk.next(), (Action{.step = Step::withdrawn, .master = ""})) << "it is watched again";
}

TEST(Replay, RefusesRecordsOfAnotherPlan) {
    auto records = recorded(8);
    records[5].master = "m9";
    EXPECT_FALSE(replay(two, records));
    records = recorded(8);
    records[5].step = "unlock";
    EXPECT_FALSE(replay(two, records));
}

TEST(DescribeNext, SaysHowToTakeAMasterInDoubtBack) {
    Projected world;
    RunWalk walk({.masters = {"m0", "m1", "m2"}, .all_masters = {"m0", "m1", "m2"}});
    while (const auto action = walk.next()) {
        const bool bad = action->step == Step::ready || action->step == Step::restore;
        walk.completed(bad ? StepOutcome::failed : StepOutcome::ok);
    }
    const auto text = describe_next(world.plan, walk, walk.outcome(), "run-1");
    EXPECT_THAT(text, testing::HasSubstr("m0 is in doubt"));
    EXPECT_THAT(text, testing::HasSubstr("mv /var/vcap/jobs/kube-apiserver/config/.bpm.yml.aggmedic-run-1 "));
    EXPECT_THAT(text, testing::HasSubstr("m1 is as before."));
}

// --- a run that nobody can take up

// m0 is repaired; of m1 this is the last that the journal holds, without an outcome where it was under way.
struct Stranded : testing::Test {
    Projected world;
    RunRecord run;
    RunWalk walk{walk_options(world.plan, false)};
    std::vector<StepRecord> records;

    Stranded() {
        run.id = "run-1";
        run.plan_id = world.plan.id;
        run.cluster = "demo";
    }
    void record_up_to(Step last, std::string_view master, bool completed, std::optional<Step> failing = {}) {
        while (const auto action = walk.next()) {
            const auto outcome =
                action->step == failing && action->master == master ? StepOutcome::failed : StepOutcome::ok;
            const bool is_last = action->step == last && action->master == master;
            StepRecord record;
            record.sequence = static_cast<std::int64_t>(records.size() + 1);
            record.step = name(action->step);
            record.master = action->master;
            if (!is_last || completed) record.outcome = name(outcome);
            records.push_back(std::move(record));
            walk.completed(outcome);
            if (is_last) return;
        }
    }
    StrandedEnd end(std::vector<Missing> missing) const { return end_of_stranded(run, world.plan, records, missing); }
};

TEST_F(Stranded, SaysWhatIsMissingWhatEachMasterHoldsAndWhatToDo) {
    record_up_to(Step::restart, "m1", false);
    const auto end = this->end({Missing::cluster});
    EXPECT_EQ(end.outcome, RunOutcome::needs_person);
    EXPECT_THAT(end.why, testing::HasSubstr("cluster demo is not in the configuration any more (removed or renamed)"));
    EXPECT_THAT(end.next, testing::HasSubstr("configure cluster demo again"));
    EXPECT_THAT(end.next, testing::HasSubstr("aggmedic revert run-1"));
    EXPECT_THAT(end.next, testing::HasSubstr("m0 is repaired. m1 is in doubt"));
    EXPECT_THAT(end.next, testing::HasSubstr("m2 is as before."));
    EXPECT_THAT(this->end({Missing::ssh}).why, testing::HasSubstr("demo has no ssh in the configuration any more"));
    EXPECT_THAT(this->end({Missing::ssh}).next, testing::StartsWith("give cluster demo its ssh again; then "));
}

TEST_F(Stranded, AMasterThatWasOnlyAboutToBeWrittenIsAsBefore) {
    record_up_to(Step::check, "m1", true);
    EXPECT_THAT(end({Missing::cluster}).next, testing::HasSubstr("m0 is repaired. m1 is as before."));
}

TEST_F(Stranded, AMasterInTheMiddleOfItsUndoIsInDoubt) {
    record_up_to(Step::restore, "m1", true, Step::ready);
    EXPECT_THAT(end({Missing::cluster}).next, testing::HasSubstr("m0 is repaired. m1 is in doubt"));
}

TEST_F(Stranded, NamesBothWhereThePlanIsMissingToo) {
    record_up_to(Step::swap, "m0", true);
    const auto end = end_of_stranded(run, std::nullopt, records, {Missing::plan, Missing::cluster});
    EXPECT_EQ(end.outcome, RunOutcome::needs_person);
    EXPECT_THAT(end.why,
                testing::HasSubstr("its plan " + run.plan_id + " cannot be read in the journal, and cluster demo"));
    EXPECT_THAT(end.next, testing::HasSubstr("look at every master's arguments file and process by hand"));
    EXPECT_THAT(end.next, testing::HasSubstr("aggmedic plan demo"));
}

TEST_F(Stranded, WhatOnlyLacksItsEndKeepsIt) {
    record_up_to(Step::unlock, "m2", true);
    ASSERT_FALSE(walk.next());
    EXPECT_EQ(end({Missing::cluster}).outcome, RunOutcome::applied);
    EXPECT_EQ(end({Missing::cluster}).why, "");
}

}  // namespace
}  // namespace aggmedic::remediate
