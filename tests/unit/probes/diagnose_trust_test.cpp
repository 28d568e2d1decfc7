#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "disturbed.hpp"

namespace aggmedic::probes {

namespace {

using recording::As;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

}  // namespace

TEST(Diagnose, AMissingNameThatHasNotStruckIsAWarningForTheCluster) {
    auto observation = healthy();
    separate_client_ca(observation);
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

TEST(Diagnose, ACertificateThatIsNotYetValidIsAMatterOfClocks) {
    auto observation = recording::load("proxy-cert-expired", {.ssh = true, .as = As::admin});
    use_proxy(*observation.masters.at("m0"), "kubernetes.pem");
    const auto before = recording::certificates("pki/kubernetes.pem")[0].not_before - std::chrono::seconds(30);
    const auto assessment = diagnose(observation, before);
    EXPECT_THAT(causes_of(assessment), testing::Contains("clock-skew"));
    EXPECT_THAT(causes_of(assessment), testing::Not(testing::Contains("proxy-cert-expired")));
}

TEST(Diagnose, NoProxyClientCertificateAtAll) {
    auto observation = recording::load("proxy-cert-expired", {.ssh = true, .as = As::admin});
    auto& flags = observation.masters.at("m0")->process->arguments.flags;
    flags.erase("proxy-client-cert-file");
    flags.erase("proxy-client-key-file");
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

TEST(Diagnose, UnderASharedCaAnUnprovenCallerIsSaidAndTheClusterStaysHealthy) {
    const auto gap = HasSubstr("whom aggregated APIs take the caller for");
    const auto blind = judge(recording::load("healthy", {.ssh = false, .as = As::admin}));
    EXPECT_THAT(unobserved_of(blind), gap);
    EXPECT_THAT(unobserved_of(blind), HasSubstr("system:masters"));
    EXPECT_EQ(state_of(blind), ClusterState::healthy);
    EXPECT_THAT(unobserved_of(judge(recording::load("healthy", {.ssh = true, .as = As::admin}))), testing::Not(gap))
        << "the files prove that the proxy is believed";
    auto separate = recording::load("healthy", {.ssh = false, .as = As::admin});
    separate_client_ca(separate);
    EXPECT_THAT(unobserved_of(judge(separate)), testing::Not(gap)) << "a 200 proves it";
}

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
        {"a server that may not list flow schemas", 404, {"a", ""}, std::nullopt, {}, true},
        {"both have just started", 404, {"", ""}, std::nullopt, {}, true},
        {"a third line is of another hop", 404, {"a", "a", "b"}, std::nullopt, {}, true},
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

// A front that authenticates anew and speaks to kube-apiserver under a name of its own.
TEST(Diagnose, WhoKubeApiserverItselfRefusesByThatNameIsNoStranger) {
    auto observation = healthy(false, As::dev);
    each_answer(observation, "", [](Answer& answer) {
        answer.status = 403;
        answer.forbidden_user = "dev@front";
    });
    for (auto& apiserver : observation.apiservers) {
        apiserver.control->status = 403;
        apiserver.control->forbidden_user = "dev@front";
    }
    for (const auto& finding : judge(observation).findings) EXPECT_NE(finding.cause, "identity-collapse");
}

struct Renewal {
    const char* version;
    std::chrono::seconds after_the_start;
    bool is_older;
};
// Up to 1.19 kube-apiserver reads the pair once: what the file shows is not what it presents.
TEST(RenewedCertificate, IsPresentedOnlyAfterARestartUpTo119) {
    using std::chrono::hours;
    for (const auto& row : {Renewal{"v1.19.16", hours(5), true}, Renewal{"v1.11.6", hours(5), true},
                            Renewal{"v1.20.2", hours(5), false}, Renewal{"v1.19.16", -hours(5), false}}) {
        auto observation = recording::load("proxy-cert-expired", {.ssh = true, .as = recording::As::admin});
        auto& master = *observation.masters.at("m0");
        use_proxy(master, "kubernetes.pem");
        for (auto& apiserver : observation.apiservers) apiserver.version = std::string(row.version);
        master.process->started_at = recording::now() - hours(24);
        for (auto& file : master.files) file.modified = *master.process->started_at + row.after_the_start;
        for (const auto& finding : judge(observation).findings) {
            EXPECT_EQ(finding.cause == "proxy-cert-expired", row.is_older) << row.version;
            EXPECT_EQ(finding.remedy.contains("restart the kube-apiserver"), row.is_older) << finding.remedy;
            EXPECT_EQ(finding.allow_list, AllowList::wrong);
        }
        // The API does not suffer: it waits for the old certificate's end.
        auto working = healthy();
        for (auto& apiserver : working.apiservers) apiserver.version = std::string(row.version);
        working.masters = observation.masters;
        EXPECT_EQ(causes_of(judge(working)),
                  row.is_older ? std::vector<std::string>{"pending-restart"} : std::vector<std::string>{});
    }
}

TEST(RenewedCertificate, LeavesTheNameThatIsPresentedUnknown) {
    auto observation = mismatch();
    auto& master = *observation.masters.at("m0");
    for (auto& apiserver : observation.apiservers) apiserver.version = std::string("v1.19.16");
    master.process->started_at = recording::now() - std::chrono::hours(24);
    for (auto& file : master.files) file.modified = recording::now() - std::chrono::hours(1);
    const auto assessment = judge(observation);
    ASSERT_FALSE(assessment.findings.empty());
    for (const auto& finding : assessment.findings) {
        EXPECT_EQ(finding.confidence, Confidence::ambiguous);
        EXPECT_EQ(finding.allow_list, AllowList::wrong);
    }
}

}  // namespace aggmedic::probes
