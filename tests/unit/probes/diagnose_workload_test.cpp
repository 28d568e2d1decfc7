#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "disturbed.hpp"

// What the API and the logs show behind an APIService turns candidates into a cause.
namespace aggmedic::probes {

namespace {

using recording::As;
using testing::Contains;
using testing::Each;
using testing::ElementsAre;
using testing::IsEmpty;

Workload workload_of(const std::string& apiservice) {
    Workload workload;
    workload.apiservice = apiservice;
    return workload;
}

Observation with_workloads(Observation observation, const std::function<void(Workload&)>& change) {
    observation.workloads = {workload_of(recording::servicecatalog), workload_of(recording::wardle)};
    for (auto& workload : observation.workloads) change(workload);
    return observation;
}

Observation with_log(Observation observation, std::vector<LogFact> facts) {
    return with_workloads(std::move(observation), [&](Workload& workload) {
        ExtensionLog log;
        log.pod = "api-0";
        log.facts = facts;
        workload.logs = std::vector<ExtensionLog>{log};
    });
}

LogFact fact(LogEvent event, std::string common_name = {}) {
    LogFact made;
    made.event = event;
    made.common_name = std::move(common_name);
    made.count = 35;
    return made;
}

Observation recorded(const std::string& folder, bool ssh) {
    return recording::load(folder, {.ssh = ssh, .as = As::admin});
}

ServiceFacts service_at(std::string cluster_ip) {
    return {.type = "ClusterIP",
            .cluster_ip = std::move(cluster_ip),
            .has_selector = true,
            .has_port = true,
            .port_name = "",
            .target_port = ""};
}

PodFacts pod(bool ready) {
    PodFacts made;
    made.name = "api-0";
    made.ready = ready;
    made.phase = "Running";
    return made;
}

void expect_both(const Assessment& assessment, const std::string& cause, Confidence confidence) {
    ASSERT_EQ(assessment.findings.size(), 2U);
    for (const auto& finding : assessment.findings) {
        EXPECT_EQ(finding.cause, cause);
        EXPECT_EQ(finding.confidence, confidence) << finding.cause;
        EXPECT_EQ(finding.allow_list, AllowList::wrong);
    }
}

}  // namespace

struct LogRow {
    const char* folder;
    LogEvent event;
    const char* cause;
    Confidence confidence = Confidence::probable;
};
class RecordedWithItsLog : public testing::TestWithParam<LogRow> {};
// Anybody's certificate may be the one that a log refuses: certain takes the file.
TEST_P(RecordedWithItsLog, IsNamedWithoutSsh) {
    const auto& row = GetParam();
    expect_both(judge(with_log(recorded(row.folder, false), {fact(row.event)})), row.cause, row.confidence);
}
INSTANTIATE_TEST_SUITE_P(
    Table, RecordedWithItsLog,
    testing::Values(LogRow{"proxy-cert-other-ca", LogEvent::unknown_authority, "proxy-cert-wrong-issuer"},
                    LogRow{"proxy-cert-expired", LogEvent::certificate_expired, "proxy-cert-expired"},
                    LogRow{"proxy-cert-expired", LogEvent::incompatible_key_usage, "wrong-key-usage"},
                    LogRow{"proxy-cert-expired", LogEvent::certificate_not_yet_valid, "clock-skew"},
                    LogRow{"ext-no-configmap-access", LogEvent::config_map_forbidden, "no-auth-reader-binding",
                           Confidence::certain}));

TEST(Logs, ANameInALogIsNoGroundForAnything) {
    for (const bool ssh : {true, false}) {
        const auto with = judge(
            with_log(recorded("proxy-cert-expired", ssh), {fact(LogEvent::cn_not_allowed, "system:kube-scheduler")}));
        const auto without = judge(recorded("proxy-cert-expired", ssh));
        for (std::size_t i = 0; i < without.findings.size(); ++i) {
            EXPECT_EQ(with.findings.at(i).cause, without.findings[i].cause);
            EXPECT_EQ(with.findings.at(i).confidence, without.findings[i].confidence);
            EXPECT_EQ(with.findings.at(i).common_name, without.findings[i].common_name);
        }
    }
}

TEST(Logs, SeveralRefusalsAtOnceDecideNothing) {
    const auto assessment = judge(with_log(recorded("proxy-cert-other-ca", false),
                                           {fact(LogEvent::unknown_authority), fact(LogEvent::certificate_expired)}));
    for (const auto& finding : assessment.findings) EXPECT_EQ(finding.confidence, Confidence::ambiguous);
}

void start_pods(Observation& observation, TimePoint at) {
    for (auto& workload : observation.workloads) {
        workload.pods = std::vector<PodFacts>{pod(true)};
        workload.pods->front().started_at = at;
    }
}

TimePoint made_ca(Observation& observation) {
    return published(observation).requestheader_ca.front().not_before;
}

TEST(Logs, GoodCertificatesThatAreRefusedMeetAnOldCa) {
    auto observation = recorded("proxy-cert-expired", true);
    use_proxy(*observation.masters.at("m0"), "kubernetes.pem");
    const auto refused = [&](const LogFact& line) { return with_log(observation, {line}); };
    for (const auto& line : {fact(LogEvent::unknown_authority), fact(LogEvent::cn_not_allowed, "demo.pks.ik.am")}) {
        auto seen = refused(line);
        expect_both(judge(seen), "stale-ca-in-extension", Confidence::probable);
        start_pods(seen, made_ca(seen) + std::chrono::hours(1));
        expect_both(judge(seen), "stale-ca-in-extension", Confidence::probable);
        start_pods(seen, made_ca(seen) - std::chrono::hours(1));
        expect_both(judge(seen), "stale-ca-in-extension", Confidence::certain);
    }
    expect_both(judge(refused(fact(LogEvent::certificate_expired))), "clock-skew", Confidence::probable);
}

// The configuration may have changed in another part than the CA.
TEST(Logs, PodsThatAreOlderThanTheConfigurationMayHoldAnOldCa) {
    auto observation = with_log(recorded("proxy-cert-other-ca", false), {fact(LogEvent::unknown_authority)});
    start_pods(observation, made_ca(observation) + std::chrono::seconds(1));
    const auto started = made_ca(observation) + std::chrono::seconds(1);
    for (const auto changed : {std::optional<TimePoint>(), std::optional(started + std::chrono::hours(1))}) {
        published(observation).changed_at = changed;
        expect_both(judge(observation), "proxy-cert-wrong-issuer", Confidence::ambiguous);
    }
    published(observation).changed_at = started - std::chrono::hours(1);
    expect_both(judge(observation), "proxy-cert-wrong-issuer", Confidence::probable);
    start_pods(observation, made_ca(observation) - std::chrono::hours(48));
    expect_both(judge(observation), "stale-ca-in-extension", Confidence::ambiguous);
}

LogFact last_at(LogFact line, TimePoint at) {
    line.first = line.last = at;
    return line;
}

TEST(Logs, ALineThatIsNotRepeatedIsNoneOfALiveFault) {
    using std::chrono::minutes;
    for (const auto event : {LogEvent::unknown_authority, LogEvent::certificate_expired,
                             LogEvent::incompatible_key_usage, LogEvent::config_map_forbidden}) {
        const std::string folder =
            event == LogEvent::config_map_forbidden ? "ext-no-configmap-access" : "proxy-cert-other-ca";
        const auto at = [&](minutes ago) {
            return judge(with_log(recorded(folder, false), {last_at(fact(event), recording::now() - ago)}));
        };
        for (const auto& finding : at(minutes(2)).findings) EXPECT_NE(finding.confidence, Confidence::ambiguous);
        const auto old = at(minutes(15));
        EXPECT_THAT(causes_of(old), testing::SizeIs(2));
        for (const auto& finding : old.findings) EXPECT_EQ(finding.confidence, Confidence::ambiguous) << finding.cause;
    }
}

TEST(Logs, AnotherReasonBesideAMissingNameIsAmbiguous) {
    for (const auto event : {LogEvent::unknown_authority, LogEvent::certificate_expired,
                             LogEvent::certificate_not_in_date, LogEvent::incompatible_key_usage}) {
        auto observation = with_log(mismatch(), {fact(LogEvent::cn_not_allowed, "demo.pks.ik.am"), fact(event)});
        const auto assessment = judge(observation);
        ASSERT_FALSE(assessment.findings.empty());
        for (const auto& finding : assessment.findings) {
            EXPECT_EQ(finding.confidence, Confidence::ambiguous) << finding.cause;
            EXPECT_EQ(finding.allow_list, AllowList::wrong);
            EXPECT_THAT(finding.candidates, Contains("cn-not-allowed"));
        }
        for (auto& workload : observation.workloads)
            workload.logs->front().facts[1].last = recording::now() - std::chrono::hours(1);
        EXPECT_THAT(causes_of(judge(observation)), Each(std::string("cn-not-allowed")));
        EXPECT_EQ(judge(observation).findings.front().confidence, Confidence::certain);
    }
}

TEST(Logs, ARefusalThatComesAndGoesMayBeOneMasters) {
    auto observation = with_log(recorded("proxy-cert-other-ca", false), {fact(LogEvent::unknown_authority)});
    for (auto& apiserver : observation.apiservers) {
        for (auto& attempts : apiserver.attempts) attempts.discovery.front().status = 200;
    }
    for (const auto& finding : judge(observation).findings) {
        EXPECT_EQ(finding.confidence, Confidence::ambiguous);
        EXPECT_THAT(finding.candidates, Contains("masters-differ"));
    }
}

TEST(Logs, DatesThatAnOlderGoDoesNotTellApartAreAmbiguous) {
    const auto assessment =
        judge(with_log(recorded("proxy-cert-expired", false), {fact(LogEvent::certificate_not_in_date)}));
    expect_both(assessment, "proxy-cert-expired", Confidence::ambiguous);
    EXPECT_THAT(assessment.findings[0].candidates, ElementsAre("proxy-cert-expired", "clock-skew"));
}

TEST(Logs, NamesOfOtherComponentsAreNoise) {
    const auto assessment = judge(with_log(
        healthy(), {fact(LogEvent::cn_not_allowed, "system:kube-proxy"), fact(LogEvent::kubelet_unauthorized)}));
    EXPECT_THAT(causes_of(assessment),
                ElementsAre("noise-shared-ca-log", "backend-scrape-401", "noise-shared-ca-log", "backend-scrape-401"));
    for (const auto& finding : assessment.findings) EXPECT_EQ(finding.severity, Severity::info);
    EXPECT_EQ(assessment.findings[0].allow_list, AllowList::dangerous);
    EXPECT_EQ(state_of(assessment), ClusterState::healthy);
}

TEST(Logs, TheServersOwnDependenciesAreProbable) {
    auto observation = healthy(false);
    answer_all(observation, 500, "Internal Server Error");
    expect_both(judge(with_log(observation, {fact(LogEvent::name_not_resolved)})), "dns-or-webhook-of-extension",
                Confidence::probable);
    expect_both(judge(with_log(observation, {fact(LogEvent::access_review_forbidden)})), "no-auth-delegator",
                Confidence::certain);
}

TEST(Delegation, ThatIsMissingBehindARefusalIsASecondCause) {
    for (const bool ssh : {true, false}) {
        const auto observation =
            with_workloads(mismatch(ssh), [](Workload& workload) { workload.may_review_access = false; });
        const auto assessment = judge(observation);
        ASSERT_FALSE(assessment.findings.empty());
        for (const auto& finding : assessment.findings) {
            EXPECT_EQ(finding.confidence, Confidence::ambiguous);
            EXPECT_EQ(finding.allow_list, AllowList::wrong);
            EXPECT_THAT(finding.candidates, Contains("cn-not-allowed"));
            EXPECT_THAT(finding.candidates, Contains("no-auth-delegator"));
        }
        const auto bound = with_workloads(mismatch(ssh), [](Workload& each) { each.may_review_access = true; });
        EXPECT_THAT(causes_of(judge(bound)), Each(std::string("cn-not-allowed")));
    }
}

TEST(Delegation, ThatIsMissingIsNoFaultOfAnApiThatWorksOrIsAway) {
    const auto unbound = [](Workload& each) { each.may_review_access = false; };
    EXPECT_THAT(judge(with_workloads(healthy(), unbound)).findings, IsEmpty());
    EXPECT_THAT(causes_of(judge(with_workloads(recorded("extension-down", true), unbound))),
                Each(std::string("no-backend")));
}

TEST(Workloads, WithoutANamespaceTheApiServiceIsAnOrphan) {
    auto observation = healthy(false);
    answer_all(observation, 503, "service unavailable\n");
    set_condition(observation, "False", "ServiceNotFound", "service/api in \"ns\" is not present");
    expect_both(judge(with_workloads(observation, [](Workload& each) { each.namespace_exists = false; })),
                "orphan-apiservice", Confidence::certain);
    expect_both(judge(with_workloads(observation, [](Workload& each) { each.namespace_exists = true; })), "no-backend",
                Confidence::ambiguous);
}

TEST(Workloads, PodsThatAreNotReadyAreTheBackendThatIsMissing) {
    const auto observation = with_workloads(recorded("extension-down", false), [](Workload& each) {
        each.namespace_exists = true;
        each.service = service_at("10.0.0.1");
        each.pods = std::vector<PodFacts>{pod(false)};
        each.pods->front().waiting_reason = "CrashLoopBackOff";
    });
    expect_both(judge(observation), "no-backend", Confidence::certain);
    auto on_dead_nodes = observation;
    for (auto& workload : on_dead_nodes.workloads) workload.pods->front().node_ready = false;
    set_condition(on_dead_nodes, "False", "FailedDiscoveryCheck",
                  "failing or missing response from https://10.0.0.1:443: dial tcp 10.0.0.1:443: i/o timeout");
    answer_all(on_dead_nodes, 503, "service unavailable\n");
    expect_both(judge(on_dead_nodes), "backend-slow-or-node-dead", Confidence::certain);
}

TEST(Workloads, ReadyEndpointsEvictedPodsAndNamesOutsideAreNoMissingBackend) {
    const auto timed_out = [] {
        auto observation = healthy(false);
        answer_all(observation, 503, "service unavailable\n");
        set_condition(observation, "False", "FailedDiscoveryCheck",
                      "failing or missing response from https://10.0.0.1:443: dial tcp 10.0.0.1:443: i/o timeout");
        return observation;
    };
    const auto of_service = [](const char* type) {
        return ServiceFacts{.type = type,
                            .cluster_ip = "10.0.0.1",
                            .has_selector = true,
                            .has_port = std::string_view(type) == "ClusterIP",
                            .port_name = "",
                            .target_port = ""};
    };
    const auto evicted = with_workloads(timed_out(), [&](Workload& each) {
        each.service = of_service("ClusterIP");
        each.pods = std::vector<PodFacts>(16, pod(false));
        for (auto& gone : *each.pods) gone.phase = "Failed";
        EndpointFacts ready;
        ready.ready_count = 1;
        each.endpoints = ready;
    });
    const auto outside =
        with_workloads(timed_out(), [&](Workload& each) { each.service = of_service("ExternalName"); });
    for (const auto& observation : {evicted, outside}) {
        for (const auto& finding : judge(observation).findings) EXPECT_EQ(finding.confidence, Confidence::ambiguous);
    }
}

TEST(Workloads, ABackendThatMayNotReadTheConfigMapIsMissingAsAConsequence) {
    auto observation = with_log(recorded("ext-no-configmap-access", true), {fact(LogEvent::config_map_forbidden)});
    set_condition(observation, "False", "MissingEndpoints", "endpoints have no addresses");
    const auto assessment = judge(observation);
    EXPECT_THAT(causes_of(assessment),
                ElementsAre("no-auth-reader-binding", "no-backend", "no-auth-reader-binding", "no-backend"));
    EXPECT_EQ(assessment.findings[1].consequence_of, "no-auth-reader-binding");
}

struct LackRow {
    const char* cause;
    LogEvent event;
    void (*lose)(Observation&);
};
class ServersThatLackWhatTheyRead : public testing::TestWithParam<LackRow> {};
TEST_P(ServersThatLackWhatTheyRead, AreMissingAsAConsequenceOnlyWhereTheySaySo) {
    const auto& row = GetParam();
    auto observation = healthy();
    row.lose(observation);
    answer_all(observation, 503, "service unavailable\n");
    set_condition(observation, "False", "MissingEndpoints", "endpoints have no addresses");
    const auto crash_loop = [](Workload& each) {
        each.service = service_at("10.0.0.1");
        each.pods = std::vector<PodFacts>{pod(false)};
        each.pods->front().waiting_reason = "CrashLoopBackOff";
    };
    auto told = with_log(observation, {fact(row.event)});
    for (auto& workload : told.workloads) crash_loop(workload);
    const auto assessment = judge(told);
    ASSERT_THAT(causes_of(assessment), ElementsAre(row.cause, "no-backend", row.cause, "no-backend"));
    EXPECT_EQ(assessment.findings[0].confidence, Confidence::certain);
    EXPECT_EQ(assessment.findings[1].consequence_of, row.cause);
    // Nobody says why they are away: two causes, and neither is known to explain the other.
    for (const auto& finding : judge(with_workloads(observation, crash_loop)).findings) {
        EXPECT_EQ(finding.confidence, Confidence::ambiguous);
        EXPECT_THAT(finding.candidates, Contains(row.cause));
        EXPECT_THAT(finding.candidates, Contains("no-backend"));
    }
}
INSTANTIATE_TEST_SUITE_P(
    Table, ServersThatLackWhatTheyRead,
    testing::Values(LackRow{"no-requestheader-ca", LogEvent::requestheader_ca_missing,
                            [](Observation& seen) { published(seen).has_requestheader_ca = false; }},
                    LackRow{"auth-configmap-gone", LogEvent::requestheader_ca_missing,
                            [](Observation& seen) { published(seen) = PublishedAuth{}; }},
                    LackRow{"auth-configmap-gone", LogEvent::config_map_missing, [](Observation& seen) {
                                for (auto& each : seen.apiservers)
                                    each.published = Unobserved{.reason = "not-found", .detail = "HTTP 404"};
                            }}));

TEST(Workloads, ADiscoveryThatIsNoResourceListIsTheWrongAnswer) {
    auto observation = healthy(false, As::dev);
    each_answer(observation, recording::wardle, [](Answer& answer) { answer.is_resource_list = false; });
    const auto assessment = judge(observation);
    ASSERT_THAT(causes_of(assessment), ElementsAre("wrong-discovery-answer"));
    EXPECT_EQ(assessment.findings[0].confidence, Confidence::certain);
    each_answer(observation, recording::wardle, [](Answer& answer) { answer.is_resource_list = true; });
    EXPECT_THAT(judge(observation).findings, IsEmpty());
}

TEST(Workloads, ListsThatComeTooLateBesideADiscoveryThatComesAreASlowBackend) {
    auto observation = healthy(false, As::dev);
    const auto time_out = [](std::vector<Answer>& answers) {
        answers.resize(2);
        for (auto& answer : answers) {
            answer = Answer{};
            answer.failure = "timeout";
        }
    };
    for (auto& attempts : observation.apiservers.back().attempts) time_out(attempts.resource);
    expect_both(judge(observation), "backend-slow-or-node-dead", Confidence::probable);
    for (auto& attempts : observation.apiservers.back().attempts) attempts.resource.resize(1);  // one lost packet
    EXPECT_THAT(judge(observation).findings, IsEmpty());
}

Observation ended_a_moment_ago(Observation observation, int exit_code) {
    answer_all(observation, 503, "service unavailable\n");
    set_condition(observation, "False", "MissingEndpoints", "endpoints have no addresses");
    return with_workloads(std::move(observation), [&](Workload& each) {
        each.service = service_at("10.0.0.1");
        each.pods = std::vector<PodFacts>{pod(false)};
        each.pods->front().last_exit_at = recording::now() - std::chrono::seconds(20);
        each.pods->front().last_exit_code = exit_code;
    });
}

TEST(Workloads, PodsThatLeaveAsTheConfigurationMovesAreAStormAndNoMissingBackend) {
    auto observation = ended_a_moment_ago(healthy(), 0);
    published(observation).changed_at = recording::now() - std::chrono::seconds(25);
    const auto assessment = judge(observation);
    ASSERT_THAT(causes_of(assessment),
                ElementsAre("extension-restart-storm", "no-backend", "extension-restart-storm", "no-backend"));
    EXPECT_EQ(assessment.findings[0].confidence, Confidence::probable);
    EXPECT_EQ(assessment.findings[1].consequence_of, "extension-restart-storm");
    published(observation).changed_at = std::nullopt;  // before 1.18
    expect_both(judge(observation), "no-backend", Confidence::ambiguous);
}

TEST(Workloads, PodsThatEndWithAFaultAreNoStorm) {
    auto observation = ended_a_moment_ago(healthy(), 1);
    published(observation).changed_at = recording::now() - std::chrono::seconds(25);
    expect_both(judge(observation), "no-backend", Confidence::certain);
    published(observation).changed_at = std::nullopt;
    expect_both(judge(observation), "no-backend", Confidence::certain);
}

TEST(Workloads, AStormAfterAChangeIsAWarningForMinutes) {
    auto observation = with_workloads(healthy(), [](Workload& each) {
        each.pods = std::vector<PodFacts>{pod(true)};
        each.pods->front().last_exit_at = recording::now() - std::chrono::seconds(90);
    });
    published(observation).changed_at = recording::now() - std::chrono::seconds(100);
    EXPECT_THAT(causes_of(judge(observation)), Each(std::string("extension-restart-storm")));
    EXPECT_FALSE(judge(observation).findings.empty());
    published(observation).changed_at = recording::now() - std::chrono::hours(1);
    EXPECT_THAT(judge(observation).findings, IsEmpty());
}

TEST(Ways, AnHttpProxyIsTheCauseOnlyWhereNoProxyDoesNotCoverTheService) {
    struct Row {
        const char* no_proxy;
        bool is_cause;
        const char* service = "10.100.200.9";
    };
    for (const auto& row : {Row{"", true}, Row{"localhost,.internal", true}, Row{"10.100.0.0/16", false},
                            Row{"10.100.200.9", false}, Row{"*", false}, Row{"10.100.200.0/33", true},
                            Row{"10.99.0.0/16, 10.100.200.8/31", false}, Row{"fd00::/108", false, "fd00::9"},
                            Row{"fd00:0::9", false, "fd00::9"}, Row{"fd01::/108", true, "fd00::9"}}) {
        auto observation = healthy();
        answer_all(observation, 503, "error trying to reach service: EOF");
        observation = with_workloads(observation, [&](Workload& each) { each.service = service_at(row.service); });
        observation.masters.at("m0")->proxy_environment =
            std::map<std::string, std::string>{{"https_proxy", "http://proxy:3128"}, {"no_proxy", row.no_proxy}};
        for (const auto& finding : judge(observation).findings) {
            EXPECT_EQ(finding.cause, "http-proxy-env") << row.no_proxy;
            EXPECT_EQ(finding.confidence == Confidence::certain, row.is_cause) << row.no_proxy;
        }
    }
}

// With aggregator routing it is the pods that are dialled, and the service's address is beside the point.
TEST(Ways, WithAggregatorRoutingNoProxyHasToCoverThePods) {
    struct Row {
        const char* no_proxy;
        bool is_cause;
        const char* endpoint = "10.200.1.5:8443";
    };
    for (const auto& row : {Row{"10.100.0.0/16", true}, Row{"10.200.0.0/16", false}, Row{"10.200.1.5", false},
                            Row{"fd00::/108", false, "[fd00::9]:8443"}, Row{"fd01::/108", true, "[fd00::9]:8443"}}) {
        auto observation = healthy();
        answer_all(observation, 503, "error trying to reach service: EOF");
        observation = with_workloads(observation, [&](Workload& each) {
            each.service = service_at("10.100.200.9");
            each.endpoints = EndpointFacts{
                .source = "endpoints", .has_port = true, .ready_count = 1, .ready = {row.endpoint}, .not_ready = {}};
        });
        auto& master = *observation.masters.at("m0");
        master.process->arguments.flags["enable-aggregator-routing"] = {"true"};
        master.proxy_environment =
            std::map<std::string, std::string>{{"https_proxy", "http://proxy:3128"}, {"no_proxy", row.no_proxy}};
        const auto assessment = judge(observation);
        EXPECT_EQ(std::ranges::any_of(assessment.findings,
                                      [](const Finding& finding) {
                                          return finding.cause == "http-proxy-env" &&
                                                 finding.confidence == Confidence::certain;
                                      }),
                  row.is_cause)
            << row.no_proxy;
    }
}

TEST(Ways, APodThatRefusesIsReachedAndAPodThatIsSilentIsNot) {
    struct Row {
        std::vector<std::string> pods;
        std::string service;
        std::string certain;
    };
    for (const auto& row :
         {Row{{"timeout", "no-route"}, "timeout", "master-to-pod-blocked"}, Row{{"refused", "refused"}, "refused", ""},
          Row{{"refused", "timeout"}, "timeout", ""}, Row{{"failed"}, "failed", ""},
          Row{{"connected"}, "timeout", "no-service-routing"}, Row{{"connected"}, "refused", ""}}) {
        auto observation = healthy();
        answer_all(observation, 503, "error trying to reach service: dial tcp 10.0.0.1:443: i/o timeout");
        observation = with_workloads(observation, [](Workload& each) { each.pods = std::vector<PodFacts>{pod(true)}; });
        std::vector<BackendReach> tried;
        for (const auto& workload : observation.workloads) {
            tried.push_back({workload.apiservice, "10.100.200.9:443", "cluster-ip", row.service});
            for (const auto& outcome : row.pods)
                tried.push_back({workload.apiservice, "10.1.0.5:8443", "pod", outcome});
        }
        observation.masters.at("m0")->backends = tried;
        std::string certain;
        for (const auto& finding : judge(observation).findings) {
            if (finding.confidence == Confidence::certain) certain = finding.cause;
        }
        EXPECT_EQ(certain, row.certain) << row.pods[0] << " " << row.service;
    }
}

TEST(Ways, AServicesAddressIsNoWayWhereTheAggregatorDialsPodsItself) {
    for (const auto& [value, is_cause] : {std::pair<std::string, bool>{"", false}, {"true", false}, {"false", true}}) {
        auto observation = healthy();
        answer_all(observation, 503, "error trying to reach service: dial tcp 10.0.0.1:443: i/o timeout");
        observation = with_workloads(observation, [](Workload& each) { each.pods = std::vector<PodFacts>{pod(true)}; });
        auto& master = *observation.masters.at("m0");
        master.process->arguments.flags["enable-aggregator-routing"] = {value};
        std::vector<BackendReach> tried;
        for (const auto& workload : observation.workloads) {
            tried.push_back({workload.apiservice, "10.100.200.9:443", "cluster-ip", "timeout"});
            tried.push_back({workload.apiservice, "10.1.0.5:8443", "pod", "connected"});
        }
        master.backends = tried;
        const auto says_so = [](const Finding& finding) {
            return finding.cause == "no-service-routing" && finding.confidence == Confidence::certain;
        };
        EXPECT_EQ(std::ranges::any_of(judge(observation).findings, says_so), is_cause) << value;
        master.process = Unobserved{.reason = "not-found", .detail = ""};
        EXPECT_FALSE(std::ranges::any_of(judge(observation).findings, says_so)) << "the flag was not seen";
    }
}

TEST(Ways, AConnectionLostThroughOneMasterOnlyIsItsOwn) {
    auto observation = healthy();
    add_master(observation, "m1");
    for (auto& attempts : observation.apiservers.back().attempts) {
        for (auto* answers : {&attempts.discovery, &attempts.resource}) {
            for (auto& answer : *answers) {
                answer = Answer{};
                answer.status = 503;
                answer.body = "error trying to reach service: http2: client connection lost";
            }
        }
    }
    expect_both(judge(observation), "stale-http2-pool", Confidence::probable);
    const auto with_pods =
        with_workloads(observation, [](Workload& each) { each.pods = std::vector<PodFacts>{pod(true)}; });
    expect_both(judge(with_pods), "stale-http2-pool", Confidence::certain);
    EXPECT_EQ(judge(with_pods).findings[0].master, "m1");
}

TEST(Ways, NoAgentForALogIsNoAgentForTheApi) {
    auto observation = healthy(false);
    answer_all(observation, 503, "error trying to reach service: No agent available");
    expect_both(judge(with_workloads(
                    observation, [](Workload& each) { each.logs = Unobserved{.reason = "no-agent", .detail = ""}; })),
                "egress-tunnel-down", Confidence::certain);
}

TEST(Noise, AnonymousAccessThatIsOffIsInformation) {
    auto observation = healthy();
    Answer refused;
    refused.status = 401;
    observation.apiservers[1].anonymous = refused;
    const auto assessment = judge(observation);
    EXPECT_THAT(causes_of(assessment), ElementsAre("anonymous-discovery-hardening"));
    EXPECT_EQ(state_of(assessment), ClusterState::healthy);
}

}  // namespace aggmedic::probes
