#include <fmt/format.h>
#include <gtest/gtest.h>

#include <functional>
#include <nlohmann/json.hpp>
#include <random>

#include "daemon/bundle.hpp"
#include "daemon/exec_credential.hpp"
#include "daemon/log.hpp"
#include "daemon/metrics.hpp"
#include "daemon/tar.hpp"
#include "net/text.hpp"
#include "probes/diagnose.hpp"
#include "probes/raised.hpp"
#include "probes/redaction.hpp"
#include "probes/track.hpp"
#include "tests/unit/probes/recording.hpp"

// 500 secrets where a cluster, a master or a plugin could show them; none may come out of anything that is kept or
// told.
namespace aggmedic::daemon {
namespace {

namespace recording = probes::recording;
using nlohmann::json;

std::string seeded_secret(std::mt19937& random) {
    static constexpr std::string_view letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    std::string secret = "Canary";
    while (secret.size() < 30) secret += letters[random() % letters.size()];
    return secret;
}

std::string in_text(std::size_t way, const std::string& secret) {
    switch (way % 8) {
        case 0:
            return "the request with Authorization: Bearer " + secret + " was refused";
        case 1:
            return R"({"kind":"Status","message":"login failed","details":{"password":")" + secret + R"("}})";
        case 2:
            return "Get \"https://admin:" + secret + "@10.0.0.1:443/apis?token=" + secret + "\": EOF";
        case 3:
            return "-----BEGIN PRIVATE KEY-----\n" + secret + "\n-----END PRIVATE KEY-----";
        case 4:
            return "panic: env DB_PASSWORD=" + secret + " --oidc-client-secret=" + secret;
        case 5:
            return "token eyJhbGciOiJSUzI1NiJ9." + secret + "." + secret;
        case 6:
            return "body " + base64_encode("password=" + secret);
        default:
            return "plain words and then " + secret;
    }
}

// One place for each secret, in turn.
void plant(probes::Observation& observation, std::size_t place, const std::string& secret) {
    auto& apiserver = observation.apiservers[place % observation.apiservers.size()];
    const auto text = in_text(place / 9, secret);
    switch (place % 9) {
        case 0:
            for (auto& answer : apiserver.attempts[0].discovery) {
                answer.status = 503;
                answer.body = text.substr(0, 512);
            }
            return;
        case 1:
            apiserver.attempts[0].discovery[0] = {.status = 0, .failure = "read_failed", .failure_detail = text};
            return;
        case 2:
            observation.apiservers[0].apiservices->front().available = "False";
            observation.apiservers[0].apiservices->front().reason = "FailedDiscoveryCheck";
            observation.apiservers[0].apiservices->front().message = text;
            return;
        case 3:
            apiserver.version = probes::Unobserved{.reason = "status", .detail = text};
            return;
        case 4:
            observation.masters["m0"]->process->arguments = probes::read_arguments(
                {"--oidc-client-secret=" + secret, "--token-auth-file", "/etc/tokens", "--etcd-password", secret,
                 secret, "--service-account-issuer=https://issuer:" + secret + "@example.com"});
            return;
        case 5:
            observation.masters["m0"]->file_text_fault = "line 3: " + text;
            return;
        case 6:
            observation.masters["m1"] = probes::Unobserved{.reason = "io_failed", .detail = text};
            return;
        case 7:
            observation.masters["m0"]->supervisor = probes::Unobserved{.reason = "malformed_reply", .detail = text};
            return;
        default:
            apiserver.control = probes::Answer{.status = 500, .body = text};
            return;
    }
}

struct Told {
    std::string bundle, explain, status, history, metrics, log;
};

Told everything_told(probes::Observation observation) {
    probes::take_out_secrets(observation);
    Moment moment;
    moment.observation = observation;
    moment.at = recording::now();
    Told told;
    told.explain = explained(moment).dump();
    const auto assessment = probes::diagnose(observation, moment.at);
    const auto once = probes::track({}, assessment, moment.at);
    const auto twice = probes::track(once.history, assessment, moment.at);
    told.history = probes::to_json(twice.history).dump();
    for (const auto& raised : probes::by_cause(twice.findings)) told.status += probes::to_json(raised).dump();
    ClusterMetrics cluster;
    cluster.name = "demo";
    cluster.last = facts_of(observation);
    cluster.findings = twice.findings;
    cluster.counters.count(observation);
    Metrics metrics;
    metrics.clusters.push_back(cluster);
    told.metrics = render(metrics);
    for (const auto& finding : assessment.findings) {
        for (const auto& evidence : finding.evidence) told.log += log_line("finding", {{"fact", evidence.fact}});
    }
    for (const auto& [name, bytes] : read_tar(pack(moment).value()).value()) told.bundle += bytes;
    return told;
}

TEST(Secrets, NoneOfFiveHundredComesOut) {
    const auto clean = recording::load("cn-not-allowed", {.ssh = true, .as = recording::As::dev});
    std::mt19937 random(20261123);
    for (std::size_t batch = 0; batch < 50; ++batch) {
        auto observation = clean;
        std::vector<std::string> secrets;
        for (std::size_t each = 0; each < 10; ++each) {
            secrets.push_back(seeded_secret(random));
            plant(observation, batch * 10 + each, secrets.back());
        }
        const auto told = everything_told(observation);
        for (const auto& secret : secrets) {
            for (const auto& form : {secret, base64_encode(secret), base64_encode("password=" + secret)}) {
                for (const auto* text :
                     {&told.bundle, &told.explain, &told.status, &told.history, &told.metrics, &told.log}) {
                    ASSERT_EQ(text->find(form), std::string::npos) << "batch " << batch << ": " << form;
                }
            }
        }
    }
}

TEST(Secrets, ABundleIsCleanEvenOfWhatWasNotCleanedBefore) {
    std::mt19937 random(1);
    for (std::size_t place = 0; place < 72; ++place) {
        Moment moment;
        moment.observation = recording::load("cn-not-allowed", {.ssh = true, .as = recording::As::dev});
        moment.at = recording::now();
        const auto secret = seeded_secret(random);
        plant(moment.observation, place, secret);
        for (const auto& [name, bytes] : read_tar(pack(moment).value()).value()) {
            ASSERT_EQ(bytes.find(secret), std::string::npos) << name << " place " << place;
        }
    }
}

TEST(Secrets, APluginsOutputIsNotQuoted) {
    std::mt19937 random(2);
    for (const char* form :
         {R"({{"kind":"ExecCredential","token":"{}"}})", R"({{"kind":"{}"}})", "{}",
          R"({{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{{"token":"{} "}}}})"}) {
        const auto secret = seeded_secret(random);
        const auto answer =
            parse_exec_credential(fmt::format(fmt::runtime(form), secret), "client.authentication.k8s.io/v1");
        if (!answer) EXPECT_EQ(answer.error().detail.find(secret), std::string::npos);
    }
}

TEST(Secrets, ALogLineLosesThem) {
    EXPECT_EQ(log_line("x", {{"error", "dial https://u:hunter2@h: refused"}}).find("hunter2"), std::string::npos);
}

}  // namespace
}  // namespace aggmedic::daemon
