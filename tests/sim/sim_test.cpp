#include <gtest/gtest.h>

#include <array>
#include <functional>

#include "tests/sim/history.hpp"
#include "tests/sim/look.hpp"
#include "tests/sim/watch.hpp"

// The simulator itself: one seed is one history, its short cuts say what the long way says, and broken rules are
// caught.
namespace aggmedic::sim {
namespace {

std::string text_of(const History& history) {
    std::string text = history.violation ? "VIOLATION: " + *history.violation + "\n" : "";
    for (const auto& line : history.lines) text += "  " + line + "\n";
    return text;
}

TEST(Simulator, PlaysTheSameHistoryFromTheSameSeed) {
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
        const auto once = play(seed, {.told = true, .sabotage = {}}),
                   twice = play(seed, {.told = true, .sabotage = {}});
        EXPECT_EQ(once.lines, twice.lines) << "seed " << seed;
    }
}

TEST(Simulator, TheLongWayTellsTheSameHistory) {
    for (std::uint64_t seed = 0; seed < 60; ++seed) {
        const auto quick = play(seed, {.told = true, .sabotage = {}});
        const auto real = play(seed, {.told = true, .real_journal = true, .reads_text = true, .sabotage = {}});
        const auto without_holder = [](History history) {  // SQLite's journal makes its own
            for (auto& line : history.lines) {
                if (const auto at = line.find("no locked"); at != std::string::npos) line.resize(at);
            }
            return history.lines;
        };
        EXPECT_EQ(without_holder(quick), without_holder(real)) << "seed " << seed;
    }
}

// What the watch knows of the other masters when a restart is sent: no seed in thousands gets there.
TEST(Watch, CountsAnotherMasterThatHasNotBeenReadyForAWhile) {
    for (const auto& [lasts, is_broken] : {std::pair(Ms(60), false), std::pair(Ms(2000), true)}) {
        Dice dice(0);
        Cluster cluster({}, dice);
        const auto plan = plan_for(cluster.kind);
        Watch watch(cluster, plan, "run-1");
        watch.intended({remediate::Step::restart, "m0"});
        cluster.crash(cluster.master("m2"));
        watch.look();
        cluster.agenda.pass(lasts);
        VerbCall restart;
        restart.verb = "restart";
        watch.sends(cluster.master("m0"), restart);
        EXPECT_EQ(watch.violation().has_value(), is_broken) << lasts.count() << " ms";
    }
}

// A daemon that was stopped in order after a restart, and a second life whose disk is full: its undo restarts without
// an intent, which it may.
TEST(Watch, TakesNoRestartOfAnUndoForAnEarlierLifesStep) {
    Dice dice(0);
    Cluster cluster({}, dice);
    const auto plan = plan_for(cluster.kind);
    Watch watch(cluster, plan, "run-1");
    VerbCall restart;
    restart.verb = "restart";
    watch.intended({remediate::Step::restart, "m0"});
    watch.completed(remediate::StepOutcome::ok);
    watch.starts();
    watch.sends(cluster.master("m0"), restart);
    EXPECT_FALSE(watch.violation());
}

struct Mutation {
    const char* name;
    bool Sabotage::* rule;
    const char* caught_as;
    std::uint64_t first_seed = 0;  // known to notice; a change of the world moves it, and the search goes on from there
};
void PrintTo(const Mutation& each, std::ostream* out) {
    *out << each.name;
}
class BrokenRule : public testing::TestWithParam<Mutation> {};

TEST_P(BrokenRule, IsCaught) {
    Sabotage sabotage;
    sabotage.*GetParam().rule = true;
    const auto first = GetParam().first_seed;
    for (auto seed = first; seed < first + 20000; ++seed) {
        const auto history = play(seed, {.sabotage = sabotage});
        if (!history.violation) continue;
        if (!history.violation->contains(GetParam().caught_as)) continue;  // it may break more than one
        RecordProperty("seed", std::to_string(seed));
        return;
    }
    FAIL() << "no seed noticed";
}
INSTANTIATE_TEST_SUITE_P(
    Rules, BrokenRule,
    testing::Values(Mutation{"NoCheck", &Sabotage::lies_planned, "since before the check", 29},
                    Mutation{"NoWatchOfTheConfigMap", &Sabotage::lies_withdrawn, "the ConfigMap holds the name", 22},
                    Mutation{"NoProofOfHealing", &Sabotage::lies_healed, "does not answer as the caller"},
                    Mutation{"NoControlPlane", &Sabotage::lies_sound, "a webhook blocks", 507},
                    Mutation{"NoFence", &Sabotage::no_fence, "", 7985},
                    Mutation{"NoJournal", &Sabotage::no_journal, "without its intent"}),
    [](const auto& param) { return std::string(param.param.name); });

// Many seeds, in shards that ctest runs side by side. How many is chosen to take about a minute on two cores under
// AddressSanitizer, which plays 23 a second; the optimised `./dev sim` plays as many as one likes.
constexpr std::uint64_t shards = 4, seeds_in_shard = 350;
class Seeds : public testing::TestWithParam<std::uint64_t> {};

TEST_P(Seeds, BreakNoInvariant) {
    const auto first = GetParam() * seeds_in_shard;
    for (auto seed = first; seed < first + seeds_in_shard; ++seed) {
        const HistoryOptions options{.real_journal = seed % 128 == 127, .reads_text = seed % 32 == 31, .sabotage = {}};
        if (!play(seed, options).violation) continue;
        auto told = options;
        told.told = true;
        FAIL() << "seed " << seed << ": " << text_of(play(seed, told));
    }
}
INSTANTIATE_TEST_SUITE_P(Shards, Seeds, testing::Range(std::uint64_t{0}, shards));

}  // namespace
}  // namespace aggmedic::sim
