#include "remediate/run_walk.hpp"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>

namespace aggmedic::remediate {
namespace {

using enum Step;

const std::vector<std::string> three{"m0", "m1", "m2"};

RunWalk walk_of(std::vector<std::string> masters = three, bool canary_only = false) {
    return RunWalk({.masters = masters, .all_masters = three, .canary_only = canary_only});
}

std::string to_text(const Action& action) {
    return std::string(name(action.step)) + (action.master.empty() ? "" : " " + action.master);
}

// Drives the walk; the steps named in `failing` ("swap m1") get that outcome, all others are ok.
std::vector<std::string> drive(RunWalk& walk, const std::map<std::string, StepOutcome>& failing = {}) {
    std::vector<std::string> done;
    while (const auto action = walk.next()) {
        done.push_back(to_text(*action));
        const auto found = failing.find(done.back());
        walk.completed(found == failing.end() ? StepOutcome::ok : found->second, "because");
    }
    return done;
}
std::vector<std::string> tail(const std::vector<std::string>& done, const std::string& from) {
    const auto found = std::find(done.begin(), done.end(), from);
    return {found, done.end()};
}

TEST(RunWalk, LocksAllMastersThenRepairsThemOneAfterAnotherThenVerifies) {
    RunWalk walk = walk_of();
    EXPECT_EQ(drive(walk),
              (std::vector<std::string>{
                  "lock m0",       "lock m1",         "lock m2",                                               //
                  "check m0",      "swap m0",         "restart m0", "process m0", "ready m0", "published m0",  //
                  "aggregated m0", "after_repair m0", "healed m0",  "settle m0",                               //
                  "check m1",      "swap m1",         "restart m1", "process m1", "ready m1", "published m1",  //
                  "aggregated m1", "healed m1",       "settle m1",                                             //
                  "check m2",      "swap m2",         "restart m2", "process m2", "ready m2", "published m2",  //
                  "aggregated m2", "healed m2",       "verify",                                                //
                  "unlock m0",     "unlock m1",       "unlock m2"}));
    EXPECT_EQ(walk.outcome(), RunOutcome::applied);
    EXPECT_EQ(walk.why(), "");
    for (const auto& master : three) EXPECT_EQ(walk.state_of(master), MasterState::repaired);
}

TEST(RunWalk, LocksMastersThatItLeavesAloneToo) {
    RunWalk walk = walk_of({"m2"});
    const auto done = drive(walk);
    EXPECT_EQ(done.front(), "lock m0");
    EXPECT_EQ(std::count(done.begin(), done.end(), "swap m2"), 1);
    EXPECT_EQ(std::count(done.begin(), done.end(), "swap m0"), 0);
    EXPECT_EQ(walk.outcome(), RunOutcome::applied);
    EXPECT_EQ(walk.state_of("m0"), MasterState::untouched);
}

TEST(RunWalk, UndoesInReverseOrderAfterTheCanaryFails) {
    for (const char* step : {"restart m0", "process m0", "ready m0"}) {
        RunWalk walk = walk_of();
        const auto done = drive(walk, {{step, StepOutcome::failed}});
        EXPECT_EQ(tail(done, "restore m0"),
                  (std::vector<std::string>{"restore m0", "restart_back m0", "process_back m0", "ready_back m0",
                                            "withdraw", "withdrawn", "unlock m0", "unlock m1", "unlock m2"}))
            << step;
        EXPECT_EQ(walk.outcome(), RunOutcome::rolled_back);
        EXPECT_EQ(walk.state_of("m0"), MasterState::restored);
        EXPECT_EQ(walk.why(), std::string(step).replace(std::string(step).find(' '), 1, " on ") + " failed: because");
    }
}

TEST(RunWalk, ARefusedSwapEndsLikeAFailedCheck) {
    RunWalk first = walk_of();
    EXPECT_EQ(tail(drive(first, {{"swap m0", StepOutcome::failed}}), "swap m0"),
              (std::vector<std::string>{"swap m0", "unlock m0", "unlock m1", "unlock m2"}));
    EXPECT_EQ(first.outcome(), RunOutcome::refused);
    EXPECT_EQ(first.state_of("m0"), MasterState::untouched);

    RunWalk later = walk_of();
    const auto done = drive(later, {{"swap m1", StepOutcome::failed}});
    EXPECT_EQ(later.outcome(), RunOutcome::needs_person);
    EXPECT_EQ(std::count(done.begin(), done.end(), "restore m1"), 0);
    EXPECT_EQ(later.state_of("m0"), MasterState::repaired);
    EXPECT_EQ(later.state_of("m1"), MasterState::untouched);
}

TEST(RunWalk, ASwapThatMayHaveHappenedIsUndone) {
    RunWalk walk = walk_of();
    const auto done = drive(walk, {{"swap m0", StepOutcome::unknown}});
    EXPECT_EQ(tail(done, "restore m0").front(), "restore m0");
    EXPECT_EQ(walk.outcome(), RunOutcome::rolled_back);
}

TEST(RunWalk, ALaterMasterIsTakenBackAndTheRepairedOnesStay) {
    RunWalk walk = walk_of();
    const auto done = drive(walk, {{"ready m1", StepOutcome::failed}});
    EXPECT_EQ(tail(done, "ready m1"),
              (std::vector<std::string>{"ready m1", "restore m1", "restart_back m1", "process_back m1", "ready_back m1",
                                        "unlock m0", "unlock m1", "unlock m2"}));
    EXPECT_EQ(walk.outcome(), RunOutcome::needs_person);
    EXPECT_EQ(walk.state_of("m0"), MasterState::repaired);
    EXPECT_EQ(walk.state_of("m1"), MasterState::restored);
    EXPECT_EQ(walk.state_of("m2"), MasterState::untouched);
}

TEST(RunWalk, AReadyMasterThatIsNotHealedIsNotTouchedAgain) {
    for (const char* step : {"published m0", "aggregated m0", "after_repair m0", "healed m0", "settle m0", "verify"}) {
        RunWalk walk = walk_of();
        const auto done = drive(walk, {{step, StepOutcome::failed}});
        EXPECT_EQ(walk.outcome(), RunOutcome::needs_person) << step;
        EXPECT_EQ(tail(done, step), (std::vector<std::string>{step, "unlock m0", "unlock m1", "unlock m2"}));
    }
}

TEST(RunWalk, AFailedLockRefusesAndReleasesTheOthers) {
    RunWalk walk = walk_of();
    EXPECT_EQ(drive(walk, {{"lock m1", StepOutcome::failed}}),
              (std::vector<std::string>{"lock m0", "lock m1", "unlock m0"}));
    EXPECT_EQ(walk.outcome(), RunOutcome::refused);
}

TEST(RunWalk, ALockThatMayHaveBeenTakenIsReleasedToo) {
    RunWalk walk = walk_of();
    EXPECT_EQ(drive(walk, {{"lock m1", StepOutcome::unknown}, {"unlock m1", StepOutcome::failed}}),
              (std::vector<std::string>{"lock m0", "lock m1", "unlock m0", "unlock m1"}));
    EXPECT_EQ(walk.outcome(), RunOutcome::refused);
}

TEST(RunWalk, AFailedCheckRefusesBeforeTheCanaryAndCallsAPersonLater) {
    RunWalk first = walk_of();
    drive(first, {{"check m0", StepOutcome::failed}});
    EXPECT_EQ(first.outcome(), RunOutcome::refused);

    RunWalk later = walk_of();
    const auto done = drive(later, {{"check m1", StepOutcome::failed}});
    EXPECT_EQ(later.outcome(), RunOutcome::needs_person);
    EXPECT_EQ(std::count(done.begin(), done.end(), "restore m1"), 0);
    EXPECT_EQ(later.state_of("m0"), MasterState::repaired);
}

TEST(RunWalk, AFailedUndoStopsAndLeavesThatMasterLocked) {
    for (const char* step : {"restore m0", "restart_back m0", "process_back m0", "ready_back m0"}) {
        RunWalk walk = walk_of();
        const auto done = drive(walk, {{"ready m0", StepOutcome::failed}, {step, StepOutcome::unknown}});
        EXPECT_EQ(tail(done, step), (std::vector<std::string>{step, "unlock m1", "unlock m2"}));
        EXPECT_EQ(walk.outcome(), RunOutcome::needs_person);
        EXPECT_EQ(walk.state_of("m0"), MasterState::unknown);
    }
}

TEST(RunWalk, ANameThatStaysPublishedIsNoRollback) {
    RunWalk walk = walk_of();
    drive(walk, {{"ready m0", StepOutcome::failed}, {"withdrawn", StepOutcome::failed}});
    EXPECT_EQ(walk.outcome(), RunOutcome::needs_person);
    EXPECT_EQ(walk.state_of("m0"), MasterState::restored);
}

RunWalk list_walk() {
    return RunWalk({.masters = {}, .all_masters = three, .method = Method::configmap});
}
RunWalk revert_walk(std::vector<std::string> masters = three, bool withdraws = true) {
    return RunWalk({.masters = masters, .all_masters = three, .method = Method::revert, .withdraws = withdraws});
}

TEST(ListWalk, ChangesTheListAndTouchesNoMaster) {
    RunWalk walk = list_walk();
    EXPECT_EQ(drive(walk), (std::vector<std::string>{"lock m0", "lock m1", "lock m2", "check m0", "add_name", "kept",
                                                     "aggregated m0", "after_repair m0", "verify", "unlock m0",
                                                     "unlock m1", "unlock m2"}));
    EXPECT_EQ(walk.outcome(), RunOutcome::applied);
    for (const auto& master : three) EXPECT_EQ(walk.state_of(master), MasterState::untouched);
}

TEST(ListWalk, RefusesUntilThePatchAndCallsAPersonAfterIt) {
    for (const auto& [step, outcome] : std::map<std::string, RunOutcome>{{"check m0", RunOutcome::refused},
                                                                         {"add_name", RunOutcome::refused},
                                                                         {"kept", RunOutcome::needs_person},
                                                                         {"aggregated m0", RunOutcome::needs_person},
                                                                         {"after_repair m0", RunOutcome::needs_person},
                                                                         {"verify", RunOutcome::needs_person}}) {
        RunWalk walk = list_walk();
        EXPECT_EQ(tail(drive(walk, {{step, StepOutcome::failed}}), step),
                  (std::vector<std::string>{step, "unlock m0", "unlock m1", "unlock m2"}));
        EXPECT_EQ(walk.outcome(), outcome) << step;
    }
}

TEST(ListWalk, TakesBackAPatchThatMayHaveHappened) {
    RunWalk walk = list_walk();
    EXPECT_EQ(tail(drive(walk, {{"add_name", StepOutcome::unknown}}), "add_name"),
              (std::vector<std::string>{"add_name", "withdraw", "withdrawn", "unlock m0", "unlock m1", "unlock m2"}));
    EXPECT_EQ(walk.outcome(), RunOutcome::rolled_back);
    RunWalk stuck = list_walk();
    drive(stuck, {{"add_name", StepOutcome::unknown}, {"withdraw", StepOutcome::failed}});
    EXPECT_EQ(stuck.outcome(), RunOutcome::needs_person);
}

TEST(ListWalk, AnAbortBeforeThePatchRefuses) {
    RunWalk walk = list_walk();
    while (const auto action = walk.next()) {
        if (action->step == check) walk.abort(StoppedBy::request);
        EXPECT_NE(action->step, add_name);
        walk.completed(StepOutcome::ok);
    }
    EXPECT_EQ(walk.outcome(), RunOutcome::refused);
}

TEST(RevertWalk, TakesBackOneMasterAfterAnotherThenTheName) {
    RunWalk walk = revert_walk({"m1", "m2"});
    EXPECT_EQ(drive(walk), (std::vector<std::string>{
                               "lock m0",   "lock m1",   "lock m2",                                                 //
                               "check m1",  "swap m1",   "restart m1", "process m1", "ready m1",  "aggregated m1",  //
                               "settle m1",                                                                         //
                               "check m2",  "swap m2",   "restart m2", "process m2", "ready m2",  "aggregated m2",  //
                               "withdraw",  "withdrawn", "verify",     "unlock m0",  "unlock m1", "unlock m2"}));
    EXPECT_EQ(walk.outcome(), RunOutcome::rolled_back);
    EXPECT_EQ(told(Method::revert, walk.state_of("m1")), MasterState::restored);
    EXPECT_EQ(walk.state_of("m0"), MasterState::untouched);
}

TEST(RevertWalk, LeavesANameThatIsNotItsToTake) {
    RunWalk walk = revert_walk({"m0"}, false);
    const auto done = drive(walk);
    EXPECT_EQ(std::count(done.begin(), done.end(), "withdraw"), 0);
    EXPECT_EQ(walk.outcome(), RunOutcome::rolled_back);
}

TEST(RevertWalk, WithoutAMasterToTakeBackTakesOutTheName) {
    RunWalk walk = revert_walk({});
    EXPECT_EQ(tail(drive(walk), "check m0"), (std::vector<std::string>{"check m0", "withdraw", "withdrawn", "verify",
                                                                       "unlock m0", "unlock m1", "unlock m2"}));
    EXPECT_EQ(walk.outcome(), RunOutcome::rolled_back);
    EXPECT_EQ(revert_walk({}, false).next(), std::nullopt);
}

TEST(RevertWalk, IsNoRollbackUnlessTheNameIsGoneAndEverythingHolds) {
    for (const char* step : {"withdraw", "withdrawn", "verify"}) {
        for (const auto outcome : {StepOutcome::failed, StepOutcome::unknown}) {
            RunWalk walk = revert_walk();
            drive(walk, {{step, outcome}});
            EXPECT_EQ(walk.outcome(), RunOutcome::needs_person) << step;
        }
    }
}

TEST(RevertWalk, PutsAMasterThatFailsBackAsItWasAndIsNoRollback) {
    RunWalk walk = revert_walk();
    EXPECT_EQ(tail(drive(walk, {{"ready m0", StepOutcome::failed}}), "ready m0"),
              (std::vector<std::string>{"ready m0", "restore m0", "restart_back m0", "process_back m0", "ready_back m0",
                                        "unlock m0", "unlock m1", "unlock m2"}));
    EXPECT_EQ(walk.outcome(), RunOutcome::needs_person);
    EXPECT_EQ(told(Method::revert, walk.state_of("m0")), MasterState::repaired);
}

TEST(RunWalk, CanaryOnlyHealsAfterTheCanaryHasSettled) {
    RunWalk walk = walk_of(three, true);
    const auto done = drive(walk);
    EXPECT_EQ(tail(done, "settle m0"), (std::vector<std::string>{"settle m0", "unlock m0", "unlock m1", "unlock m2"}));
    EXPECT_EQ(walk.outcome(), RunOutcome::healed);
}

TEST(RunWalk, AnAbortBeforeTheFirstSwapRefuses) {
    RunWalk walk = walk_of();
    walk.abort(StoppedBy::request);
    EXPECT_EQ(drive(walk), (std::vector<std::string>{"lock m0", "unlock m0"}));
    EXPECT_EQ(walk.outcome(), RunOutcome::refused);
}

TEST(RunWalk, AnAbortFinishesTheCurrentMasterAndStops) {
    RunWalk walk = walk_of();
    std::vector<std::string> done;
    while (const auto action = walk.next()) {
        done.push_back(to_text(*action));
        if (done.back() == "restart m1") walk.abort(StoppedBy::request);
        walk.completed(StepOutcome::ok);
    }
    EXPECT_EQ(tail(done, "healed m1"), (std::vector<std::string>{"healed m1", "unlock m0", "unlock m1", "unlock m2"}));
    EXPECT_EQ(walk.outcome(), RunOutcome::needs_person);
    EXPECT_EQ(walk.state_of("m1"), MasterState::repaired);
}

TEST(RunWalk, SaysWhoStoppedItAndWhere) {
    const std::string ended = "The daemon ended during this run, which was stopped";
    const std::vector<std::tuple<StoppedBy, std::string, std::string>> rows{
        {StoppedBy::request, "lock m0", "It was stopped on request before anything was written."},
        {StoppedBy::request, "restart m1",
         "It was stopped on request after m1 was repaired; the masters behind it are as before."},
        {StoppedBy::end_of_daemon, "check m0", ended + " before anything was written."},
        {StoppedBy::end_of_daemon, "check m1", ended + "; the masters from m1 on are as before."},
        {StoppedBy::end_of_daemon, "restart m1",
         ended + " after m1 was repaired; the masters behind it are as before."},
    };
    for (const auto& [by, during, why] : rows) {
        RunWalk walk = walk_of();
        while (const auto action = walk.next()) {
            if (to_text(*action) == during) walk.abort(by);
            walk.completed(StepOutcome::ok);
        }
        EXPECT_EQ(walk.why(), why);
    }
}

TEST(RunWalk, IsStoppedByTheFirstWhoDidIt) {
    RunWalk walk = walk_of();
    walk.abort(StoppedBy::end_of_daemon);
    walk.abort(StoppedBy::request);
    drive(walk);
    EXPECT_TRUE(walk.why().starts_with("The daemon ended")) << walk.why();
}

TEST(RunWalk, AnAbortAtTheLastMasterStillEndsApplied) {
    RunWalk walk = walk_of({"m0"});
    while (const auto action = walk.next()) {
        if (action->step == swap) walk.abort(StoppedBy::request);
        walk.completed(StepOutcome::ok);
    }
    EXPECT_EQ(walk.outcome(), RunOutcome::applied);
}

TEST(RunWalk, OldBytesLeftBesideAFileNeedAPerson) {
    RunWalk walk = walk_of();
    drive(walk, {{"unlock m1", StepOutcome::failed}});
    EXPECT_EQ(walk.outcome(), RunOutcome::needs_person);
}

TEST(RunWalk, WordsReadBack) {
    for (int value = 0; value <= static_cast<int>(unlock); ++value) {
        EXPECT_EQ(step_from(name(static_cast<Step>(value))), static_cast<Step>(value));
    }
    EXPECT_EQ(step_from("sleep"), std::nullopt);
    EXPECT_EQ(run_outcome_from("rolled-back"), RunOutcome::rolled_back);
    for (const auto method : {Method::args, Method::configmap, Method::revert})
        EXPECT_EQ(method_from(name(method)), method);
    EXPECT_EQ(method_from("file"), std::nullopt);
}

// A world beside the walk that knows what each step does to a master, and checks the promises of design 6 after each.
struct World {
    std::map<std::string, std::string> file, process;  // old or new
    bool published = false;
    bool all_ok = true;

    World() {
        for (const auto& master : three) file[master] = process[master] = "old";
    }
    void happen(const Action& action) {
        if (action.step == swap) file[action.master] = "new";
        if (action.step == restore) file[action.master] = "old";
        if (action.step == restart || action.step == restart_back) process[action.master] = file[action.master];
        if (action.step == restart) published = true;
    }
    int half_done() const {
        int count = 0;
        for (const auto& master : three) count += file.at(master) != process.at(master) ? 1 : 0;
        return count;
    }
};

class RandomOutcomes : public testing::TestWithParam<unsigned> {};

TEST_P(RandomOutcomes, KeepThePromises) {
    std::mt19937 random(GetParam());
    for (int round = 0; round < 2000; ++round) {
        RunWalk walk = walk_of(random() % 4 == 0 ? std::vector<std::string>{"m1", "m2"} : three, random() % 5 == 0);
        World world;
        std::set<std::string> touched;
        const unsigned one_in = 2 + random() % 60;
        int steps = 0;
        bool undo_failed = false;
        while (const auto action = walk.next()) {
            ASSERT_LT(++steps, 100) << "it does not end";
            ASSERT_FALSE(undo_failed && action->step != unlock) << "something was done after a failed undo";
            if (action->step == swap) {
                for (const auto& master : touched) ASSERT_EQ(walk.state_of(master), MasterState::repaired);
            }
            if (random() % 40 == 0) walk.abort(StoppedBy::request);
            const auto outcome = random() % one_in != 0 ? StepOutcome::ok
                                 : random() % 2 == 0    ? StepOutcome::failed
                                                        : StepOutcome::unknown;
            if (outcome == StepOutcome::ok || (outcome == StepOutcome::unknown && random() % 2 == 0))
                world.happen(*action);
            if (action->step == swap && outcome != StepOutcome::failed) touched.insert(action->master);
            // What the shell is asked to see: a withdrawn name is one that is not published.
            if (action->step == withdrawn && outcome == StepOutcome::ok) world.published = false;
            // The lock of a master that was left alone runs out by itself.
            const bool left_alone = action->step == unlock && walk.state_of(action->master) == MasterState::untouched;
            if (outcome != StepOutcome::ok && !left_alone) world.all_ok = false;
            if (outcome != StepOutcome::ok && is_undo(action->step)) undo_failed = true;
            walk.completed(outcome);
            ASSERT_LE(world.half_done(), 1);
            int in_between = 0;
            for (const auto& master : three) {
                const auto state = walk.state_of(master);
                in_between += state == MasterState::patched || state == MasterState::restarted ? 1 : 0;
            }
            ASSERT_LE(in_between, 1);
        }
        if (walk.outcome() == RunOutcome::applied) {
            ASSERT_TRUE(world.all_ok);
            for (const auto& master : walk.masters()) ASSERT_EQ(world.file[master] + world.process[master], "newnew");
        }
        if (walk.outcome() == RunOutcome::rolled_back) {
            for (const auto& master : three) ASSERT_EQ(world.file[master] + world.process[master], "oldold");
            ASSERT_FALSE(world.published);
        }
        if (walk.outcome() == RunOutcome::refused) {
            ASSERT_TRUE(touched.empty());
        }
    }
}
INSTANTIATE_TEST_SUITE_P(Seeds, RandomOutcomes, testing::Range(0U, 8U));

}  // namespace
}  // namespace aggmedic::remediate
