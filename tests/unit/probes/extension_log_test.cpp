#include "probes/extension_log.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "recording.hpp"

namespace aggmedic::probes {

namespace {

using testing::ElementsAre;
using testing::IsEmpty;

const TimePoint asked = *from_rfc3339("2026-11-23T01:00:00Z");

std::vector<std::string> facts(const std::vector<LogFact>& found) {
    std::vector<std::string> texts;
    for (const auto& fact : found) {
        texts.push_back(std::string(name(fact.event)) + " " + fact.common_name + " x" + std::to_string(fact.count));
    }
    return texts;
}

std::vector<std::string> read(std::string_view text) {
    return facts(parse_extension_log({.pod = "p", .asked = asked, .started = std::nullopt}, text).facts);
}

struct Recorded {
    std::string folder, server;
    std::vector<std::string> facts;
};

}  // namespace

TEST(ExtensionLogReading, ReadsEveryRecordedLog) {
    const std::string catalog, sample = ".sample-apiserver";
    const Recorded recorded[] = {
        {"healthy", catalog, {}},
        {"healthy", sample, {}},
        {"allowed-names-empty", catalog, {}},
        {"allowed-names-empty", sample, {}},
        {"proxy-cert-comma-cn", catalog, {}},
        {"proxy-cert-comma-cn", sample, {}},
        {"no-endpoints", catalog, {}},
        {"extension-down", sample, {}},
        {"bad-ca-bundle", catalog, {}},
        {"cn-not-allowed", catalog, {"cn-not-allowed demo.pks.ik.am x220"}},
        {"cn-not-allowed", sample, {}},  // masked: nothing is logged
        {"cn-not-allowed-separate-client-ca", catalog, {"cn-not-allowed demo.pks.ik.am x80"}},
        {"cn-not-allowed-separate-client-ca", sample, {"cn-not-allowed demo.pks.ik.am x110"}},
        {"cn-not-allowed-separate-client-ca.window", catalog, {"cn-not-allowed demo.pks.ik.am x4"}},
        {"cn-not-allowed-separate-client-ca.window", sample, {}},  // all before its last start
        {"proxy-cert-no-masters", catalog, {"cn-not-allowed demo.pks.ik.am x70"}},
        {"proxy-cert-no-masters", sample, {}},
        {"proxy-cert-empty-cn", catalog, {"cn-not-allowed  x60"}},
        {"proxy-cert-empty-cn", sample, {"cn-not-allowed  x35"}},
        {"proxy-cert-other-ca", catalog, {"unknown-authority  x35"}},
        {"proxy-cert-other-ca", sample, {"unknown-authority  x35"}},
        {"proxy-cert-expired", catalog, {"certificate-expired  x30"}},
        {"proxy-cert-expired", sample, {"certificate-expired  x35"}},
        {"ext-no-configmap-access", catalog, {"config-map-forbidden  x2"}},
        {"ext-no-configmap-access", sample, {"config-map-forbidden  x2"}},
    };
    for (const auto& each : recorded) {
        const auto log = recording::extension_log(each.folder, each.server);
        EXPECT_EQ(facts(log.facts), each.facts) << each.folder << each.server;
    }
}

TEST(ExtensionLogReading, ReadsThreeGenerationsOfARejectedName) {
    for (const std::string_view line : {
             "W1123 00:17:00.947589 1 x509.go:171] x509: subject with cn=demo is not in the allowed list: [aggregator]",
             "E1123 00:17:00.947631 1 authentication.go:62] Unable to authenticate the request due to an error: x509: "
             "subject with cn=demo is not allowed",
             "E1123 00:17:17.5 1 authentication.go:53] Unable to authenticate the request due to an error: [x509: "
             "subject with cn=demo is not in the allowed list, verifying certificate SN=4, SKID=, AKID= failed: x509: "
             "certificate signed by unknown authority]",
             "2026-11-23T00:17:17.581319123Z E1123 00:17:17.581319 1 authentication.go:73] \"Unable to authenticate "
             "the "
             "request\" err=\"[x509: subject with cn=demo is not in the allowed list, verifying certificate SN=4, "
             "SKID=, AKID= failed: x509: certificate signed by unknown authority]\"",
             R"({"ts":1,"caller":"filters/authentication.go:73","msg":"Unable to authenticate the request",)"
             R"("err":"x509: subject with cn=demo is not in the allowed list"})",
         }) {
        EXPECT_THAT(read(line), ElementsAre("cn-not-allowed demo x1")) << line;
    }
}

TEST(ExtensionLogReading, KeepsAnyNameAndLetsNoneSpeakForAnother) {
    const auto rejected = [](const std::string& cn) {
        return read("W1123 00:17:00.9 1 x509.go:171] x509: subject with cn=" + cn + " is not in the allowed list: [a]");
    };
    EXPECT_THAT(rejected("system:kube-scheduler"), ElementsAre("cn-not-allowed system:kube-scheduler x1"));
    EXPECT_THAT(rejected("demo, inc: east"), ElementsAre("cn-not-allowed demo, inc: east x1"));
    EXPECT_THAT(rejected("x509: certificate signed by unknown authority"),
                ElementsAre("cn-not-allowed x509: certificate signed by unknown authority x1"));
    EXPECT_THAT(rejected("\xFF\xFE"), ElementsAre("cn-not-allowed \xFF\xFE x1"));
    EXPECT_EQ(rejected(std::string(5000, 'x')).at(0).size(), std::string("cn-not-allowed  x1").size() + 256);
    EXPECT_THAT(read("x509: subject with cn=cut"), ElementsAre("authentication-failed  x1"));
}

TEST(ExtensionLogReading, BoundsHowManyNamesAStrangerCanWrite) {
    std::string text;
    for (int i = 0; i < 1000; ++i) text += "x509: subject with cn=n" + std::to_string(i) + " is not allowed\n";
    const auto log = parse_extension_log({.pod = "p", .asked = asked, .started = std::nullopt}, text);
    EXPECT_EQ(log.facts.size(), 16U);
    EXPECT_EQ(log.names_left_out, 984U);
}

TEST(ExtensionLogReading, TheFirstErrorOfALineIsHeaderAuthentications) {
    const auto line = [](const std::string& errors) {
        return read("E1123 00:17:17.5 1 authentication.go:53] Unable to authenticate the request due to an error: " +
                    errors);
    };
    const std::string client_ca =
        "verifying certificate SN=1, SKID=, AKID= failed: x509: certificate signed by unknown authority";
    EXPECT_THAT(line("[x509: certificate signed by unknown authority, " + client_ca + "]"),
                ElementsAre("unknown-authority  x1"));
    EXPECT_THAT(line("[x509: certificate specifies an incompatible key usage, " + client_ca + "]"),
                ElementsAre("incompatible-key-usage  x1"));
    EXPECT_THAT(line(client_ca), ElementsAre("authentication-failed  x1"))
        << "the client CA alone says nothing of the requestheader CA";
    EXPECT_THAT(line("invalid bearer token"), ElementsAre("authentication-failed  x1"));
}

TEST(ExtensionLogReading, TellsDatesAndIssuers) {
    const std::string lead = "Unable to authenticate the request due to an error: x509: certificate ";
    const std::string dates = lead + "has expired or is not yet valid";
    EXPECT_THAT(read(dates + ": current time 2026-11-23T00:00:00Z is after 2025-01-01T00:00:00Z"),
                ElementsAre("certificate-expired  x1"));
    EXPECT_THAT(read(dates + ": current time 2026-11-23T00:00:00Z is before 2027-01-01T00:00:00Z"),
                ElementsAre("certificate-not-yet-valid  x1"));
    EXPECT_THAT(read(dates), ElementsAre("certificate-not-in-date  x1"));
    const std::string hint =
        "signed by unknown authority (possibly because of \"crypto/rsa: verification error\" while trying to verify "
        "candidate authority certificate \"front-proxy-ca\")";
    EXPECT_THAT(read(lead + hint), ElementsAre("unknown-authority front-proxy-ca x1"));
    EXPECT_THAT(read("\"Unable to authenticate the request\" err=\"x509: certificate signed by unknown authority "
                     "(possibly because of \\\"x\\\" while trying to verify candidate authority certificate "
                     "\\\"agg-ca\\\")\""),
                ElementsAre("unknown-authority agg-ca x1"));
    EXPECT_THAT(read("http: TLS handshake error from 10.0.0.1:4711: tls: failed to verify client certificate: x509: "
                     "certificate signed by unknown authority"),
                ElementsAre("unknown-authority  x1"));
}

TEST(ExtensionLogReading, ItsOwnConnectionsAreNotTheProxys) {
    EXPECT_THAT(read("E1123 00:01:31.5 1 reflector.go:134] Failed to list *v1.Namespace: Get "
                     "https://10.100.200.1:443/api/v1/namespaces: x509: certificate signed by unknown authority\n"
                     "scraper.go:140] \"Failed to scrape node\" err=\"Get \\\"https://n:10250/metrics\\\": x509: "
                     "certificate has expired or is not yet valid\"\n"),
                IsEmpty());
}

TEST(ExtensionLogReading, NamesTheOtherCauses) {
    const std::pair<std::string_view, std::string_view> lines[] = {
        {"W0101 00:00:00.0 1 authentication.go:1] cluster doesn't provide requestheader-client-ca-file in "
         "configmap/extension-apiserver-authentication in kube-system, so request-header client certificate "
         "authentication won't work.",
         "requestheader-ca-missing  x1"},
        {"configmaps \"extension-apiserver-authentication\" not found", "config-map-missing  x1"},
        {"Failed to make webhook authorizer request: subjectaccessreviews.authorization.k8s.io is forbidden: User "
         "\"catalog-apiserver\" cannot create",
         "access-review-forbidden  x1"},
        {"http: TLS handshake error from 10.0.0.1:4711: remote error: tls: bad certificate",
         "serving-certificate-refused  x1"},
        {"http: TLS handshake error from 10.0.0.1:4711: remote error: tls: unknown certificate authority",
         "serving-certificate-refused  x1"},
        {"dial tcp: lookup etcd.catalog.svc on 10.96.0.10:53: no such host", "name-not-resolved  x1"},
        {"unable to load configmap based request-header-client-ca-file: Get \"https://10.96.0.1:443/api\": dial tcp "
         "10.96.0.1:443: i/o timeout",
         "apiserver-unreachable  x1"},
        {"Internal error occurred: failed calling webhook \"x.example\": Post", "webhook-failed  x1"},
        {"unable to fetch metrics from Kubelet n1 (192.168.1.38): request failed - \"401 Unauthorized\", response",
         "kubelet-unauthorized  x1"},
        {"E0114 14:22:57.2 1 scraper.go:140] \"Failed to scrape node\" err=\"request failed, status: \\\"401 "
         "Unauthorized\\\"\" node=\"m3\"",
         "kubelet-unauthorized  x1"},
        {"I0206 18:41:24.1 1 run_server.go:64] Detected change in extension-apiserver-authentication ConfigMap, "
         "exiting so apiserver can be restarted",
         "config-map-changed  x1"},
    };
    for (const auto& [line, fact] : lines) EXPECT_THAT(read(line), ElementsAre(fact)) << line;
}

TEST(ExtensionLogReading, CountsOnlyLinesSinceTheLastStartAndTellsWhen) {
    const std::string text =
        "W1123 00:01:00.100000 1 x509.go:171] x509: subject with cn=a is not in the allowed list: [b]\n"
        "W1123 00:02:00.100000 1 x509.go:171] x509: subject with cn=a is not in the allowed list: [b]\n"
        "W1123 00:03:00.100000 1 x509.go:171] x509: subject with cn=a is not in the allowed list: [b]\n";
    const auto log =
        parse_extension_log({.pod = "p", .asked = asked, .started = from_rfc3339("2026-11-23T00:01:30Z")}, text);
    ASSERT_EQ(log.facts.size(), 1U);
    EXPECT_EQ(log.facts[0].count, 2U);
    EXPECT_EQ(log.facts[0].first, from_rfc3339("2026-11-23T00:02:00.100Z"));
    EXPECT_EQ(log.facts[0].last, from_rfc3339("2026-11-23T00:03:00.100Z"));
}

TEST(ExtensionLogReading, KnowsTheYearAcrossItsTurn) {
    const auto log = parse_extension_log(
        {.pod = "p", .asked = *from_rfc3339("2027-01-01T00:00:05Z"), .started = std::nullopt},
        "W1231 23:59:59.000000 1 x509.go:171] x509: subject with cn=a is not in the allowed list: [b]\n");
    EXPECT_EQ(log.facts.at(0).first, from_rfc3339("2026-12-31T23:59:59Z"));
}

TEST(ExtensionLogReading, SurvivesAnyBytes) {
    std::string noise;
    for (int i = 0; i < 65536; ++i) noise.push_back(static_cast<char>((i * 7919) >> 3));
    EXPECT_THAT(read(noise), IsEmpty());
    EXPECT_THAT(read(""), IsEmpty());
    EXPECT_THAT(read("\n\n\\\n\"\\"), IsEmpty());
}

}  // namespace aggmedic::probes
