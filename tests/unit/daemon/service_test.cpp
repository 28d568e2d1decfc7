#include "daemon/service.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

#include "daemon/bundle.hpp"
#include "daemon/looking.hpp"
#include "net/text.hpp"
#include "probes/track.hpp"
#include "remediate/journal.hpp"
#include "tests/unit/daemon/temporary_folder.hpp"

namespace aggmedic::daemon {
namespace {

using testing::HasSubstr;

// A master that nobody can log in to.
class NoConnector : public HostConnector {
  public:
    asio::awaitable<Result<std::unique_ptr<RemoteHost>>> connect(SshTarget, std::chrono::milliseconds) override {
        co_return fail(Errc::auth_failed, "the key was not accepted");
    }
};

ClusterConfig dark_cluster(const std::string& name) {
    ClusterConfig cluster;
    cluster.target.name = name;
    cluster.target.server_host = "127.0.0.1";
    cluster.target.server_port = 1;  // nothing listens there
    cluster.target.probe.bearer_token = "abc";
    cluster.digest = name;
    return cluster;
}

class ServiceTest : public testing::Test {
  protected:
    void start(bool standalone, std::vector<ClusterConfig> clusters, bool with_state = true) {
        Config config;
        config.state_dir = with_state ? folder.path() : std::filesystem::path();
        config.probe.timeout = std::chrono::milliseconds(300);
        config.probe.interval = std::chrono::milliseconds(300);
        config.probe.attempts = 1;
        config.remediation.mode = mode;
        config.clusters = std::move(clusters);
        Service::Options options{.program = "/nonexistent", .standalone = standalone, .reload = {}, .connect = [] {
                                     return std::make_unique<NoConnector>();
                                 }};
        auto created = Service::create(io.get_executor(), std::move(config), std::move(options));
        ASSERT_TRUE(created) << created.error().detail;
        service = *created;
    }

    Reply ask(Request request) {
        std::optional<Reply> reply;
        asio::co_spawn(io, service->handle(std::move(request), {}), [&](const std::exception_ptr& fault, Reply answer) {
            EXPECT_FALSE(fault);
            reply = std::move(answer);
        });
        while (!reply && io.run_one_for(std::chrono::seconds(20)) > 0) {
        }
        EXPECT_TRUE(reply);
        return reply.value_or(Reply{});
    }
    Reply ask(const std::string& command, std::vector<std::string> clusters = {}, const std::string& id = {}) {
        Request request;
        request.command = command;
        request.clusters = std::move(clusters);
        request.id = id;
        request.uid = 1000;
        return ask(std::move(request));
    }

    // What an earlier process knew of a cluster: a fault that began so long ago, and that nothing can be done about.
    void leave_a_finding(const std::string& cluster, std::chrono::seconds ago) {
        probes::Tracked tracked;
        tracked.finding.cause = "pod-not-ready";
        tracked.finding.severity = probes::Severity::critical;
        tracked.raised = true;
        tracked.first_seen = wall_clock() - ago;
        probes::History history;
        history.cluster = cluster;
        history.findings[probes::key(tracked.finding)] = tracked;
        const auto journal = remediate::Journal::open(folder.path());
        ASSERT_TRUE(journal);
        ASSERT_TRUE((*journal)->store_history(cluster, probes::to_json(history).dump()));
    }
    // What a dead daemon left: a run that its journal holds, with its plan or without.
    void leave_a_run(const std::string& cluster, bool with_plan) {
        const auto journal = remediate::Journal::open(folder.path());
        ASSERT_TRUE(journal);
        remediate::RunRecord run;
        run.id = "20261123T110000Z-01020304";
        run.plan_id = "0123456789abcdef";
        run.cluster = cluster;
        run.trigger = "person";
        if (with_plan) {
            remediate::Plan plan;
            plan.cluster = cluster;
            run.plan_id = plan.id = remediate::content_id(plan);
            ASSERT_TRUE((*journal)->store_plan(plan));
        }
        ASSERT_TRUE((*journal)->begin_run(run));
        ASSERT_TRUE((*journal)->intend(run.id, {remediate::Step::swap, "m0"}, {}));
    }
    // Turns the loop until `done` says so, or for too long.
    void turn_until(const std::function<bool()>& done) {
        const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(20);
        while (!done() && std::chrono::steady_clock::now() < limit) io.run_one_for(std::chrono::milliseconds(100));
    }
    void run() {
        asio::co_spawn(io, service->run(), [&](const std::exception_ptr& fault) {
            EXPECT_FALSE(fault);
            ended = true;
        });
    }
    void stop() {
        bool still = false;
        asio::co_spawn(io, service->stop(), [&](const std::exception_ptr& fault) {
            EXPECT_FALSE(fault);
            still = true;
        });
        turn_until([&] { return still && ended; });
        EXPECT_TRUE(still && ended);
    }

    std::string mode = "approve";
    bool ended = false;  // run()
    TemporaryFolder folder;
    asio::io_context io{1};
    // Between two questions the loop has nothing to do, and is not to stop for that.
    asio::executor_work_guard<asio::io_context::executor_type> work{io.get_executor()};
    std::shared_ptr<Service> service;
};

TEST_F(ServiceTest, AClusterThatCannotBeSeenIsUnknownNotHealthy) {
    start(true, {dark_cluster("a"), dark_cluster("b")}, false);
    const auto reply = ask("check");
    EXPECT_EQ(reply.exit_status, 3);
    ASSERT_EQ(reply.result["clusters"].size(), 2U);
    EXPECT_EQ(reply.result["clusters"][0]["name"], "a");
    EXPECT_EQ(reply.result["clusters"][0]["state"], "unknown");
    EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST_F(ServiceTest, ExplainBringsWhatItSaw) {
    start(true, {dark_cluster("a")}, false);
    const auto reply = ask("explain", {"a"});
    EXPECT_EQ(reply.result["clusters"][0]["apiservers"][0]["ready"], false);
    EXPECT_EQ(reply.result["clusters"][0]["published"], nullptr);
}

TEST_F(ServiceTest, ABundleSaysWhatExplainSays) {
    start(true, {dark_cluster("a"), dark_cluster("b")}, false);
    const auto reply = ask("bundle", {"a"});
    ASSERT_EQ(reply.exit_status, 0) << reply.error;
    EXPECT_EQ(reply.result["state"], "unknown");
    std::string bytes;
    ASSERT_TRUE(base64_decode(reply.result["archive"].get<std::string>(), bytes));
    const auto moment = unpack(bytes);
    ASSERT_TRUE(moment) << moment.error().detail;
    auto replayed = explained(*moment);
    auto told = ask("explain", {"a"}).result["clusters"][0];
    replayed.erase("at");
    told.erase("at");
    EXPECT_EQ(replayed, told);
    EXPECT_THAT(ask("bundle").error, HasSubstr("one cluster"));
}

TEST_F(ServiceTest, NamesTheClustersThatThereAre) {
    start(true, {dark_cluster("a")}, false);
    const auto reply = ask("check", {"nope"});
    EXPECT_EQ(reply.exit_status, 2);
    EXPECT_THAT(reply.error, HasSubstr("there is no cluster 'nope'; configured: a"));
    EXPECT_EQ(ask("frobnicate").exit_status, 2);
    EXPECT_THAT(ask("plan", {"a"}).error, HasSubstr("needs a state directory"));
}

TEST_F(ServiceTest, WhatCannotBeSeenIsNeverPlanned) {
    start(true, {dark_cluster("a")});
    const auto reply = ask("plan", {"a"});
    EXPECT_EQ(reply.exit_status, 3);
    EXPECT_FALSE(reply.result["refusals"].empty());
    EXPECT_TRUE(reply.result["id"].is_null());
    EXPECT_EQ(ask("preflight", {"a"}).exit_status, 3);
}

TEST_F(ServiceTest, RefusesARiskThatIsNone) {
    start(true, {dark_cluster("a")});
    Request request;
    request.command = "plan";
    request.clusters = {"a"};
    request.accept_risk = {"everything"};
    EXPECT_THAT(ask(std::move(request)).error, HasSubstr("'everything' is no risk that can be accepted"));
}

TEST_F(ServiceTest, PauseIsRememberedByTheNextProcess) {
    start(true, {dark_cluster("a"), dark_cluster("b")});
    EXPECT_EQ(ask("pause", {"a"}).result["paused"], nlohmann::json({"a"}));
    service.reset();
    start(true, {dark_cluster("a"), dark_cluster("b")});
    const auto status = ask("status").result;
    EXPECT_EQ(status["clusters"][0]["paused"], true);
    EXPECT_EQ(status["clusters"][1]["paused"], false);
    EXPECT_EQ(ask("resume", {"a"}).result["paused"], nlohmann::json::array());
}

TEST_F(ServiceTest, RecordsWhoAskedForWhat) {
    start(true, {dark_cluster("a")});
    ask("plan", {"a"});
    ask("pause", {"a"});
    const auto reply = ask("audit");
    ASSERT_EQ(reply.result["records"].size(), 2U);
    EXPECT_FALSE(reply.result["more"]);
    std::vector<std::string> told;
    for (const auto& record : reply.result["records"]) {
        const auto value = nlohmann::json::parse(record["line"].get<std::string>());
        told.push_back(value["action"].get<std::string>() + " " + value["cluster"].get<std::string>() + " " +
                       std::to_string(value["uid"].get<int>()) + " " + value["outcome"].get<std::string>());
    }
    EXPECT_THAT(told, testing::ElementsAre("plan a 1000 refused", "pause a 1000 "));
    Request rest;
    rest.command = "audit";
    rest.after = 1;
    EXPECT_EQ(ask(rest).result["records"].size(), 1U);
}

TEST_F(ServiceTest, KnowsNoPlanAndNoRunThatItDidNotMake) {
    start(true, {dark_cluster("a")});
    EXPECT_THAT(ask("apply", {}, "0123456789abcdef").error, HasSubstr("there is no plan 0123456789abcdef"));
    EXPECT_THAT(ask("follow", {}, "0123456789abcdef").error, HasSubstr("there is no run"));
    EXPECT_THAT(ask("abort", {}, "0123456789abcdef").error, HasSubstr("there is no run"));
    EXPECT_EQ(ask("runs").result["runs"], nlohmann::json::array());
    EXPECT_EQ(ask("plans").result["plans"], nlohmann::json::array());
}

TEST_F(ServiceTest, CyclesUntilItIsStopped) {
    start(false, {dark_cluster("a"), dark_cluster("b")});
    EXPECT_FALSE(service->ready());
    run();
    turn_until([&] { return service->ready(); });
    EXPECT_TRUE(service->ready());
    EXPECT_TRUE(service->alive());
    EXPECT_THAT(service->metrics(), HasSubstr("aggmedic_apiserver_up{cluster=\"a\",master=\"\"} 0\n"));

    Config reloaded;
    reloaded.state_dir = folder.path();
    reloaded.clusters = {dark_cluster("b")};
    EXPECT_TRUE(service->reload(std::move(reloaded)));
    EXPECT_THAT(service->metrics(), testing::Not(HasSubstr("cluster=\"a\"")));
    EXPECT_FALSE(service->reload(fail(Errc::invalid_argument, "faults")));
    EXPECT_THAT(service->metrics(), HasSubstr("aggmedic_config_last_reload_successful 0\n"));

    stop();
}

TEST_F(ServiceTest, EndsARunThatNobodyCanTakeUp) {
    const std::string run_id = "20261123T110000Z-01020304";
    leave_a_run("renamed", false);
    start(false, {dark_cluster("a")});
    EXPECT_THAT(ask("abort", {}, run_id).error, HasSubstr("the daemon ends it by itself"));
    run();
    const auto outcome = [&] { return ask("runs", {}, run_id).result["runs"][0]["outcome"]; };
    turn_until([&] { return !outcome().is_null(); });
    const auto told = ask("runs", {}, run_id).result["runs"][0];
    EXPECT_EQ(told["outcome"], "needs-person");
    EXPECT_THAT(told["why"].get<std::string>(), HasSubstr("its plan 0123456789abcdef cannot be read in the journal"));
    EXPECT_THAT(told["why"].get<std::string>(), HasSubstr("cluster renamed is not in the configuration any more"));
    EXPECT_THAT(told["next"].get<std::string>(), HasSubstr("configure cluster renamed again"));
    EXPECT_EQ(told["masters"][0]["state"], "unknown");
    EXPECT_EQ(ask("follow", {}, run_id).exit_status, 6);
    stop();
}

// A configuration that a person names for one command may be of a part of the fleet.
TEST_F(ServiceTest, OnlyTheDaemonEndsARunForWhatItsConfigurationLacks) {
    leave_a_run("a", true);
    start(true, {dark_cluster("a")});  // without ssh
    EXPECT_EQ(ask("plan", {"a"}).result["refusals"][0]["gate"], "run-in-progress");
    EXPECT_EQ(ask("runs").result["runs"][0]["outcome"], nullptr);
    EXPECT_THAT(ask("revert", {}, "20261123T110000Z-01020304").error, HasSubstr("has not ended"));
    service.reset();
    start(false, {dark_cluster("a")});
    run();
    turn_until([&] { return !ask("runs").result["runs"][0]["outcome"].is_null(); });
    EXPECT_THAT(ask("runs").result["runs"][0]["why"].get<std::string>(), HasSubstr("cluster a has no ssh"));
    stop();
}

// The first four leave the window before the fifth, which could be repaired, has held for long enough to be asked
// about.
TEST_F(ServiceTest, AMeltdownSuspendsAutomaticRepairBeforeAnythingOfItIsRepairable) {
    using namespace std::chrono_literals;
    std::vector<ClusterConfig> clusters;
    for (const auto* name : {"a", "b", "c", "d", "e"}) {
        clusters.push_back(dark_cluster(name));
        leave_a_finding(name, *name == 'e' ? 30s : 570s);
    }
    mode = "auto";
    start(false, std::move(clusters));
    run();
    turn_until([&] { return !ask("status").result["suspended"].is_null(); });
    const auto suspended = ask("status").result["suspended"];
    ASSERT_FALSE(suspended.is_null());
    EXPECT_EQ(suspended["why"], "findings began on 5 of 5 clusters within 10 minutes");
    // Once, and it does not come back to who lifted it.
    EXPECT_EQ(ask("resume").exit_status, 0);
    for (int cycle = 0; cycle < 5; ++cycle) io.run_for(300ms);
    EXPECT_EQ(ask("status").result["suspended"], nullptr);
    std::size_t told = 0;
    for (const auto& record : ask("audit").result["records"])
        told += nlohmann::json::parse(record["line"].get<std::string>())["action"] == "suspend" ? 1 : 0;
    EXPECT_EQ(told, 1U);
    stop();
}

}  // namespace
}  // namespace aggmedic::daemon
