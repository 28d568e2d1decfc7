#include "net/redact.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <functional>
#include <random>

#include "net/text.hpp"

namespace aggmedic {
namespace {

using namespace std::string_literals;

std::string percent_encoded(const std::string& bytes) {
    std::string text;
    for (const unsigned char byte : bytes) text += fmt::format("%{:02X}", byte);
    return text;
}

std::string url_encoded(const std::string& bytes) {
    std::string text;
    for (const unsigned char byte : bytes)
        text += std::isalnum(byte) != 0 ? std::string(1, static_cast<char>(byte)) : fmt::format("%{:02X}", byte);
    return text;
}

// Where secrets turn up, each with a way to write one there.
using Place = std::function<std::string(const std::string&)>;
const std::vector<Place> places{
    [](const auto& secret) { return "--oidc-client-secret=" + secret; },
    [](const auto& secret) { return "--token-auth-secret " + secret + " --v=2"; },
    [](const auto& secret) { return "kube-apiserver\0--basic-auth-password\0"s + secret + "\0--v=2\0"s; },
    [](const auto& secret) { return R"(["--etcd-password",")" + secret + R"(","--v=2"])"; },
    [](const auto& secret) { return "  args:\n  - --token\n  - " + secret + "\n"; },
    [](const auto& secret) { return "PATH=/bin\0DB_PASSWORD="s + secret + "\0HOME=/root"s; },
    [](const auto& secret) { return "env:\n  AWS_SECRET_ACCESS_KEY: '" + secret + "'\n"; },
    [](const auto& secret) { return "- name: API_TOKEN\n  value: " + secret + "\n"; },
    [](const auto& secret) { return R"({"name":"X_PASSWORD","value":")" + secret + R"("})"; },
    [](const auto& secret) { return "password: |\n    " + secret + "\n    more\nuser: x"; },
    [](const auto& secret) {
        return R"({"status":{"token":")" + secret + R"(","expirationTimestamp":"2030-01-01T00:00:00Z"}})";
    },
    [](const auto& secret) { return R"({"tokens":["a",")" + secret + R"("]})"; },
    [](const auto& secret) { return R"("{\"password\":\")" + secret + R"(\"}")"; },
    [](const auto& secret) { return "GET /x?access_token=" + secret + "&limit=1"; },
    [](const auto& secret) { return "Authorization: Bearer " + secret + "\r\nAccept: */*"; },
    [](const auto& secret) { return "the header \"authorization: Token " + secret + "\" was refused"; },
    [](const auto& secret) { return "error: Bearer " + secret + " is not known"; },
    [](const auto& secret) { return "Cookie: session=" + secret + "; other=" + secret; },
    [](const auto& secret) { return "dial https://admin:" + secret + "@10.0.0.1:2379/x: refused"; },
    [](const auto& secret) { return "proxy=http://" + secret + "@proxy:3128"; },
    [](const auto& secret) {
        return "-----BEGIN RSA PRIVATE KEY-----\n" + secret + "\n-----END RSA PRIVATE KEY-----\n";
    },
    [](const auto& secret) { return "key: -----BEGIN EC PRIVATE KEY-----\\n" + secret; },
    [](const auto& secret) { return "token eyJhbGciOiJSUzI1NiJ9." + secret + "." + secret; },
    [](const auto& secret) { return "client-key-data: " + secret; },
    [](const auto& secret) { return "login failed: client_secret=\"" + secret + " with more\" is wrong"; },
};
// Base64 and percent-encoding, of the secret or of the whole text.
const std::vector<std::function<std::string(const Place&, const std::string&)>> codings{
    [](const Place& place, const std::string& secret) { return place(secret); },
    [](const Place& place, const std::string& secret) { return place(base64_encode(secret)); },
    [](const Place& place, const std::string& secret) { return place(url_encoded(secret)); },
    [](const Place& place, const std::string& secret) { return "body " + base64_encode(place(secret)); },
    [](const Place& place, const std::string& secret) { return "body=" + percent_encoded(place(secret)) + " end"; },
};

std::string seeded_secret(std::mt19937& random) {
    static constexpr std::string_view letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/.!$";
    std::string secret;
    const auto length = 16 + random() % 24;
    while (secret.size() < length) secret += letters[random() % letters.size()];
    return secret;
}

TEST(Redacted, NoneOfFiveHundredSecretsIsLeft) {
    std::mt19937 random(20260101);
    for (int each = 0; each < 500; ++each) {
        const auto secret = seeded_secret(random);
        const auto& place = places[static_cast<std::size_t>(each) % places.size()];
        for (const auto& coding : codings) {
            const auto text = coding(place, secret);
            const auto clean = redacted(text);
            for (const auto& form : {secret, base64_encode(secret), url_encoded(secret), percent_encoded(secret),
                                     base64_encode(place(secret))}) {
                ASSERT_EQ(clean.find(form), std::string::npos) << text << "\n" << clean;
            }
            ASSERT_EQ(redacted(clean), clean) << text;
        }
    }
}

TEST(Redacted, ASecretWithoutAMarkIsSeenByItsLook) {
    std::mt19937 random(7);
    static constexpr std::string_view letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    for (int each = 0; each < 500; ++each) {
        std::string secret;
        while (secret.size() < 32) secret += letters[random() % letters.size()];
        EXPECT_EQ(redacted("the server said " + secret + " and no more").find(secret), std::string::npos) << secret;
    }
}

TEST(Redacted, LeavesWhatADiagnosisNeeds) {
    for (
        const std::string text : {
            R"(failing or missing response from https://10.104.12.7:443/apis/servicecatalog.k8s.io/v1beta1: bad status from https://10.104.12.7:443/apis/servicecatalog.k8s.io/v1beta1: 401)",
            R"({"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"Unauthorized","reason":"Unauthorized","code":401})",
            R"(clusterserviceclasses.servicecatalog.k8s.io is forbidden: User "demo.pks.ik.am" cannot list resource "clusterserviceclasses" in API group "servicecatalog.k8s.io" at the cluster scope)",
            R"(x509: certificate signed by unknown authority (possibly because of "crypto/rsa: verification error" while trying to verify candidate authority certificate "kubernetes-ca"))",
            R"(Unable to authenticate the request due to an error: x509: certificate has expired or is not yet valid: current time 2026-01-01T00:00:00Z is after 2025-12-31T00:00:00Z)",
            R"(secrets "aggmedic-canary" is forbidden: User "system:serviceaccount:aggmedic:canary" cannot get resource "secrets")",
            R"(endpoints for service/api in "catalog" have no addresses with port name "https")",
            R"(master/0d4df1b6-4f0b-4b5e-9d0b-2a9f4c1d7e11 pod catalog-apiserver-7d9f8b6c5-x2x4z)",
            R"(bearer token is missing)",
            R"(service-instance_0d4df1b6-4f0b-4b5e-9d0b-2a9f4c1d7e11.kubo-net)",
            R"(dial tcp 10.0.11.11:443: connect: connection refused)",
        }) {
        EXPECT_EQ(redacted(text), text);
    }
}

TEST(WithoutMarkedSecrets, LeavesPathsDigestsAndCertificates) {
    for (const std::string text : {
             "/var/vcap/jobs/kube-apiserver/config/bpm.yml",
             "--service-account-key-file=/var/vcap/jobs/kube-apiserver/config/service-account-public-key.pem",
             "--token-auth-file=/etc/tokens.csv",
             "--authorization-mode=Node,RBAC",
             "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae",
             "-----BEGIN CERTIFICATE-----\nMIIBkTCB+wIJAKHHIG0Ei1234567890abcDEF==\n-----END CERTIFICATE-----\n",
         }) {
        EXPECT_EQ(without_marked_secrets(text), text);
    }
}

TEST(WithoutMarkedSecrets, SaysWhatStoodThere) {
    EXPECT_EQ(without_marked_secrets("--oidc-client-secret=abc --v=2"), "--oidc-client-secret=[redacted] --v=2");
    EXPECT_EQ(without_marked_secrets("https://u:p@host/x"), "https://[redacted]@host/x");
    EXPECT_EQ(without_marked_secrets(R"({"token": "abc", "b": 1})"), R"({"token": "[redacted]", "b": 1})");
}

TEST(Redacted, LongHostileTextsEnd) {
    for (const std::string part : {"\"", "a=", "://", "password:", "{", "\\", "%41", "eyJ", "-----BEGIN "}) {
        std::string text;
        while (text.size() < 20000) text += part;
        EXPECT_FALSE(redacted(text).empty());
    }
}

}  // namespace
}  // namespace aggmedic
