#include "probes/aggregator_metrics.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "disturbed.hpp"
#include "probes/causes/case.hpp"

namespace aggmedic::probes {

namespace {

using testing::IsEmpty;
using testing::SizeIs;

std::vector<std::string> facts_of(const Assessment& assessment, std::string_view source) {
    std::vector<std::string> facts;
    for (const auto& finding : assessment.findings) {
        for (const auto& evidence : finding.evidence) {
            if (evidence.source == source) facts.push_back(evidence.fact);
        }
    }
    return facts;
}

bool any_contains(const std::vector<std::string>& texts, std::string_view part) {
    return std::ranges::any_of(texts, [&](const std::string& text) { return text.contains(part); });
}

Observation failing() {
    return recording::load("no-endpoints", {.ssh = false, .as = recording::As::dev});
}

}  // namespace

TEST(AggregatorMetrics, ReadsEveryGeneration) {
    struct Row {
        const char* gauge;
        const char* counter;
    };
    for (const auto& row : {Row{"_gauge", "_count"}, Row{"", "_count"}, Row{"", "_total"}}) {
        const auto stem = std::string("aggregator_unavailable_apiservice");
        const auto text = "# HELP x y\n" + stem + row.counter + "{name=\"v1.a\",reason=\"FailedDiscoveryCheck\"} 3\n" +
                          stem + row.gauge + "{name=\"v1.a\"} 1\n" + stem + row.gauge +
                          "{name=\"v1.b\"} 0\nother{name=\"v1.c\"} 1\n";
        const auto counts = parse_aggregator_metrics(text);
        ASSERT_THAT(counts, SizeIs(2)) << text;
        EXPECT_EQ(counts[0].apiservice, "v1.a");
        EXPECT_EQ(counts[0].unavailable, true);
        EXPECT_EQ(counts[0].times, (std::map<std::string, std::uint64_t>{{"FailedDiscoveryCheck", 3}}));
        EXPECT_EQ(counts[1].unavailable, false);
    }
}

TEST(AggregatorMetrics, ReadsWhatWasRecorded) {
    const auto counts = parse_aggregator_metrics(recording::read_fixture("no-endpoints/aggregator_metrics.txt"));
    ASSERT_THAT(counts, SizeIs(2));
    EXPECT_EQ(counts[1].apiservice, recording::servicecatalog);
    EXPECT_EQ(counts[1].unavailable, true);
    EXPECT_EQ(counts[1].times.at("MissingEndpoints"), 1U);
}

TEST(AggregatorMetrics, PassesOverWhatIsBrokenOrCut) {
    const std::string stem = "aggregator_unavailable_apiservice";
    for (const auto& text :
         {stem + "{name=\"v1.a\"} 1", stem + "{name=\"v1.a\n", stem + "{name=\"v1.a\\\n", stem + "{name=\"v1.a\"} x\n",
          stem + "{name=\"v1.a\"} -1\n", stem + "{name=\"v1.a\"} NaN\n", stem + "{} 1\n", stem + "{name=\"v1.a\"\n",
          stem + " 1\n", std::string("\n\n{}{}\n"), stem + "_total{name=\"v1.a\"} 1e300\n"}) {
        for (const auto& count : parse_aggregator_metrics(text)) {
            EXPECT_FALSE(count.unavailable) << text;
            EXPECT_THAT(count.times, IsEmpty()) << text;
        }
    }
}

TEST(AggregatorMetrics, KeepsBoundedManyOfAHostileList) {
    std::string text;
    for (int i = 0; i < 5000; ++i) {
        text += "aggregator_unavailable_apiservice{name=\"v" + std::to_string(i) + "\"} 1\n";
        text += "aggregator_unavailable_apiservice_total{name=\"v0\",reason=\"r" + std::to_string(i) + "\"} 1\n";
    }
    const auto counts = parse_aggregator_metrics(text);
    EXPECT_LE(counts.size(), 200U);
    for (const auto& count : counts) EXPECT_LE(count.times.size(), 16U);
}

TEST(Diagnose, TheAggregatorsCountIsEvidenceAndChangesNoVerdict) {
    auto observation = failing();
    const auto before = judge(observation);
    AggregatorMetrics metrics;
    metrics.apiservices = parse_aggregator_metrics(recording::read_fixture("no-endpoints/aggregator_metrics.txt"));
    for (auto& apiserver : observation.apiservers) apiserver.aggregator = metrics;
    const auto after = judge(observation);
    EXPECT_EQ(causes_of(after), causes_of(before));
    EXPECT_THAT(facts_of(before, "metrics"), IsEmpty());
    EXPECT_TRUE(any_contains(facts_of(after, "metrics"),
                             "finds it unavailable (unavailable since that process began: MissingEndpoints once)"));
}

TEST(Diagnose, MetricsThatAreRefusedAreMissedOnlyBesideAFinding) {
    const Unobserved refused{.reason = "forbidden", .detail = "get nonResourceURL /metrics"};
    auto observation = failing();
    for (auto& apiserver : observation.apiservers) apiserver.aggregator = refused;
    bool named = false;
    for (const auto& fact : judge(observation).unobserved)
        named = named || (fact.what == "aggregator metrics" && fact.reason.contains("/metrics"));
    EXPECT_TRUE(named);
    auto fine = healthy();
    for (auto& apiserver : fine.apiservers) apiserver.aggregator = refused;
    EXPECT_EQ(state_of(judge(fine)), ClusterState::healthy);
}

TEST(Latency, IsTheSlowestAnswerBesideTheApiserversOwn) {
    auto observation = failing();
    auto& view = observation.apiservers.front();
    view.control->milliseconds = 4;
    view.attempts.at(0).discovery.at(0).milliseconds = 4200;
    Through through;
    through.apiserver = &view;
    through.attempts = &view.attempts[0];
    const auto latency = latency_of(through);
    ASSERT_TRUE(latency);
    EXPECT_EQ(latency->slowest_ms, 4200U);
    EXPECT_EQ(latency->control_ms, 4U);
    EXPECT_TRUE(latency->is_slow());
    EXPECT_TRUE(any_contains(facts_of(judge(observation), "answer"), "took 4200 ms, where /api took 4 ms"));
    view.control->milliseconds = 900;  // the way is slow, not the API
    EXPECT_FALSE(latency_of(through)->is_slow());
    view.control = Unobserved{};
    EXPECT_FALSE(latency_of(through));
}

}  // namespace aggmedic::probes
