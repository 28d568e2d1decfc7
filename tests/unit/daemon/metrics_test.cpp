#include "daemon/metrics.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace aggmedic::daemon {
namespace {

using testing::HasSubstr;
using testing::Not;

ClusterMetrics broken_cluster() {
    ClusterMetrics cluster;
    cluster.name = "demo";
    ObservationFacts facts;
    facts.at = TimePoint(std::chrono::milliseconds(1'700'000'000'250));
    facts.apiserver_up = {{"", true}, {"master/0", false}};
    facts.apis = {{.master = "", .apiservice = "v1beta1.metrics.k8s.io", .up = false, .status_code = 503},
                  {.master = "master/0", .apiservice = "v1beta1.metrics.k8s.io", .up = {}, .status_code = {}}};
    facts.proxy_certificates = {{.master = "master/0",
                                 .common_name = "demo\"\n\\x",
                                 .allowed = false,
                                 .not_after = TimePoint(std::chrono::seconds(1'800'000'000))}};
    facts.masked = {{"v1.catalog", true}};
    facts.shared_ca = true;
    facts.permanent_fix = false;
    cluster.last = facts;
    probes::Finding finding;
    finding.cause = "cn-not-allowed";
    finding.master = "master/0";
    cluster.findings = {finding, finding};
    cluster.counters.responses[{"", "v1beta1.metrics.k8s.io", "503"}] = 5;
    cluster.counters.failures[{"readyz", "timeout"}] = 2;
    cluster.counters.runs[{"person", "applied"}] = 1;
    cluster.plan_waits = true;
    cluster.start_guards = {"window"};
    cluster.plan_gates = {"disk-room"};
    cluster.drifted = {"master/0"};
    return cluster;
}

// The whole text: what alerts and dashboards see.
TEST(RenderMetrics, ShowsEveryFamilyThatIsKnown) {
    Durations probes({0.1, 1}), steps({1});
    probes.observe("readyz", 0.05);
    probes.observe("readyz", 3);
    steps.observe("swap", 0.5);
    Metrics metrics;
    metrics.clusters = {broken_cluster()};
    metrics.probe_durations = &probes;
    metrics.step_durations = &steps;
    metrics.reload_successful = false;
    metrics.suspended = true;
    const auto text = render(metrics);
    for (const auto* line :
         {"aggmedic_build_info{version=\"" AGGMEDIC_VERSION "\"} 1\n",
          "aggmedic_apiserver_up{cluster=\"demo\",master=\"\"} 1\n",
          "aggmedic_apiserver_up{cluster=\"demo\",master=\"master/0\"} 0\n",
          "aggmedic_aggregated_api_up{cluster=\"demo\",master=\"\",apiservice=\"v1beta1.metrics.k8s.io\"} 0\n",
          "aggmedic_aggregated_api_status_code{cluster=\"demo\",master=\"\",apiservice=\"v1beta1.metrics.k8s.io\"} "
          "503\n",
          "aggmedic_aggregated_api_responses_total{cluster=\"demo\",master=\"\",apiservice=\"v1beta1.metrics.k8s.io\","
          "code=\"503\"} 5\n",
          "aggmedic_proxy_client_certificate_not_after_timestamp_seconds{cluster=\"demo\",master=\"master/0\"} "
          "1800000000\n",
          "aggmedic_identity_masked{cluster=\"demo\",apiservice=\"v1.catalog\"} 1\n",
          "aggmedic_requestheader_ca_shared{cluster=\"demo\"} 1\n",
          "aggmedic_permanent_fix_present{cluster=\"demo\"} 0\n",
          "aggmedic_finding{cluster=\"demo\",master=\"master/0\",cause=\"cn-not-allowed\",severity=\"critical\"} 1\n",
          "aggmedic_observation_failures_total{cluster=\"demo\",probe=\"readyz\",reason=\"timeout\"} 2\n",
          "aggmedic_last_observation_timestamp_seconds{cluster=\"demo\"} 1700000000.25\n",
          "aggmedic_remediation_runs_total{cluster=\"demo\",trigger=\"person\",outcome=\"applied\"} 1\n",
          "aggmedic_remediation_in_progress{cluster=\"demo\"} 0\n",
          "aggmedic_remediation_paused{cluster=\"demo\"} 0\n",
          "aggmedic_remediation_suspended 1\n",
          "aggmedic_plan_waiting{cluster=\"demo\"} 1\n",
          "aggmedic_start_guard_refusing{cluster=\"demo\",guard=\"window\"} 1\n",
          "aggmedic_plan_gate_refusing{cluster=\"demo\",gate=\"disk-room\"} 1\n",
          "aggmedic_master_drifted{cluster=\"demo\",master=\"master/0\"} 1\n",
          "aggmedic_config_last_reload_successful 0\n",
          "aggmedic_probe_duration_seconds_bucket{probe=\"readyz\",le=\"0.1\"} 1\n",
          "aggmedic_probe_duration_seconds_bucket{probe=\"readyz\",le=\"+Inf\"} 2\n",
          "aggmedic_probe_duration_seconds_count{probe=\"readyz\"} 2\n",
          "aggmedic_remediation_step_duration_seconds_count{step=\"swap\"} 1\n"}) {
        EXPECT_THAT(text, HasSubstr(line));
    }
}

TEST(RenderMetrics, EveryFamilyHasItsHelp) {
    Metrics metrics;
    metrics.clusters = {broken_cluster()};
    metrics.process = read_process();
    const auto text = render(metrics);
    for (std::size_t at = text.find("# TYPE "); at != std::string::npos; at = text.find("# TYPE ", at + 1)) {
        const auto name = text.substr(at + 7, text.find(' ', at + 7) - at - 7);
        EXPECT_THAT(text, HasSubstr("# HELP " + name + " "));
    }
}

TEST(RenderMetrics, LeavesOutWhatIsNotKnown) {
    ClusterMetrics unseen;
    unseen.name = "new";
    Metrics metrics;
    metrics.clusters = {broken_cluster(), unseen};
    const auto text = render(metrics);
    EXPECT_THAT(text, Not(HasSubstr("aggmedic_aggregated_api_up{cluster=\"demo\",master=\"master/0\"")));
    EXPECT_THAT(text, Not(HasSubstr("aggmedic_last_observation_timestamp_seconds{cluster=\"new\"")));
    EXPECT_THAT(text, Not(HasSubstr("aggmedic_probe_duration_seconds")));
}

TEST(RenderMetrics, NothingOfACertificateEndsALineOrALabel) {
    Metrics metrics;
    metrics.clusters = {broken_cluster()};
    EXPECT_THAT(
        render(metrics),
        HasSubstr(
            "aggmedic_proxy_client_cn_allowed{cluster=\"demo\",master=\"master/0\",cn=\"demo\\\"\\\\x0a\\\\x\"} 0\n"));
}

probes::Answer answer(unsigned status) {
    probes::Answer made;
    made.status = status;
    if (status == 0) made.failure = "timeout";
    return made;
}

probes::Observation observation_with(std::vector<unsigned> discovery) {
    probes::ApiserverView view;
    view.master = "master/0";
    view.readyz = answer(200);
    view.control = answer(200);
    probes::ApiService apiservice;
    apiservice.name = "v1.a";
    view.apiservices = std::vector{apiservice};
    probes::ApiServiceAttempts attempts;
    attempts.apiservice = "v1.a";
    for (const auto status : discovery) attempts.discovery.push_back(answer(status));
    view.attempts = {attempts};
    probes::Observation observation;
    observation.cluster = "demo";
    observation.apiservers = {view};
    return observation;
}

TEST(ObservationFacts, AnApiIsUpOnlyWhenEveryAttemptWorks) {
    EXPECT_EQ(facts_of(observation_with({200, 200})).apis.at(0).up, true);
    const auto flapping = facts_of(observation_with({200, 503, 200}));
    EXPECT_EQ(flapping.apis.at(0).up, false);
    EXPECT_EQ(flapping.apis.at(0).status_code, 503U);
    const auto silent = facts_of(observation_with({0}));
    EXPECT_EQ(silent.apis.at(0).up, false);
    EXPECT_FALSE(silent.apis.at(0).status_code);
}

TEST(ObservationFacts, AStartingApiserverSaysNothingOfItsApis) {
    auto starting = observation_with({404, 404});
    starting.apiservers[0].readyz = answer(500);
    const auto facts = facts_of(starting);
    EXPECT_FALSE(facts.apiserver_up.at("master/0"));
    EXPECT_FALSE(facts.apis.at(0).up);
    EXPECT_FALSE(facts.shared_ca);
    EXPECT_FALSE(facts.permanent_fix);
}

TEST(ClusterCounters, CountAndForgetWithTheirSubject) {
    ClusterCounters counters;
    counters.count(observation_with({200, 0}));
    counters.count(observation_with({200}));
    EXPECT_EQ((counters.responses[{"master/0", "v1.a", "200"}]), 2U);
    EXPECT_EQ((counters.responses[{"master/0", "v1.a", "timeout"}]), 1U);
    auto without = observation_with({});
    without.apiservers[0].attempts.clear();
    without.apiservers[0].apiservices = std::vector<probes::ApiService>();
    counters.count(without);
    EXPECT_TRUE(counters.responses.empty());
}

TEST(ReadProcess, KnowsThisOne) {
    const auto process = read_process();
    ASSERT_TRUE(process);
    EXPECT_GT(process->resident_bytes, 100'000U);
    EXPECT_GT(process->open_fds, 2U);
    EXPECT_GT(process->start_time_seconds, 1e9);
}

}  // namespace
}  // namespace aggmedic::daemon
