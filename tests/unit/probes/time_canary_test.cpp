#include "probes/time_canary.hpp"

#include <gmock/gmock.h>

#include <thread>

#include "fake_apiserver.hpp"
#include "probes/cluster_connections.hpp"

namespace aggmedic::probes {

namespace {

constexpr const char* before_namespace = "/apis/g0.example/v1/namespaces/";
const TimingPlace place{.master = "", .apiservice = "v1.g0.example"};

bool is_new_namespace(const std::string& path) {
    return path.starts_with(std::string(before_namespace) + "aggmedic-") && path.ends_with("/things/aggmedic-canary");
}

}  // namespace

class TimeCanaryTest : public ObserveTest {
  protected:
    std::shared_ptr<ClusterConnections> observed(const FakeApiserver& apiserver, const std::string& canary) {
        auto cluster = target(apiserver.port());
        cluster.canary.bearer_token = canary;
        auto connections = connect_cluster(io.get_executor(), cluster);
        run(observe_apiservers(connections, {}));
        return connections;
    }
};

TEST_F(TimeCanaryTest, AsksInANewNamespaceEachTimeAndSeesThatItIsSlower) {
    FakeApiserver apiserver(ca);
    // The lab has real permission checks; this is the delay that one makes, and far above the noise of a busy machine.
    apiserver.before_answer = [](const std::string& path) {
        if (is_new_namespace(path)) std::this_thread::sleep_for(std::chrono::milliseconds(20));
    };
    const auto timing = run(time_canary(observed(apiserver, "canary-token"), place, {}));
    ASSERT_TRUE(timing) << timing.why().reason << timing.why().detail;
    EXPECT_GE(timing->pairs, 10);
    EXPECT_GE(timing->slower * 10, timing->pairs * 8);
    int spaces = 0;
    for (const auto& path : apiserver.all_paths()) {
        if (!is_new_namespace(path)) continue;
        ++spaces;
        EXPECT_EQ(apiserver.asked(path), 1) << path;
        EXPECT_EQ(apiserver.token_at(path), "canary-token");
    }
    EXPECT_EQ(spaces, timing->pairs);
}

TEST_F(TimeCanaryTest, AnAnswerThatIsNo404MeasuresNothing) {
    FakeApiserver apiserver(ca);
    apiserver.answers[std::string(before_namespace) + "default/things/forbidden"] =
        test::answer("{}", "", "403 Forbidden");
    auto connections = observed(apiserver, "canary-token");
    connections->resources[place.apiservice].after_namespace = "/things/forbidden";
    const auto timing = run(time_canary(connections, place, {}));
    ASSERT_FALSE(timing);
    EXPECT_EQ(timing.why().reason, "status");
    EXPECT_THAT(timing.why().detail, testing::HasSubstr("403"));
}

TEST_F(TimeCanaryTest, IsNotTriedWithoutACanaryOrWithoutNamespaces) {
    FakeApiserver apiserver(ca);
    EXPECT_EQ(run(time_canary(observed(apiserver, ""), place, {})).why().reason, "not-asked");
    auto connections = observed(apiserver, "canary-token");
    connections->resources[place.apiservice] = {};
    EXPECT_EQ(run(time_canary(connections, place, {})).why().reason, "not-asked");
    EXPECT_EQ(run(time_canary(connections, {.master = "gone", .apiservice = "v1.g0.example"}, {})).why().reason,
              "not-asked");
}

TEST_F(TimeCanaryTest, EndsAtItsLimit) {
    FakeApiserver apiserver(ca);
    TimingSettings settings;
    settings.limit = std::chrono::milliseconds(-1);
    EXPECT_EQ(run(time_canary(observed(apiserver, "canary-token"), place, settings)).why().reason, "timeout");
}

TEST_F(TimeCanaryTest, CredentialsStayWhileItRuns) {
    FakeApiserver apiserver(ca);
    auto connections = observed(apiserver, "canary-token");
    connections->hold();
    Credential other;
    other.bearer_token = "another";
    EXPECT_FALSE(connections->use(other, other));
    connections->release();
    EXPECT_TRUE(connections->use(other, other));
}

class AggregatorMetricsTest : public ObserveTest {};

TEST_F(AggregatorMetricsTest, AreAskedWhereAnApiFailsAndOnlyTheirBeginningIsRead) {
    FakeApiserver failing(ca), fine(ca);
    failing.answers["/apis/g0.example/v1"] = test::answer("service unavailable", "", "503 Service Unavailable");
    const std::string beginning = "aggregator_unavailable_apiservice{name=\"v1.g0.example\"} 1\n";
    failing.answers["/metrics"] = fine.answers["/metrics"] =
        test::answer(beginning + std::string(std::size_t{4} * 1024 * 1024, '#') + "\n");
    const auto observation = observe(target(failing.port()));
    ASSERT_TRUE(observation.apiservers[0].aggregator) << observation.apiservers[0].aggregator.why().detail;
    EXPECT_EQ(observation.apiservers[0].aggregator->apiservices.at(0).unavailable, true);
    EXPECT_EQ(failing.asked("/metrics"), 1);
    observe(target(fine.port()));
    EXPECT_EQ(fine.asked("/metrics"), 0);
    ProbeSettings rarely;
    rarely.aggregator_metrics = false;
    observe(target(failing.port()), rarely);
    EXPECT_EQ(failing.asked("/metrics"), 1);
}

TEST_F(AggregatorMetricsTest, ARefusalNamesTheRule) {
    FakeApiserver failing(ca);
    failing.answers["/apis/g0.example/v1"] = test::answer("service unavailable", "", "503 Service Unavailable");
    failing.answers["/metrics"] = test::answer("{}", "", "403 Forbidden");
    const auto observation = observe(target(failing.port()));
    EXPECT_EQ(observation.apiservers[0].aggregator.why().reason, "forbidden");
    EXPECT_THAT(observation.apiservers[0].aggregator.why().detail, testing::HasSubstr("/metrics"));
}

}  // namespace aggmedic::probes
