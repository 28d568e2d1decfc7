#include "probes/observe.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fake_apiserver.hpp"

namespace aggmedic::probes {

namespace {

using namespace std::chrono_literals;
using test::ServerConnection;
using test::TlsServer;
using testing::HasSubstr;

// Elapsed times are bounded loosely: the machine may be busy, and what is told apart is 1 wait from 20.
constexpr auto short_timeout = 1500ms;

}  // namespace

TEST_F(ObserveTest, SeesEverythingOfAHealthyCluster) {
    FakeApiserver apiserver(ca, 2);
    auto cluster = target(apiserver.port());
    const auto observation = observe(cluster);
    ASSERT_EQ(observation.apiservers.size(), 1U);
    const auto& view = observation.apiservers[0];
    EXPECT_EQ(*view.version, "v1.20.2");
    EXPECT_EQ(view.readyz->status, 200U);
    EXPECT_EQ(view.readyz_path, "/readyz");
    EXPECT_EQ(view.control->status, 200U);
    ASSERT_TRUE(view.serving);
    EXPECT_EQ(view.serving->at(0).common_name, "demo.example");
    EXPECT_TRUE(view.clock_offset_ms);
    ASSERT_NE(observation.apiservices(), nullptr);
    EXPECT_EQ(observation.apiservices()->size(), 2U);
    ASSERT_NE(observation.published(), nullptr);
    EXPECT_THAT(observation.published()->allowed_names.value(), testing::ElementsAre("aggregator"));
    ASSERT_EQ(view.attempts.size(), 2U);
    for (const auto& attempts : view.attempts) {
        EXPECT_EQ(attempts.discovery.size(), 5U);
        EXPECT_EQ(attempts.resource.size(), 5U);
        EXPECT_EQ(attempts.discovery[0].flow_schemas, (std::vector<std::string>{"one", "two"}));
        EXPECT_EQ(attempts.resource[0].body, "");
    }
    EXPECT_EQ(apiserver.token_at("/api"), "probe-token");
    EXPECT_EQ(apiserver.token_at("/version"), "probe-token");
}

TEST_F(ObserveTest, AsksListsOnceForAllApiservers) {
    FakeApiserver front(ca), first(ca), second(ca);
    auto cluster = target(front.port());
    add_master(cluster, "m0", first.port());
    add_master(cluster, "m1", second.port());
    const auto observation = observe(cluster);
    EXPECT_EQ(front.asked(FakeApiserver::list) + first.asked(FakeApiserver::list) + second.asked(FakeApiserver::list),
              1);
    EXPECT_EQ(front.asked(FakeApiserver::config_map) + first.asked(FakeApiserver::config_map) +
                  second.asked(FakeApiserver::config_map),
              1);
    for (const auto& view : observation.apiservers) EXPECT_EQ(view.attempts.size(), 1U) << view.master;
}

TEST_F(ObserveTest, AsksListsOfEachWhereAnswersDiffer) {
    FakeApiserver good(ca), bad(ca);
    bad.answers["/apis/g0.example/v1"] = test::answer("service unavailable", "", "503 Service Unavailable");
    auto cluster = target(good.port());
    add_master(cluster, "m0", bad.port());
    const auto observation = observe(cluster);
    for (const auto& view : observation.apiservers) {
        EXPECT_TRUE(view.apiservices) << view.master;
        EXPECT_TRUE(view.published) << view.master;
    }
    EXPECT_EQ(observation.apiservers[1].attempts[0].discovery[0].body, "service unavailable");
}

TEST_F(ObserveTest, ABlackHoledMasterCostsOneTimeoutAndTheOthersNothing) {
    FakeApiserver front(ca);
    TlsServer hole({.identity = {}, .tls = false},
                   [](ServerConnection& connection) { connection.wait_until_peer_closes(); });
    auto cluster = target(front.port());
    add_master(cluster, "m0", hole.port());
    ProbeSettings settings;
    settings.timeout = short_timeout;
    const auto start = std::chrono::steady_clock::now();
    const auto observation = observe(cluster, settings);
    EXPECT_LT(std::chrono::steady_clock::now() - start, 2 * short_timeout);
    EXPECT_EQ(observation.apiservers[0].attempts.at(0).discovery.size(), 5U);
    EXPECT_EQ(observation.apiservers[1].readyz.why().reason, "timeout");
    EXPECT_EQ(observation.apiservers[1].control.why().reason, "timeout");
    EXPECT_TRUE(observation.apiservers[1].attempts.empty());
}

TEST_F(ObserveTest, ADeadBackendDoesNotHoldUpTheOthers) {
    FakeApiserver apiserver(ca, 20);
    apiserver.answers["/apis/g7.example/v1"] = "hang";
    ProbeSettings settings;
    settings.timeout = short_timeout;
    const auto start = std::chrono::steady_clock::now();
    const auto observation = observe(target(apiserver.port()), settings);
    EXPECT_LT(std::chrono::steady_clock::now() - start, 4 * short_timeout);
    for (const auto& attempts : observation.apiservers[0].attempts) {
        const bool dead = attempts.apiservice == "v1.g7.example";
        EXPECT_EQ(attempts.discovery.size(), dead ? 2U : 5U) << attempts.apiservice;
        EXPECT_EQ(attempts.discovery.back().status, dead ? 0U : 200U) << attempts.apiservice;
    }
}

TEST_F(ObserveTest, SpreadsAttemptsOverTime) {
    FakeApiserver apiserver(ca);
    ProbeSettings settings;
    settings.attempts = 3;
    settings.spread = 3000ms;
    const auto observation = observe(target(apiserver.port()), settings);
    const auto& discovery = observation.apiservers[0].attempts.at(0).discovery;
    ASSERT_EQ(discovery.size(), 3U);
    EXPECT_GE(discovery[2].at - discovery[0].at, 1500ms);
}

TEST_F(ObserveTest, ACredentialThatEndsDuringTheCycleIsRefusedAtItsEnd) {
    FakeApiserver apiserver(ca);
    apiserver.before_answer = [&](const std::string& path) {
        if (!path.starts_with("/apis/g0.example/v1")) return;
        for (const std::string each : {"/api", "/apis/g0.example/v1"})
            apiserver.set(each, test::answer("Unauthorized", "", "401 Unauthorized"));
    };
    const auto observation = observe(target(apiserver.port()));
    EXPECT_EQ(observation.apiservers[0].control->status, 401U);
    EXPECT_EQ(apiserver.asked("/api"), 2);
}

TEST_F(ObserveTest, AnApiserverThatIsNotReadyIsAskedNothingAggregated) {
    FakeApiserver apiserver(ca);
    apiserver.answers["/readyz"] = test::answer("not ok", "", "500 Internal Server Error");
    const auto observation = observe(target(apiserver.port()));
    EXPECT_EQ(observation.apiservers[0].readyz->status, 500U);
    EXPECT_TRUE(observation.apiservers[0].attempts.empty());
    EXPECT_EQ(apiserver.asked(FakeApiserver::list), 0);
}

TEST_F(ObserveTest, FallsBackToHealthzAndToTheOldList) {
    FakeApiserver apiserver(ca);
    apiserver.answers["/healthz"] = apiserver.answers["/readyz"];
    apiserver.answers.erase("/readyz");
    apiserver.answers["/apis/apiregistration.k8s.io/v1beta1/apiservices"] = apiserver.answers[FakeApiserver::list];
    apiserver.answers.erase(FakeApiserver::list);
    const auto observation = observe(target(apiserver.port()));
    EXPECT_EQ(observation.apiservers[0].readyz_path, "/healthz");
    EXPECT_EQ(observation.apiservers[0].attempts.size(), 1U);
}

TEST_F(ObserveTest, AMissingPermissionIsNamed) {
    FakeApiserver apiserver(ca);
    const auto forbidden = test::answer(R"({"kind":"Status","message":"forbidden: User \"probe\" cannot","code":403})",
                                        "", "403 Forbidden");
    apiserver.answers[FakeApiserver::list] = forbidden;
    apiserver.answers[FakeApiserver::config_map] = forbidden;
    const auto observation = observe(target(apiserver.port()));
    EXPECT_EQ(observation.apiservers[0].apiservices.why().reason, "forbidden");
    EXPECT_THAT(observation.apiservers[0].apiservices.why().detail,
                HasSubstr("list apiservices.apiregistration.k8s.io"));
    EXPECT_EQ(observation.apiservers[0].published.why().reason, "forbidden");
}

TEST_F(ObserveTest, AHostileListIsAFailureToSee) {
    for (const std::string body : {"{\"items\":", "[]", "<html>"}) {
        FakeApiserver apiserver(ca);
        apiserver.answers[FakeApiserver::list] = test::answer(body);
        const auto observation = observe(target(apiserver.port()));
        EXPECT_EQ(observation.apiservers[0].apiservices.why().reason, "malformed_reply") << body;
        EXPECT_TRUE(observation.apiservers[0].published) << body;
    }
}

TEST_F(ObserveTest, TheCanaryAsksOnceAsItself) {
    FakeApiserver apiserver(ca);
    auto cluster = target(apiserver.port());
    cluster.canary.bearer_token = "canary-token";
    const auto observation = observe(cluster);
    const std::string path = "/apis/g0.example/v1/namespaces/default/things/aggmedic-canary";
    EXPECT_EQ(apiserver.asked(path), 1);
    EXPECT_EQ(apiserver.token_at(path), "canary-token");
    ASSERT_EQ(observation.apiservers[0].attempts.at(0).canary.size(), 1U);
    EXPECT_EQ(observation.apiservers[0].attempts[0].canary[0].status, 404U);
}

TEST_F(ObserveTest, AListThatIsTooLargeIsAskedOnce) {
    FakeApiserver apiserver(ca);
    apiserver.answers["/apis/g0.example/v1/things?limit=1"] = test::answer(std::string(1100 * 1024, ' '));
    const auto connections = connect_cluster(io.get_executor(), target(apiserver.port()));
    for (int cycle = 0; cycle < 2; ++cycle) {
        const auto observation = run(observe_apiservers(connections, {}));
        EXPECT_EQ(observation.apiservers[0].attempts[0].discovery.back().status, 200U);
    }
    EXPECT_EQ(apiserver.asked("/apis/g0.example/v1/things?limit=1"), 1);
}

TEST_F(ObserveTest, KeepsItsConnectionsFromCycleToCycle) {
    FakeApiserver apiserver(ca, 8);
    auto connections = connect_cluster(io.get_executor(), target(apiserver.port()));
    for (int cycle = 0; cycle < 3; ++cycle) {
        const auto observation = run(observe_apiservers(connections, {}));
        EXPECT_TRUE(observation.apiservers[0].serving) << cycle;
    }
}

TEST_F(ObserveTest, NarrowQuestionsAnswerWithAFailureNotAnException) {
    FakeApiserver apiserver(ca);
    auto cluster = target(apiserver.port());
    add_master(cluster, "gone", 1);
    auto connections = connect_cluster(io.get_executor(), cluster);
    EXPECT_EQ(run(ask_readyz(connections, "", 20s))->status, 200U);
    const auto gone = run(ask_readyz(connections, "gone", 20s));
    EXPECT_EQ(gone->status, 0U);
    EXPECT_EQ(gone->failure, "connect_failed");
    EXPECT_EQ(run(ask_readyz(connections, "nobody", 20s)).why().reason, "not-asked");
    EXPECT_TRUE(run(ask_published(connections, "", 20s)));
    ApiService wanted;
    wanted.name = "v1.g0.example";
    wanted.group = "g0.example";
    wanted.version = "v1";
    ProbeSettings settings;
    settings.attempts = 2;
    const auto attempts = run(ask_apiservice(connections, "", wanted, settings));
    EXPECT_EQ(attempts.discovery.size(), 2U);
    EXPECT_EQ(attempts.resource.size(), 2U);
}

namespace {

class CannedHost : public RemoteHost {
  public:
    explicit CannedHost(VerbReply reply) : reply_(std::move(reply)) {}
    asio::awaitable<Result<VerbReply>> call(VerbCall call) override {
        asked = std::move(call);
        co_return reply_;
    }
    VerbCall asked;

  private:
    VerbReply reply_;
};

}  // namespace

TEST_F(ObserveTest, AFailedLookSaysWhy) {
    CannedHost host({.exit_status = 20, .output = "", .error_output = "grammar"});
    const auto look = run(look_at_master(host, "m0", "bosh"));
    EXPECT_EQ(look.error().code, Errc::command_failed);
    EXPECT_THAT(look.error().detail, HasSubstr("grammar"));
    EXPECT_EQ(host.asked.verb, "look");
    EXPECT_THAT(host.asked.arguments, testing::ElementsAre("bosh"));
    CannedHost cut({.exit_status = 0, .output = "aggmedic-look 1\n", .error_output = ""});
    EXPECT_EQ(run(look_at_master(cut, "m0", "bosh")).error().code, Errc::malformed_reply);
    run(look_at_master(host, "m0", "bosh", {{.apiservices = {"v1.a"}, .address = "10.1.0.5:8443", .kind = "pod"}}));
    EXPECT_THAT(host.asked.arguments, testing::ElementsAre("bosh", "10.1.0.5:8443"));
}

}  // namespace aggmedic::probes
