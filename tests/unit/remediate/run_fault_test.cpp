#include <gtest/gtest.h>

#include <array>
#include <nlohmann/json.hpp>

#include "net/text.hpp"
#include "remediate/replay.hpp"
#include "run_rig.hpp"

// Every exchange of a run fails once, every write of the journal fails once, and the daemon dies at every one of them.
namespace aggmedic::remediate {
namespace {

bool carries(const FakeMaster& master) {
    return master.bytes.contains(demo_cn);
}
bool runs_it(const FakeMaster& master) {
    const auto names = master.names();
    return master.runs && std::ranges::find(names, demo_cn) != names.end();
}

// What must hold of a cluster after a run, whatever went wrong (design 6.7, 6.8).
void expect_consistent(const RunRig& rig, const Plan& plan, const RunResult& result, const std::string& what) {
    const auto& outcome = result.record.outcome;
    SCOPED_TRACE(what + " ended " + outcome + ": " + result.record.why);
    EXPECT_TRUE(outcome == "applied" || outcome == "rolled-back" || outcome == "needs-person" || outcome == "refused");
    int half_done = 0;
    for (std::size_t at = 0; at < rig.cluster.masters.size(); ++at) {
        const auto& master = rig.cluster.masters[at];
        const auto& planned = plan.masters[at];
        const auto digest = sha256_hex(master.bytes);
        EXPECT_TRUE(digest == planned.sha256_before || digest == planned.sha256_after) << "half-written bytes";
        if (carries(master) != runs_it(master) || !master.ready) ++half_done;
        if (outcome == "applied") {
            EXPECT_TRUE(carries(master) && runs_it(master) && master.ready) << master.name;
        }
        if (outcome == "rolled-back" || outcome == "refused") {
            EXPECT_TRUE(!carries(master) && !runs_it(master) && master.ready) << master.name;
        }
        const auto& state = result.masters[at].second;
        if (state == "repaired") {
            EXPECT_TRUE(carries(master) && runs_it(master)) << master.name;
        }
        if (state == "untouched" || state == "restored") {
            EXPECT_FALSE(carries(master)) << master.name << " is told to be " << state;
        }
    }
    EXPECT_LE(half_done, 1) << "two masters are in between";
    if (outcome == "rolled-back") {
        EXPECT_EQ(rig.cluster.published_names.size(), 1U);
    }
    if (outcome == "applied") {
        for (const auto& master : rig.cluster.masters) EXPECT_EQ(master.backup_name, "");
    }
    if (outcome != "applied") {
        EXPECT_FALSE(result.record.next.empty());
    }
}

void watch_two_down(RunRig& rig, std::function<void()> more = {}) {
    rig.cluster.before_exchange = [&rig, more] {
        const auto down =
            std::ranges::count_if(rig.cluster.masters, [](const FakeMaster& master) { return !master.ready; });
        EXPECT_LE(down, 1) << "two masters are down";
        if (more) more();
    };
}

// Fewer exchanges, so that each of them can fail in turn in reasonable time.
void be_quick(PlanInput& input) {
    input.withdrawn_watch = seconds(10);
    input.settle = input.readyz_hold = seconds(1);
}

std::string name_of(Fault fault) {
    constexpr std::array names{"None", "Refused", "LostBefore", "LostAfter", "Garbage"};
    return names.at(static_cast<std::size_t>(fault));
}

class EveryExchange : public testing::TestWithParam<Fault> {};

TEST_P(EveryExchange, FailsOnce) {
    int injected = 0;
    std::map<std::string, int> outcomes;
    for (int at = 0;; ++at) {
        RunRig rig(2);
        rig.adjust = be_quick;
        const auto plan = rig.plan();
        ASSERT_FALSE(plan.id.empty());
        rig.cluster.fault_at = at;
        rig.cluster.fault = GetParam();
        watch_two_down(rig);
        const auto result = rig.apply(plan);
        if (rig.cluster.exchanges <= at) break;  // no exchange was left to fail
        ++injected;
        ++outcomes[result.record.outcome];
        expect_consistent(rig, plan, result, "exchange " + std::to_string(at));
        if (HasFailure()) break;
        ASSERT_LT(at, 2000);
    }
    EXPECT_GT(injected, 60);
    for (const auto& [outcome, count] : outcomes) RecordProperty(outcome, count);
}
INSTANTIATE_TEST_SUITE_P(Faults, EveryExchange,
                         testing::Values(Fault::refused, Fault::lost_before, Fault::lost_after, Fault::garbage),
                         [](const auto& param) { return name_of(param.param); });

// A disk that is full from the n-th write on: nothing forward without intent, undo goes on.
TEST(EveryJournalWrite, MayBeTheLast) {
    for (int at = 0;; ++at) {
        RunRig rig(2);
        rig.adjust = be_quick;
        const auto plan = rig.plan();
        rig.journal.full_from_write = at;
        watch_two_down(rig);
        const auto result = rig.apply(plan);
        if (rig.journal.writes <= at) break;
        expect_consistent(rig, plan, result, "write " + std::to_string(at));
        EXPECT_FALSE(rig.mirrored.empty() && at > 0) << "the mirror was not told";
        if (HasFailure()) break;
    }
}

// A disk that is full for a moment: what was done then is written afterwards, and the journal tells what the run tells.
TEST(EveryJournalWrite, MayFailForAWhile) {
    int injected = 0, ended = 0;
    for (const int failing : {1, 2, 9}) {
        for (int at = 1;; ++at) {
            RunRig rig(2);
            rig.adjust = be_quick;
            const auto plan = rig.plan();
            rig.journal.full_from_write = at;
            rig.journal.full_writes = failing;
            const auto result = rig.apply(plan);
            if (rig.journal.writes <= at) break;
            expect_consistent(rig, plan, result, "write " + std::to_string(at));
            const bool has_ended = rig.journal.unfinished()->empty();
            ++injected;
            if (has_ended) ++ended;
            const auto recorded = replay(walk_options(plan, false), result.steps);
            ASSERT_TRUE(recorded) << "write " << at;
            for (const auto& [master, state] : result.masters) {
                if (has_ended) EXPECT_EQ(name(recorded->walk.state_of(master)), state) << master << ", write " << at;
            }
            for (const auto& step : result.steps) {
                if (has_ended) EXPECT_FALSE(step.outcome.empty()) << step.step << ", write " << at;
            }
            if (HasFailure()) return;
        }
    }
    EXPECT_GT(injected, 60);
    EXPECT_GT(ended, injected / 2);
}

// A full disk, so the undo has no record, and death in the middle of it: the next life must not take the run for one
// that goes on forward.
TEST(EveryJournalWrite, MayBeTheLastBeforeADeath) {
    int died = 0;
    for (int exchanges_left = 1; exchanges_left < 5; ++exchanges_left) {
        for (int at = 8; at < 24; ++at) {  // of the canary
            RunRig rig(2);
            rig.adjust = be_quick;
            const auto plan = rig.plan();
            rig.journal.full_from_write = at;
            int left = exchanges_left;
            watch_two_down(rig, [&] {
                if (rig.journal.writes > at && --left == 0) throw Killed{};
            });
            try {
                rig.apply(plan);
                continue;  // it ended before
            } catch (const Killed&) {
                ++died;
            }
            *rig.journal.lease_held = 0;
            rig.journal.full_from_write = -1;
            rig.journal.disk_is_full = false;
            watch_two_down(rig);
            const auto result = rig.reconcile(plan);
            expect_consistent(rig, plan, result,
                              "write " + std::to_string(at) + ", died at exchange " + std::to_string(exchanges_left));
            if (HasFailure()) return;
        }
    }
    EXPECT_GT(died, 40);
}

struct Death {
    const char* name;
    bool after_journal;  // right after a journal write, or right before an exchange
    Fault failing;       // a fault besides, so that the undo's transitions are died at too
    const char* broken;  // master that does not get ready
};
void PrintTo(const Death& each, std::ostream* out) {
    *out << each.name;
}
class EveryMoment : public testing::TestWithParam<Death> {};

// kill -9, then a new daemon: always an end, always the truth.
TEST_P(EveryMoment, MayBeTheLast) {
    const auto& death = GetParam();
    int died = 0;
    for (int at = 0;; ++at) {
        RunRig rig(2);
        rig.adjust = be_quick;
        const auto plan = rig.plan();
        if (death.broken != nullptr) rig.cluster.master(death.broken).never_ready = true;
        int moment = 0;
        const auto die = [&] {
            if (moment++ == at) throw Killed{};
        };
        if (death.after_journal) {
            rig.journal.after_write = die;
            watch_two_down(rig);
        } else {
            watch_two_down(rig, die);
        }
        bool killed = false;
        RunResult result;
        try {
            result = rig.apply(plan);
        } catch (const Killed&) {
            killed = true;
        }
        if (!killed) break;
        ++died;
        *rig.journal.lease_held = 0;  // the kernel dropped it
        rig.journal.after_write = {};
        watch_two_down(rig);
        if (at % 3 == 0) rig.cluster.elapsed += seconds(40);  // a while later
        const auto open = rig.journal.unfinished();
        if (open->empty()) continue;  // it died before it began, or after it had ended
        const bool swapped =
            std::ranges::any_of(rig.cluster.verbs, [](const std::string& verb) { return verb.starts_with("swap"); });
        result = rig.reconcile(plan);
        expect_consistent(rig, plan, result, "death " + std::to_string(at));
        // Nothing was written: nobody need be called.
        if (!swapped && death.broken == nullptr) EXPECT_EQ(result.record.outcome, "rolled-back") << "death " << at;
        EXPECT_NE(result.record.outcome, "refused");
        EXPECT_TRUE(rig.journal.unfinished()->empty());
        // Nothing is left to do a second time.
        const auto before = rig.cluster.verbs.size();
        rig.reconcile(plan);
        for (std::size_t verb = before; verb < rig.cluster.verbs.size(); ++verb) {
            EXPECT_FALSE(rig.cluster.verbs[verb].starts_with("swap") || rig.cluster.verbs[verb].starts_with("restart"));
        }
        if (HasFailure()) break;
        ASSERT_LT(at, 2000);
    }
    EXPECT_GT(died, 25);
}
INSTANTIATE_TEST_SUITE_P(Deaths, EveryMoment,
                         testing::Values(Death{"AfterAJournalWrite", true, Fault::none, nullptr},
                                         Death{"BeforeAnExchange", false, Fault::none, nullptr},
                                         Death{"AfterAJournalWriteOfAnUndo", true, Fault::none, "m0"},
                                         Death{"BeforeAnExchangeOfAnUndo", false, Fault::none, "m0"},
                                         Death{"AfterAJournalWriteOfALaterUndo", true, Fault::none, "m1"}),
                         [](const auto& param) { return std::string(param.param.name); });

}  // namespace
}  // namespace aggmedic::remediate
