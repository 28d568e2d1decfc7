#include "tests/model/apiserver_start.hpp"

#include <gtest/gtest.h>

#include "tests/unit/model/recorded.hpp"

namespace aggmedic::model {
namespace {

constexpr double process_start = 21.98;  // on the recording's clock: /readyz turned 3.5 s after it

Seconds recorded_at(double instant) {
    return Seconds(instant - process_start);
}

TEST(ApiserverStart, ChecksTurnInTheRecordedOrder) {
    const ApiserverStart start({});
    const auto body_at = [&](double instant) { return start.checks_body(recorded_at(instant), "readyz"); };
    const auto recorded_body = [](const std::string& file) {
        return recorded::answer("recorded/restart/raw/" + file).body;
    };
    EXPECT_EQ(body_at(24.31), recorded_body("022.38-readyz.http"));
    EXPECT_EQ(body_at(24.43), recorded_body("024.41-readyz.http"));
    EXPECT_EQ(body_at(25.18), recorded_body("025.18-readyz.http"));
    EXPECT_EQ(body_at(25.29), recorded_body("025.28-readyz.http"));
    EXPECT_EQ(body_at(25.50), recorded_body("025.49-readyz.http"));
    EXPECT_EQ(start.checks_body(recorded_at(24.31), "healthz"), recorded_body("022.38-healthz.http"));
    EXPECT_EQ(start.checks_body(recorded_at(24.31), "livez"), recorded_body("022.38-livez.http"));
}

TEST(ApiserverStart, AggregatedPathsAreUnavailableThenMissingThenServed) {
    const ApiserverStart start({});
    const auto at = [&](double instant, std::size_t index) { return start.aggregated(recorded_at(instant), index, 2); };
    EXPECT_EQ(at(24.30, 0), AggregatedPaths::starting);
    EXPECT_EQ(at(24.42, 0), AggregatedPaths::not_found);
    EXPECT_EQ(at(24.85, 0), AggregatedPaths::serving);
    EXPECT_EQ(at(24.85, 1), AggregatedPaths::not_found);
    EXPECT_EQ(at(25.27, 1), AggregatedPaths::serving);
}

TEST(ApiserverStart, ReadyzTurnsLastAndWithinTheMeasuredTime) {
    const ApiserverStart start({});
    EXPECT_LT(start.port_opens(), start.answers_begin());
    EXPECT_LT(start.publishes(), start.becomes_ready());
    EXPECT_EQ(start.aggregated(start.becomes_ready(), 9, 10), AggregatedPaths::serving);
    EXPECT_GE(start.becomes_ready(), Seconds(3.4));
    EXPECT_LE(start.becomes_ready(), Seconds(3.9));
    EXPECT_NEAR((start.answers_begin() - start.port_opens()).count(), 1.9, 0.05);
}

TEST(ApiserverStart, ScalesAndCanBeSlower) {
    const ApiserverStart slow({.time_scale = 0.1, .slower_by = Seconds(30)});
    EXPECT_NEAR(slow.becomes_ready().count(), 30.35, 0.01);
    EXPECT_FALSE(slow.failing_checks(Seconds(30), "readyz").empty());
    EXPECT_TRUE(slow.failing_checks(Seconds(30.4), "readyz").empty());
}

}  // namespace
}  // namespace aggmedic::model
