#include "daemon/cluster_watch.hpp"

#include <algorithm>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>

#include "tests/unit/daemon/temporary_folder.hpp"
#include "tests/unit/probes/fake_apiserver.hpp"

// What is raised, and when, while our own run restarts masters and after it.
namespace aggmedic::daemon {
namespace {

using namespace std::chrono_literals;
using probes::FakeApiserver;

class ClusterWatchTest : public probes::ObserveTest {
  protected:
    ~ClusterWatchTest() override { stop(); }

    void start(milliseconds settling) {
        auto cluster = std::make_shared<ClusterConfig>();
        cluster->target = target(apiserver.port());
        WatchTools tools;
        tools.executor = io.get_executor();
        tools.journal = journal.get();
        tools.journal_thread = &journal_thread;
        tools.is_being_changed = [this](std::string_view) { return being_changed; };
        tools.settling = settling;
        ProbeConfig probe{.interval = 250ms, .timeout = 5s, .attempts = 1, .master_interval = 1min};
        io.restart();
        ended = false;
        watch = std::make_unique<ClusterWatch>(tools, cluster, probe);
        asio::co_spawn(io, watch->run(0ms),
                       asio::bind_cancellation_slot(end.slot(), [this](const std::exception_ptr&) { ended = true; }));
        cycles(1);
    }
    void stop() {
        if (!watch) return;
        end.emit(asio::cancellation_type::terminal);
        while (!ended && io.run_one_for(20s) > 0) {
        }
        watch.reset();
    }
    // Turns the loop until so many cycles more have been judged and folded: the fold of the last has begun with the
    // observation after it.
    void cycles(int count) {
        for (int i = 0; i < count + (watch->observed() ? 1 : 0); ++i) {
            const auto before = watch->newest();
            while (watch->newest() == before && io.run_one_for(20s) > 0) {
            }
        }
    }
    // The one fault that comes and goes; what else the canned answers amount to is not asked.
    static bool is_gone(const probes::Finding& finding) { return finding.cause == "auth-configmap-gone"; }
    bool is_seen() const { return std::ranges::any_of(watch->assessment()->findings, is_gone); }
    bool is_raised() const {
        const bool told =
            std::ranges::any_of(watch->findings(), [](const auto& raised) { return is_gone(raised.finding); });
        EXPECT_EQ(std::ranges::any_of(watch->metrics().findings, is_gone), told);
        return told;
    }
    void fail_the_cluster() { apiserver.set(FakeApiserver::config_map, gone); }
    void heal_the_cluster() { apiserver.set(FakeApiserver::config_map, healthy); }

    const std::string gone = test::answer("{}", "", "404 Not Found");
    FakeApiserver apiserver{ca};
    const std::string healthy = apiserver.answers[FakeApiserver::config_map];
    TemporaryFolder folder;
    std::unique_ptr<remediate::Journal> journal;
    asio::thread_pool journal_thread{1};
    bool being_changed = false, ended = false;
    asio::cancellation_signal end;
    std::unique_ptr<ClusterWatch> watch;
};

TEST_F(ClusterWatchTest, RaisesWhatLasts) {
    start(1h);
    fail_the_cluster();
    cycles(3);
    EXPECT_TRUE(is_raised());
}

TEST_F(ClusterWatchTest, RaisesNothingOfWhatARunOfOursBreaksMeanwhile) {
    start(0ms);
    being_changed = true;
    fail_the_cluster();
    cycles(4);
    EXPECT_TRUE(is_seen()) << "check shows the moment as it is";
    heal_the_cluster();
    cycles(1);
    being_changed = false;
    watch->run_ended();
    cycles(4);
    EXPECT_FALSE(is_raised());
    for (const auto& [key, tracked] : watch->history().findings) EXPECT_FALSE(is_gone(tracked.finding)) << key;
}

TEST_F(ClusterWatchTest, RaisesNothingNewUntilTheClusterHasSettled) {
    start(1h);
    watch->run_ended();
    fail_the_cluster();
    cycles(5);
    EXPECT_TRUE(is_seen());
    EXPECT_FALSE(is_raised());
}

TEST_F(ClusterWatchTest, RaisesAgainOnceTheClusterHasSettled) {
    start(0ms);
    being_changed = true;
    fail_the_cluster();
    cycles(3);
    being_changed = false;
    watch->run_ended();
    EXPECT_FALSE(is_raised());
    cycles(3);
    EXPECT_TRUE(is_raised());
}

TEST_F(ClusterWatchTest, KeepsDuringARunWhatWasRaisedBeforeAndResolvesItAfterwards) {
    start(1h);
    fail_the_cluster();
    cycles(3);
    ASSERT_TRUE(is_raised());
    being_changed = true;
    heal_the_cluster();
    cycles(5);
    EXPECT_TRUE(is_raised()) << "a run in progress resolves nothing";
    being_changed = false;
    watch->run_ended();
    cycles(4);
    EXPECT_FALSE(is_raised());
}

TEST_F(ClusterWatchTest, PublishesAfterARestartWhatWasRaisedBefore) {
    journal = remediate::Journal::open(folder.path()).value();
    start(1h);
    fail_the_cluster();
    cycles(4);
    ASSERT_TRUE(is_raised());
    stop();
    being_changed = true;  // so that no cycle is folded
    start(1h);
    ASSERT_TRUE(watch->observed());
    EXPECT_TRUE(is_raised());
}

TEST_F(ClusterWatchTest, KnowsARunOfAnotherProcessByTheJournal) {
    journal = remediate::Journal::open(folder.path()).value();
    const auto now = wall_clock();
    remediate::RunRecord run;
    run.id = "20261123T000000Z-00000001";
    run.plan_id = "abcdef0123456789";
    run.cluster = "demo";
    run.trigger = "person";
    run.started = now;
    ASSERT_TRUE(journal->begin_run(run));
    start(0ms);
    cycles(1);
    EXPECT_TRUE(watch->is_changed_elsewhere());
    fail_the_cluster();
    cycles(4);
    EXPECT_FALSE(is_raised());
    ASSERT_TRUE(journal->finish_run(run.id, remediate::RunOutcome::applied, "", "", wall_clock()));
    cycles(4);
    EXPECT_FALSE(watch->is_changed_elsewhere());
    EXPECT_TRUE(is_raised());
}

}  // namespace
}  // namespace aggmedic::daemon
