#include "probes/diagnose.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <nlohmann/json.hpp>
#include <random>

#include "net/text.hpp"
#include "recording.hpp"

namespace aggmedic::probes {

namespace {

using recording::As;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

Assessment judge(const Observation& observation) {
    return diagnose(observation, recording::now());
}

Observation healthy(bool ssh = true, As as = As::admin) {
    return recording::load("healthy", {.ssh = ssh, .as = as});
}
Observation mismatch(bool ssh = true, As as = As::admin) {
    return recording::load("cn-not-allowed-separate-client-ca", {.ssh = ssh, .as = as});
}

std::vector<std::string> causes_of(const Assessment& assessment) {
    std::vector<std::string> found;
    for (const auto& finding : assessment.findings) found.push_back(finding.cause);
    return found;
}

std::string unobserved_of(const Assessment& assessment) {
    std::string text;
    for (const auto& fact : assessment.unobserved) text += fact.what + "|" + fact.master + "|" + fact.reason + "\n";
    return text;
}

// Adds a master like m0, over HTTPS and, where there is SSH, over that.
void add_master(Observation& observation, const std::string& name) {
    auto view = observation.apiservers.back();
    view.master = name;
    observation.apiservers.push_back(view);
    if (observation.masters.empty()) return;
    auto master = observation.masters.at("m0");
    if (master) master->master = name;
    observation.masters[name] = master;
}

PublishedAuth& published(Observation& observation) {
    return *observation.apiservers.front().published;
}

void each_answer(Observation& observation, const std::string& apiservice, const std::function<void(Answer&)>& change) {
    for (auto& apiserver : observation.apiservers) {
        for (auto& attempts : apiserver.attempts) {
            if (!apiservice.empty() && attempts.apiservice != apiservice) continue;
            for (auto* answers : {&attempts.discovery, &attempts.resource}) std::ranges::for_each(*answers, change);
        }
    }
}

void answer_all(Observation& observation, unsigned status, const std::string& body) {
    each_answer(observation, "", [&](Answer& answer) {
        answer = Answer{};
        answer.status = status;
        answer.body = body;
    });
}

void set_condition(Observation& observation, const std::string& status, const std::string& reason,
                   const std::string& message) {
    for (auto& apiservice : *observation.apiservers.front().apiservices) {
        apiservice.available = status;
        apiservice.reason = reason;
        apiservice.message = message;
    }
}

void set_live_names(MasterView& master, const std::string& csv) {
    master.process->arguments.flags["requestheader-allowed-names"] = {csv};
}

void use_proxy(MasterView& master, const std::string& pem) {
    for (auto& file : master.files) {
        if (file.flag == "proxy-client-cert-file") file.certificates = recording::certificates("pki/" + pem);
    }
}

}  // namespace

// --- structure ----------------------------------------------------------------------------------------------------

TEST(Diagnose, AMissingNameThatHasNotStruckIsAWarningForTheCluster) {
    auto observation = healthy();
    published(observation).client_ca = recording::certificates("pki/clients_ca.pem");
    published(observation).allowed_names = {"aggregator"};  // servers that read once still hold the old list
    const auto assessment = judge(observation);
    ASSERT_THAT(causes_of(assessment), ElementsAre("cn-not-allowed"));
    EXPECT_EQ(assessment.findings[0].apiservice, "");
    EXPECT_EQ(assessment.findings[0].severity, Severity::warning);
    EXPECT_EQ(assessment.findings[0].confidence, Confidence::certain);
    EXPECT_EQ(assessment.findings[0].common_name, "demo.pks.ik.am");
}

TEST(Diagnose, TheNameIsJudgedByTheConfigMapNotByTheFlag) {
    auto observation = mismatch();
    set_live_names(*observation.masters.at("m0"), "aggregator,demo.pks.ik.am");
    EXPECT_THAT(causes_of(judge(observation)), ElementsAre("cn-not-allowed", "cn-not-allowed"));
}

TEST(Diagnose, AnEmptyOrMissingListRefusesNobody) {
    for (const auto& names : {std::optional(std::vector<std::string>{}), std::optional<std::vector<std::string>>{}}) {
        auto observation = healthy();
        published(observation).allowed_names = names;
        EXPECT_THAT(judge(observation).findings, IsEmpty());
    }
}

TEST(Diagnose, AMalformedListIsUnobserved) {
    auto observation = healthy();
    published(observation).allowed_names.reset();
    published(observation).allowed_names_malformed = true;
    const auto assessment = judge(observation);
    EXPECT_THAT(assessment.findings, IsEmpty());
    EXPECT_THAT(unobserved_of(assessment), HasSubstr("published allowed names"));
}

TEST(Diagnose, ReservedNamesAreNeverRight) {
    for (const auto* name : {"admin", "system:masters", "kubelet", "a,b", "", "x..y"}) {
        auto observation = mismatch();
        for (auto& file : observation.masters.at("m0")->files) {
            if (file.flag == "proxy-client-cert-file") file.certificates[0].common_name = name;
        }
        for (const auto& finding : judge(observation).findings) EXPECT_EQ(finding.allow_list, AllowList::wrong) << name;
    }
}

TEST(Diagnose, TheCertificateOfTheLiveProcessCountsNotTheFileThatWillBe) {
    auto observation = mismatch();
    auto& master = *observation.masters.at("m0");
    master.process->arguments.flags["proxy-client-cert-file"] = {"/elsewhere.pem"};
    const auto assessment = judge(observation);
    for (const auto& finding : assessment.findings) EXPECT_NE(finding.confidence, Confidence::certain) << finding.cause;
    EXPECT_THAT(unobserved_of(assessment), HasSubstr("proxy-client certificate|m0"));
}

struct CertificateRow {
    const char *pem, *cause;
};
class CertificateFault : public testing::TestWithParam<CertificateRow> {};
TEST_P(CertificateFault, IsCertainOverSsh) {
    auto observation = recording::load("proxy-cert-expired", {.ssh = true, .as = As::admin});
    use_proxy(*observation.masters.at("m0"), GetParam().pem);
    const auto assessment = judge(observation);
    ASSERT_THAT(causes_of(assessment), ElementsAre(GetParam().cause, GetParam().cause));
    EXPECT_EQ(assessment.findings[0].confidence, Confidence::certain);
    EXPECT_EQ(assessment.findings[0].allow_list, AllowList::wrong);
}
INSTANTIATE_TEST_SUITE_P(Table, CertificateFault,
                         testing::Values(CertificateRow{"proxy-other-ca.pem", "proxy-cert-wrong-issuer"},
                                         CertificateRow{"proxy-expired.pem", "proxy-cert-expired"},
                                         CertificateRow{"proxy-server-eku.pem", "wrong-key-usage"},
                                         CertificateRow{"proxy-empty-cn.pem", "cn-not-allowed"},
                                         CertificateRow{"proxy-comma-cn.pem", "cn-not-allowed"}));

TEST(Diagnose, ACertificateThatIsNotYetValidIsOutsideItsPeriod) {
    auto observation = recording::load("proxy-cert-expired", {.ssh = true, .as = As::admin});
    use_proxy(*observation.masters.at("m0"), "kubernetes.pem");
    const auto before = recording::certificates("pki/kubernetes.pem")[0].not_before - std::chrono::seconds(30);
    const auto assessment = diagnose(observation, before);
    EXPECT_THAT(causes_of(assessment), testing::Contains("proxy-cert-expired"));
}

TEST(Diagnose, NoProxyClientCertificateAtAll) {
    auto observation = recording::load("proxy-cert-expired", {.ssh = true, .as = As::admin});
    observation.masters.at("m0")->process->arguments.flags.erase("proxy-client-cert-file");
    EXPECT_THAT(causes_of(judge(observation)), ElementsAre("no-proxy-client-cert", "no-proxy-client-cert"));
}

TEST(Diagnose, GoodCertificatesAndARefusalPointAtTheExtension) {
    auto observation = recording::load("proxy-cert-expired", {.ssh = true, .as = As::admin});
    use_proxy(*observation.masters.at("m0"), "kubernetes.pem");
    const auto assessment = judge(observation);
    ASSERT_THAT(causes_of(assessment), ElementsAre("stale-ca-in-extension", "stale-ca-in-extension"));
    EXPECT_EQ(assessment.findings[0].confidence, Confidence::ambiguous);
}

TEST(Diagnose, TheConfigMapItself) {
    auto gone = healthy();
    gone.apiservers[0].published = Unobserved{.reason = "not-found", .detail = ""};
    EXPECT_THAT(causes_of(judge(gone)), ElementsAre("auth-configmap-gone"));
    auto no_ca = mismatch();
    published(no_ca).has_requestheader_ca = false;
    EXPECT_THAT(causes_of(judge(no_ca)), ElementsAre("no-requestheader-ca", "no-requestheader-ca"));
    auto no_headers = healthy();
    published(no_headers).username_headers.clear();
    EXPECT_THAT(causes_of(judge(no_headers)), ElementsAre("header-names-missing"));
}

// --- identity -----------------------------------------------------------------------------------------------------

TEST(Diagnose, AllMaskedAndABlindCredentialIsUnobservedNotHealthy) {
    auto observation = recording::load("healthy", {.ssh = false, .as = As::admin});
    published(observation).allowed_names = {"aggregator"};
    const auto assessment = judge(observation);
    EXPECT_THAT(assessment.findings, IsEmpty());
    EXPECT_EQ(state_of(assessment), ClusterState::unknown);
    EXPECT_THAT(unobserved_of(assessment), HasSubstr("identity behind the 200s"));
}

TEST(Diagnose, AllMaskedIsSeenByADifferingPairOfFlowSchemas) {
    auto observation = recording::load("cn-not-allowed", {.ssh = false, .as = As::dev});
    // As with service-catalog 0.1.42: the other API is masked too, but shows no pair.
    for (auto& apiserver : observation.apiservers) {
        for (auto& answer : apiserver.attempts[0].discovery) answer = recording::answer("healthy/discovery.http");
        for (auto& answer : apiserver.attempts[0].resource)
            answer = recording::answer("healthy/resource.dev-user.http");
    }
    const auto assessment = judge(observation);
    EXPECT_THAT(causes_of(assessment),
                ElementsAre("cn-not-allowed", "identity-collapse", "cn-not-allowed", "identity-collapse"));
    for (const auto& finding : assessment.findings) EXPECT_EQ(finding.confidence, Confidence::probable);
}

TEST(Diagnose, TheCanaryTellsWithoutSsh) {
    struct Row {
        const char* what;
        unsigned status;
        std::vector<std::string> pair;
        std::optional<std::string> user;
        std::vector<std::string> causes;
        bool open;
    };
    const std::vector<Row> rows{
        {"404 with an agreeing pair: the right caller", 404, {"a", "a"}, std::nullopt, {}, false},
        {"404 with a differing pair: masked",
         404,
         {"a", "b"},
         std::nullopt,
         {"cn-not-allowed", "identity-collapse"},
         false},
        {"404 without a pair: a powerful CN gets that too", 404, {}, std::nullopt, {}, true},
        {"403 as the CN", 403, {"a", "b"}, "demo.pks.ik.am", {"cn-not-allowed", "identity-collapse"}, false},
        {"403 as the canary itself: its permission is missing", 403, {"a"}, "system:serviceaccount:x:canary", {}, true},
    };
    for (const auto& row : rows) {
        auto observation = recording::load("healthy", {.ssh = false, .as = As::admin});
        published(observation).allowed_names = {"aggregator"};
        for (auto& apiserver : observation.apiservers) {
            apiserver.attempts.erase(apiserver.attempts.begin());  // wardle alone
            Answer canary;
            canary.status = row.status;
            canary.flow_schemas = row.pair;
            canary.forbidden_user = row.user;
            apiserver.attempts[0].canary = {canary};
        }
        auto& list = *observation.apiservers[0].apiservices;
        list.erase(list.begin());
        const auto assessment = judge(observation);
        EXPECT_EQ(causes_of(assessment), row.causes) << row.what;
        EXPECT_EQ(unobserved_of(assessment).contains("identity behind"), row.open) << row.what;
        if (row.user == "demo.pks.ik.am") EXPECT_EQ(assessment.findings.back().confidence, Confidence::certain);
    }
}

TEST(Diagnose, AnAgreeingPairOfABlindOrUnknownCallerProvesNothing) {
    auto observation = recording::load("healthy", {.ssh = false, .as = As::dev});
    published(observation).allowed_names = {"aggregator"};
    EXPECT_EQ(state_of(judge(observation)), ClusterState::healthy);  // dev's pair agrees: the guess is refuted
    observation.caller = {};
    EXPECT_EQ(state_of(judge(observation)), ClusterState::unknown);
}

TEST(Diagnose, A403ThatNamesAStrangerIsTheProxysName) {
    auto observation = mismatch(false, As::dev);
    for (auto& apiserver : observation.apiservers) apiserver.serving = Unobserved{};
    each_answer(observation, recording::wardle,
                [](Answer& answer) { answer = recording::answer("proxy-cert-no-masters/resource.wardle.http"); });
    const auto assessment = judge(observation);
    const auto at = std::ranges::find_if(assessment.findings, [](const Finding& finding) {
        return finding.cause == "cn-not-allowed" && finding.apiservice == recording::wardle;
    });
    ASSERT_NE(at, assessment.findings.end());
    EXPECT_EQ(at->common_name, "demo.pks.ik.am");
    EXPECT_EQ(at->confidence, Confidence::probable);
}

TEST(Diagnose, ACallersOwn403IsNotOurBusiness) {
    auto observation = healthy(true, As::dev);
    each_answer(observation, "", [](Answer& answer) {
        answer.status = 403;
        answer.flow_schemas = {"a"};
        answer.forbidden_user = "dev";
    });
    EXPECT_THAT(judge(observation).findings, IsEmpty());
}

// --- backends -----------------------------------------------------------------------------------------------------

struct BackendRow {
    const char *body, *reason, *message, *cause;
    Confidence confidence;
};
class Backend : public testing::TestWithParam<BackendRow> {};
TEST_P(Backend, IsNamedByConditionOrBody) {
    const auto& row = GetParam();
    for (const bool ssh : {true, false}) {
        auto observation = healthy(ssh);
        answer_all(observation, 503, row.body);
        if (row.reason[0] != '\0') set_condition(observation, "False", row.reason, row.message);
        const auto assessment = judge(observation);
        ASSERT_EQ(assessment.findings.size(), 2U) << row.body << row.message;
        for (const auto& finding : assessment.findings) {
            EXPECT_EQ(finding.cause, row.cause) << row.body << row.message;
            EXPECT_EQ(finding.confidence, row.confidence) << row.body << row.message;
            EXPECT_EQ(finding.allow_list, AllowList::wrong);
            if (row.confidence == Confidence::ambiguous) EXPECT_EQ(finding.candidates.at(0), row.cause);
        }
    }
}
constexpr auto unavailable = "service unavailable\n";
constexpr auto check = "FailedDiscoveryCheck";
#define AGGMEDIC_REACH "error trying to reach service: "
INSTANTIATE_TEST_SUITE_P(
    Table, Backend,
    testing::Values(
        BackendRow{unavailable, "ServiceNotFound", "service/api in \"ns\" is not present", "no-backend",
                   Confidence::certain},
        BackendRow{unavailable, "ServicePortError", "service/api is not listening on port 443", "no-backend",
                   Confidence::certain},
        BackendRow{unavailable, "EndpointsNotFound", "cannot find endpoints for service/api", "no-backend",
                   Confidence::certain},
        BackendRow{unavailable, "MissingEndpoints",
                   "endpointslices for service/api have no addresses with port name \"https\"", "no-backend",
                   Confidence::certain},
        BackendRow{unavailable, check,
                   "failing or missing response from https://10.0.0.1:443/apis/g/v: Get \"https://10.0.0.1\": dial tcp "
                   "10.0.0.1:443: connect: connection refused",
                   "no-backend", Confidence::ambiguous},
        BackendRow{unavailable, check,
                   "no response from https://10.0.0.1:443: Get https://10.0.0.1:443: net/http: request canceled while "
                   "waiting for connection (Client.Timeout exceeded while awaiting headers)",
                   "master-to-pod-blocked", Confidence::ambiguous},
        BackendRow{
            unavailable, check,
            "failing or missing response from https://10.0.0.1:443: dial tcp 10.0.0.1:443: connect: no route to host",
            "master-to-pod-blocked", Confidence::ambiguous},
        BackendRow{unavailable, check,
                   "failing or missing response from https://10.0.0.1:443: bad status from https://10.0.0.1:443: 404",
                   "wrong-discovery-answer", Confidence::ambiguous},
        BackendRow{unavailable, check,
                   "failing or missing response from https://10.0.0.1:443: bad status from https://10.0.0.1:443: 403",
                   "no-auth-delegator", Confidence::ambiguous},
        BackendRow{unavailable, check,
                   "failing or missing response from https://10.0.0.1:443: Get \"https://10.0.0.1\": Forbidden",
                   "http-proxy-env", Confidence::ambiguous},
        BackendRow{unavailable, check,
                   "failing or missing response from https://10.0.0.1:443: Get \"https://10.0.0.1\": x509: certificate "
                   "signed by unknown authority",
                   "serving-cert-untrusted", Confidence::certain},
        BackendRow{unavailable, "", "", "no-backend", Confidence::ambiguous},
        BackendRow{AGGMEDIC_REACH "x509: certificate is valid for localhost, not api.ns.svc", "", "",
                   "serving-cert-untrusted", Confidence::certain},
        BackendRow{AGGMEDIC_REACH "dial tcp 10.0.0.1:443: connect: connection refused", "", "", "no-backend",
                   Confidence::ambiguous},
        BackendRow{AGGMEDIC_REACH "dial tcp 10.0.0.1:443: i/o timeout", "", "", "master-to-pod-blocked",
                   Confidence::ambiguous},
        BackendRow{AGGMEDIC_REACH "http2: client connection lost", "", "", "stale-http2-pool", Confidence::ambiguous},
        BackendRow{AGGMEDIC_REACH "No agent available", "", "", "egress-tunnel-down", Confidence::probable},
        BackendRow{AGGMEDIC_REACH "EOF", "", "", "http-proxy-env", Confidence::ambiguous}));

TEST(Diagnose, TheAuthorizersOwnFaultIsSeenByOrdinaryCallersOnly) {
    auto observation = healthy(false, As::dev);
    for (auto& apiserver : observation.apiservers) {
        for (auto& attempts : apiserver.attempts) {
            for (auto& answer : attempts.resource) {
                answer.status = 500;
                answer.body =
                    R"(Internal Server Error: "/apis": subjectaccessreviews.authorization.k8s.io is forbidden: User "catalog-apiserver" cannot create)";
            }
        }
    }
    EXPECT_THAT(causes_of(judge(observation)), ElementsAre("no-auth-delegator", "no-auth-delegator"));
}

TEST(Diagnose, AnApiThatNeverAnswersIsAFindingAndUnobserved) {
    auto observation = healthy(false);
    each_answer(observation, recording::wardle, [](Answer& answer) {
        answer = Answer{};
        answer.failure = "timeout";
    });
    const auto assessment = judge(observation);
    EXPECT_THAT(causes_of(assessment), ElementsAre("backend-slow-or-node-dead"));
    EXPECT_THAT(unobserved_of(assessment), HasSubstr("aggregated API v1alpha1.wardle.example.com||timeout"));
}

TEST(Diagnose, OneLostPacketOrOneBadReplicaRaisesNothing) {
    for (const unsigned status : {0U, 401U, 503U}) {
        auto observation = healthy();
        auto& answer = observation.apiservers[1].attempts[0].discovery[2];
        answer = Answer{};
        answer.status = status;
        answer.failure = status == 0 ? "timeout" : "";
        EXPECT_EQ(state_of(judge(observation)), ClusterState::healthy) << status;
    }
}

TEST(Diagnose, AnApiThatFailsThroughOneMasterOnlyNamesIt) {
    auto observation = healthy();
    add_master(observation, "m1");
    for (auto& attempts : observation.apiservers.back().attempts) {
        for (auto* answers : {&attempts.discovery, &attempts.resource}) {
            for (auto& answer : *answers) {
                answer = Answer{};
                answer.status = 503;
                answer.body = "error trying to reach service: dial tcp 10.0.0.1:443: connect: no route to host";
            }
        }
    }
    const auto assessment = judge(observation);
    ASSERT_THAT(causes_of(assessment), ElementsAre("master-to-pod-blocked", "master-to-pod-blocked"));
    EXPECT_EQ(assessment.findings[0].master, "m1");
}

// --- masters ------------------------------------------------------------------------------------------------------

TEST(Diagnose, APartlyRepairedClusterNamesTheMastersThatLackTheName) {
    auto observation = healthy();
    published(observation).client_ca = recording::certificates("pki/clients_ca.pem");
    add_master(observation, "m1");
    set_live_names(*observation.masters.at("m1"), "aggregator");
    const auto assessment = judge(observation);
    ASSERT_THAT(causes_of(assessment), ElementsAre("masters-differ"));
    const auto& finding = assessment.findings[0];
    EXPECT_EQ(finding.severity, Severity::warning);
    EXPECT_EQ(finding.confidence, Confidence::certain);
    EXPECT_EQ(finding.allow_list, AllowList::right);
    EXPECT_EQ(finding.common_name, "demo.pks.ik.am");
    EXPECT_THAT(finding.evidence,
                testing::Contains(testing::Field(&Evidence::fact, HasSubstr("without its certificate's CN"))));
    published(observation).client_ca = published(observation).requestheader_ca;
    EXPECT_EQ(judge(observation).findings.at(0).allow_list, AllowList::dangerous);
}

TEST(Diagnose, OtherDifferencesOfTheFlagAreNotForTheList) {
    for (const auto* names : {"aggregator,demo.pks.ik.am,other", "other", ""}) {
        auto observation = healthy();
        add_master(observation, "m1");
        set_live_names(*observation.masters.at("m1"), names);
        const auto assessment = judge(observation);
        ASSERT_THAT(causes_of(assessment), ElementsAre("masters-differ")) << names;
        EXPECT_EQ(assessment.findings[0].allow_list, AllowList::wrong) << names;
    }
}

TEST(Diagnose, EachMasterMayHaveItsOwnCertificateOfTheSameNameAndCa) {
    auto observation = healthy();
    add_master(observation, "m1");
    use_proxy(*observation.masters.at("m1"), "proxy-no-masters.pem");
    EXPECT_THAT(judge(observation).findings, IsEmpty());
}

TEST(Diagnose, DifferentCasAreADifference) {
    auto observation = healthy();
    add_master(observation, "m1");
    for (auto& file : observation.masters.at("m1")->files) {
        if (file.flag == "requestheader-client-ca-file")
            file.certificates = recording::certificates("pki/other_ca.pem");
    }
    const auto assessment = judge(observation);
    ASSERT_THAT(causes_of(assessment), ElementsAre("masters-differ"));
    EXPECT_EQ(assessment.findings[0].allow_list, AllowList::wrong);
}

TEST(Diagnose, OneMasterWithAnotherNameIsItsOwnFinding) {
    auto observation = mismatch();
    published(observation).allowed_names = {"aggregator", "demo.pks.ik.am"};
    add_master(observation, "m1");
    use_proxy(*observation.masters.at("m1"), "proxy-aggregator.pem");
    published(observation).allowed_names = {"demo.pks.ik.am"};
    const auto assessment = judge(observation);
    EXPECT_THAT(causes_of(assessment),
                ElementsAre("cn-not-allowed", "cn-not-allowed", "masters-differ", "masters-differ"));
    EXPECT_EQ(assessment.findings[0].master, "m1");
    EXPECT_EQ(assessment.findings[2].consequence_of, "cn-not-allowed");
}

TEST(Diagnose, AFileThatIsNotWhatRunsIsPending) {
    auto observation = healthy();
    auto& master = *observation.masters.at("m0");
    set_live_names(master, "aggregator");
    master.file_equals_process = false;
    master.differing_flags = {"requestheader-allowed-names"};
    const auto assessment = judge(observation);
    ASSERT_THAT(causes_of(assessment), ElementsAre("pending-restart"));
    EXPECT_EQ(assessment.findings[0].master, "m0");
    EXPECT_EQ(assessment.findings[0].severity, Severity::warning);
    EXPECT_EQ(assessment.findings[0].allow_list, AllowList::none);
    EXPECT_THAT(assessment.findings[0].evidence,
                testing::Contains(testing::Field(&Evidence::fact, HasSubstr("demo.pks.ik.am"))));
}

// --- what is not known --------------------------------------------------------------------------------------------

TEST(Diagnose, ADeadMasterIsUnobservedAndNeverACause) {
    auto observation = healthy();
    add_master(observation, "m1");
    auto& dead = observation.apiservers.back();
    const Unobserved why{.reason = "timeout", .detail = "connecting"};
    dead.readyz = why;
    dead.control = why;
    dead.version = why;
    dead.attempts.clear();
    observation.masters["m1"] = Unobserved{.reason = "connect_failed", .detail = "10.0.0.2:22"};
    const auto assessment = judge(observation);
    EXPECT_THAT(assessment.findings, IsEmpty());
    EXPECT_EQ(state_of(assessment), ClusterState::unknown);
    EXPECT_EQ(unobserved_of(assessment),
              "apiserver|m1|timeout: connecting\nmaster over SSH|m1|connect_failed: 10.0.0.2:22\n");
}

TEST(Diagnose, AForbiddenListNamesThePermission) {
    auto observation = healthy(false);
    observation.apiservers[0].apiservices =
        Unobserved{.reason = "forbidden", .detail = "the probe may not list apiservices.apiregistration.k8s.io"};
    observation.apiservers[0].published =
        Unobserved{.reason = "forbidden", .detail = "the probe may not get configmaps"};
    const auto assessment = judge(observation);
    EXPECT_THAT(assessment.findings, IsEmpty());
    EXPECT_THAT(unobserved_of(assessment),
                HasSubstr("the list of APIServices||forbidden: the probe may not list apiservices"));
    EXPECT_THAT(unobserved_of(assessment), HasSubstr("published authentication configuration||forbidden"));
}

TEST(Diagnose, WithoutTheConfigMapARefusalStaysAmbiguousAndNothingIsRight) {
    auto observation = mismatch();
    observation.apiservers[0].published = Unobserved{.reason = "forbidden", .detail = ""};
    for (const auto& finding : judge(observation).findings) {
        EXPECT_EQ(finding.confidence, Confidence::ambiguous);
        EXPECT_EQ(finding.allow_list, AllowList::wrong);
        EXPECT_THAT(finding.candidates, testing::Contains("cn-not-allowed"));
    }
}

TEST(Diagnose, ACredentialThatOneMasterRefusesIsThatMastersFinding) {
    auto observation = healthy(false);
    add_master(observation, "m1");
    observation.apiservers.back().control = recording::answer("probe-credential-invalid/core.bad-token.http");
    const auto assessment = judge(observation);
    ASSERT_THAT(causes_of(assessment), ElementsAre("our-own-401"));
    EXPECT_EQ(assessment.findings[0].master, "m1");
}

TEST(Diagnose, AMissingPermissionForTheControlRequestIsNoRefusedCredential) {
    auto observation = healthy(false, As::dev);
    for (auto& apiserver : observation.apiservers) {
        apiserver.control->status = 403;
        apiserver.control->forbidden_user = "dev";
    }
    EXPECT_THAT(judge(observation).findings, IsEmpty());
}

TEST(Diagnose, ApisBeyondTheCapAreUnobserved) {
    auto observation = healthy();
    observation.apiservers[0].apiservices_left_out = 9800;
    EXPECT_THAT(unobserved_of(judge(observation)), HasSubstr("9800 more APIServices"));
}

TEST(Diagnose, EveryTextIsPrintable) {
    auto observation = recording::load("cn-not-allowed", {.ssh = true, .as = As::dev});
    set_condition(observation, "False", "FailedDiscoveryCheck\x1b[2J", "\xE2\x80\xAE evil\nbad status from x: 401");
    published(observation).allowed_names = {"a\x1b]0;title\x07", "b\r\n"};
    observation.apiservers[0].version = std::string("v1\x1b[31m");
    const auto assessment = judge(observation);
    const auto text = to_json(assessment).dump();
    EXPECT_EQ(text.find("\\u001b"), std::string::npos);
    for (const auto& finding : assessment.findings) {
        for (const auto& evidence : finding.evidence) EXPECT_EQ(evidence.fact, printable(evidence.fact, 100'000));
    }
}

// --- properties ---------------------------------------------------------------------------------------------------

namespace {

// Loses, repeats, or corrupts some facts of what was seen.
void perturb(Observation& observation, std::mt19937_64& random) {
    const auto chance = [&](unsigned percent) { return random() % 100 < percent; };
    for (auto& apiserver : observation.apiservers) {
        if (chance(10)) apiserver.readyz = Unobserved{.reason = "timeout", .detail = ""};
        if (chance(10)) apiserver.serving = Unobserved{};
        if (chance(10)) apiserver.published = Unobserved{.reason = "forbidden", .detail = ""};
        if (chance(10)) apiserver.apiservices = Unobserved{.reason = "forbidden", .detail = ""};
        for (auto& attempts : apiserver.attempts) {
            for (auto* answers : {&attempts.discovery, &attempts.resource}) {
                for (auto& answer : *answers) {
                    if (chance(15))
                        answer.status = std::array{0U, 200U, 401U, 403U, 404U, 500U, 503U, 504U}[random() % 8];
                    if (chance(10)) answer.body.clear();
                    if (chance(10)) answer.flow_schemas = {"x", chance(50) ? "x" : "y"};
                }
                if (!answers->empty() && chance(20)) answers->pop_back();
                if (!answers->empty() && chance(20)) answers->push_back(answers->front());
            }
        }
        if (!apiserver.apiservices) continue;
        for (auto& apiservice : *apiserver.apiservices) {
            if (chance(20)) apiservice.available = chance(50) ? "True" : "False";
            if (chance(20)) apiservice.message = "bad status from https://x: 401";
        }
    }
    for (auto& [name, master] : observation.masters) {
        if (chance(15)) master = Unobserved{.reason = "timeout", .detail = ""};
        if (master && chance(10)) master->process = Unobserved{.reason = "not-found", .detail = ""};
        if (master && chance(10)) master->files.clear();
    }
    if (chance(20)) add_master(observation, "m9");
}

}  // namespace

TEST(DiagnoseProperty, NoDisturbanceMakesAWrongCauseAPlannableOne) {
    for (const auto& [folder, verdict] : recording::verdicts().at("recordings").items()) {
        const bool right = folder.starts_with("cn-not-allowed-separate");
        if (right || folder == "ha-one-master-bad-proxy-cert" || folder == "probe-credential-invalid" ||
            folder == "anonymous-auth-false")
            continue;
        for (const bool ssh : {true, false}) {
            const auto original = recording::load(folder, {.ssh = ssh, .as = As::admin});
            for (std::uint64_t seed = 0; seed < 25; ++seed) {
                std::mt19937_64 random(seed);
                auto observation = original;
                perturb(observation, random);
                for (const auto& finding : judge(observation).findings) {
                    EXPECT_NE(finding.allow_list, AllowList::right)
                        << folder << " seed " << seed << " " << finding.cause;
                    if (!ssh && finding.cause == "cn-not-allowed")
                        EXPECT_NE(finding.confidence, Confidence::certain) << folder << " seed " << seed;
                }
            }
        }
    }
}

TEST(DiagnoseProperty, AMismatchUnderSeparateCasIsOnlyEverRightForItsOwnName) {
    const auto original = mismatch();
    for (std::uint64_t seed = 0; seed < 100; ++seed) {
        std::mt19937_64 random(seed);
        auto observation = original;
        perturb(observation, random);
        for (const auto& finding : judge(observation).findings) {
            if (finding.allow_list == AllowList::right) EXPECT_EQ(finding.common_name, "demo.pks.ik.am") << seed;
        }
    }
}

TEST(DiagnoseProperty, TheSameObservationGivesTheSameAssessment) {
    for (const auto* folder : {"cn-not-allowed", "proxy-cert-other-ca", "extension-down", "healthy"}) {
        const auto observation = recording::load(folder, {.ssh = true, .as = As::dev});
        const auto copy = parse_observation(to_json(observation).dump()).value();
        EXPECT_EQ(to_json(judge(observation)).dump(), to_json(judge(copy)).dump()) << folder;
    }
}

TEST(DiagnoseProperty, EveryFindingIsOfTheTableAndExplainsItself) {
    for (const auto& [folder, verdict] : recording::verdicts().at("recordings").items()) {
        if (folder == "ha-one-master-bad-proxy-cert") continue;
        const auto as = folder == "probe-credential-invalid" ? As::bad_token : As::admin;
        for (const auto& finding : judge(recording::load(folder, {.ssh = true, .as = as})).findings) {
            EXPECT_NE(find_cause(finding.cause), nullptr) << finding.cause;
            EXPECT_FALSE(finding.evidence.empty()) << folder << finding.cause;
            EXPECT_FALSE(finding.rules_out.empty()) << folder << finding.cause;
            EXPECT_FALSE(finding.remedy.empty()) << folder << finding.cause;
            for (const auto& other : finding.rules_out) {
                EXPECT_NE(find_cause(other.cause), nullptr) << other.cause;
                EXPECT_NE(other.cause, finding.cause);
            }
        }
    }
}

}  // namespace aggmedic::probes
