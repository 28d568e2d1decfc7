#include "daemon/canary_timings.hpp"

#include <gtest/gtest.h>

#include "daemon/rare_answers.hpp"

namespace aggmedic::daemon {
namespace {

using namespace std::chrono_literals;

constexpr probes::TimingPairs healthy{.pairs = 40, .slower = 38, .jitter_us = 80};
constexpr probes::TimingPairs masked{.pairs = 40, .slower = 21, .jitter_us = 80};

probes::Answer answered(unsigned status) {
    probes::Answer answer;
    answer.status = status;
    return answer;
}

probes::Observation observed(std::initializer_list<const char*> apis, const std::string& config_version = "1") {
    probes::ApiserverView view;
    view.master = "m";
    view.readyz = view.control = answered(200);
    probes::PublishedAuth published;
    published.resource_version = config_version;
    view.published = published;
    for (const auto* api : apis) {
        probes::ApiServiceAttempts attempts;
        attempts.apiservice = api;
        attempts.discovery = {answered(200)};
        attempts.canary = {answered(404)};
        view.attempts.push_back(attempts);
    }
    probes::Observation observation;
    observation.apiservers = {view};
    return observation;
}

const probes::TimingPlace a{.master = "m", .apiservice = "a"}, b{.master = "m", .apiservice = "b"};

class CanaryTimingsTest : public testing::Test {
  protected:
    SteadyTime start{};
    CanaryTimings timings;
};

TEST_F(CanaryTimingsTest, OnePlaceAfterTheOtherThenHourly) {
    const auto seen = observed({"a", "b"});
    EXPECT_EQ(timings.due(seen, start), a);
    timings.store(seen, a, healthy, start);
    EXPECT_EQ(timings.due(seen, start + 30s), b);
    timings.store(seen, b, healthy, start + 30s);
    EXPECT_EQ(timings.due(seen, start + 59min), std::nullopt);
    EXPECT_EQ(timings.due(seen, start + 61min), a);
}

TEST_F(CanaryTimingsTest, AFailureToMeasureIsTriedAgainAfterAnHourToo) {
    const auto seen = observed({"a"});
    timings.store(seen, a, probes::Unobserved{.reason = "timeout", .detail = ""}, start);
    EXPECT_EQ(timings.due(seen, start + 59min), std::nullopt);
    EXPECT_EQ(timings.due(seen, start + 60min), a);
}

TEST_F(CanaryTimingsTest, WhatLooksMaskedIsAskedAgainEarlier) {
    const auto seen = observed({"a"});
    timings.store(seen, a, masked, start);
    EXPECT_EQ(timings.due(seen, start + 9min), std::nullopt);
    EXPECT_EQ(timings.due(seen, start + 10min), a);
}

TEST_F(CanaryTimingsTest, AVisibleChangeEndsWhatWasMeasured) {
    timings.store(observed({"a"}), a, masked, start);
    auto changed = observed({"a"}, "2");
    timings.merge_into(changed, start + 1min);
    EXPECT_FALSE(changed.apiservers[0].attempts[0].timing);
    EXPECT_EQ(timings.due(changed, start + 1min), a);
}

TEST_F(CanaryTimingsTest, IsMergedForTwoHours) {
    timings.store(observed({"a"}), a, healthy, start);
    auto later = observed({"a", "b"});
    timings.merge_into(later, start + 119min);
    ASSERT_TRUE(later.apiservers[0].attempts[0].timing);
    EXPECT_EQ(*later.apiservers[0].attempts[0].timing, healthy);
    EXPECT_FALSE(later.apiservers[0].attempts[1].timing);
    auto too_late = observed({"a"});
    timings.merge_into(too_late, start + 121min);
    EXPECT_FALSE(too_late.apiservers[0].attempts[0].timing);
}

TEST(RareAnswers, MetricsAreAskedOnceAnIntervalAndKept) {
    RareAnswers rare;
    const SteadyTime start{};
    probes::ProbeSettings settings;
    rare.choose(settings, 5min, start);
    EXPECT_TRUE(settings.aggregator_metrics);
    auto nothing_failed = observed({"a"});
    rare.fold(nothing_failed, 5min, start);
    rare.choose(settings, 5min, start + 30s);
    EXPECT_TRUE(settings.aggregator_metrics) << "it was chosen, and not asked";

    auto brought = observed({"a"});
    probes::AggregatorMetrics metrics;
    metrics.apiservices = {{.apiservice = "a", .unavailable = true, .times = {}}};
    brought.apiservers[0].aggregator = metrics;
    rare.fold(brought, 5min, start + 30s);
    rare.choose(settings, 5min, start + 60s);
    EXPECT_FALSE(settings.aggregator_metrics);
    auto next = observed({"a"});
    rare.fold(next, 5min, start + 60s);
    ASSERT_TRUE(next.apiservers[0].aggregator);
    EXPECT_EQ(*next.apiservers[0].aggregator, metrics);
    rare.choose(settings, 5min, start + 6min);
    EXPECT_TRUE(settings.aggregator_metrics);
}

TEST(RareAnswers, WhatTheCanaryMayNotGetIsAskedHourly) {
    RareAnswers rare;
    const SteadyTime start{};
    probes::ProbeSettings settings;
    auto first = observed({"a"});
    first.canary_beyond = answered(404);
    rare.fold(first, 5min, start);
    rare.choose(settings, 5min, start + 59min);
    EXPECT_FALSE(settings.canary_beyond);
    auto next = observed({"a"});
    rare.fold(next, 5min, start + 59min);
    ASSERT_TRUE(next.canary_beyond);
    EXPECT_EQ(next.canary_beyond->status, 404U);
    rare.choose(settings, 5min, start + 60min);
    EXPECT_TRUE(settings.canary_beyond);
}

}  // namespace
}  // namespace aggmedic::daemon
