#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/metrics.hpp"
#include "tests/unit/probes/disturbed.hpp"

// aggmedic_identity_masked from end to end: 0 and 1 are things that were seen, and unknown is no series at all.
namespace aggmedic::daemon {
namespace {

using namespace aggmedic::probes;
using recording::As;
using testing::HasSubstr;
using testing::Not;

constexpr const char* family = "aggmedic_identity_masked{";

std::string metrics_of(const Observation& observation) {
    ClusterMetrics cluster;
    cluster.name = "demo";
    cluster.last = facts_of(observation);
    Metrics metrics;
    metrics.clusters = {cluster};
    return render(metrics);
}

Observation timed(const TimingPairs& pairs) {
    auto observation = recording::load("healthy", {.ssh = false, .as = As::admin});
    published(observation).allowed_names = {"aggregator"};
    for (auto& apiserver : observation.apiservers) {
        for (auto& attempts : apiserver.attempts) attempts.timing = pairs;
    }
    return observation;
}

TEST(IdentityMasked, IsNoSeriesForAProbeInSystemMasters) {
    auto observation = recording::load("healthy", {.ssh = false, .as = As::admin});
    ASSERT_TRUE(observation.caller.is_system_masters);
    EXPECT_THAT(metrics_of(observation), Not(HasSubstr(family)));
}

TEST(IdentityMasked, IsZeroWhereTheFlowSchemasAgree) {
    const auto text = metrics_of(recording::load("healthy", {.ssh = false, .as = As::dev}));
    EXPECT_THAT(text, HasSubstr(std::string(family) + "cluster=\"demo\",apiservice=\"" + recording::wardle + "\"} 0"));
    EXPECT_THAT(text, Not(HasSubstr("\"} 1\naggmedic_identity")));
}

TEST(IdentityMasked, FollowsTheTimingWhereNothingElseTells) {
    const auto of = [&](const TimingPairs& pairs) { return metrics_of(timed(pairs)); };
    const auto series = std::string(family) + "cluster=\"demo\",apiservice=\"" + recording::wardle + "\"} ";
    EXPECT_THAT(of({.pairs = 40, .slower = 38, .jitter_us = 80}), HasSubstr(series + "0"));
    EXPECT_THAT(of({.pairs = 40, .slower = 21, .jitter_us = 80}), HasSubstr(series + "1"));
    EXPECT_THAT(of({.pairs = 40, .slower = 31, .jitter_us = 80}), Not(HasSubstr(family)));
    EXPECT_THAT(of({.pairs = 40, .slower = 21, .jitter_us = 501}), Not(HasSubstr(family)));
    EXPECT_THAT(of({.pairs = 10, .slower = 1, .jitter_us = 80}), Not(HasSubstr(family)));
}

}  // namespace
}  // namespace aggmedic::daemon
