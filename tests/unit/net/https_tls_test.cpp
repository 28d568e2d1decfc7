#include <future>

#include "https_fixture.hpp"

namespace aggmedic {
namespace {

using test::answer;
using test::CertificateWish;
using test::ServerConnection;
using test::TestCa;
using test::TlsServer;
using testing::ElementsAre;
using testing::HasSubstr;

TEST_F(HttpsClientTest, RefusesAServerOfAnotherAuthority) {
    const TestCa other("other CA");
    auto server = serve(always(answer("ok")));
    auto target = target_of(server);
    target.ca_pem = other.certificate_pem();
    const auto error = error_of(target, get("/"));
    EXPECT_EQ(error.code, Errc::tls_failed);
    EXPECT_THAT(error.detail, HasSubstr("unable to get local issuer certificate"));
}

TEST_F(HttpsClientTest, NamesWhoWasExpectedWhenTheNameIsWrong) {
    auto server = serve(always(answer("ok")));
    auto target = target_of(server);
    target.server_name = "demo.example";
    const auto error = error_of(target, get("/"));
    EXPECT_EQ(error.code, Errc::tls_failed);
    EXPECT_THAT(error.detail,
                HasSubstr("hostname mismatch (expected demo.example; the certificate names localhost, 127.0.0.1)"));
}

TEST_F(HttpsClientTest, IgnoresTheCommonNameAsKubectlDoes) {
    TlsServer server({.identity = ca.issue({.common_name = "localhost"})}, always(answer("ok")));
    auto target = target_of(server);
    target.server_name = "localhost";
    EXPECT_EQ(error_of(target, get("/")).code, Errc::tls_failed);
}

TEST_F(HttpsClientTest, SaysThatACertificateHasExpired) {
    const CertificateWish wish{.alternative_names = {"IP:127.0.0.1"}, .valid_from_days = -10, .valid_to_days = -1};
    TlsServer server({.identity = ca.issue(wish)}, always(answer("ok")));
    const auto error = error_of(target_of(server), get("/"));
    EXPECT_EQ(error.code, Errc::tls_failed);
    EXPECT_THAT(error.detail, HasSubstr("certificate has expired"));
}

TEST_F(HttpsClientTest, AcceptsAnAddressOnlyFromAnAddressName) {
    TlsServer by_address({.identity = ca.issue({.alternative_names = {"IP:127.0.0.1"}})}, always(answer("ok")));
    EXPECT_TRUE(ask(target_of(by_address), get("/")));
    TlsServer by_name({.identity = ca.issue({.alternative_names = {"DNS:127.0.0.1"}})}, always(answer("ok")));
    const auto error = error_of(target_of(by_name), get("/"));
    EXPECT_THAT(error.detail, HasSubstr("IP address mismatch"));
}

TEST_F(HttpsClientTest, SkipsVerificationOnlyWhenTold) {
    TlsServer server({.identity = TestCa("other").issue({})}, always(answer("ok")));
    auto target = target_of(server);
    EXPECT_FALSE(ask(target, get("/")));
    target.insecure_skip_tls_verify = true;
    EXPECT_TRUE(ask(target, get("/")));
}

TEST_F(HttpsClientTest, ShowsItsCertificateAndReportsWhoMaySignIt) {
    const TestCa client_ca("client CA, of all");
    const auto identity = client_ca.issue({.common_name = "alice"});
    for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
        std::promise<std::string> who;
        TlsServer server(
            {.identity = local_identity(ca), .client_ca_pem = client_ca.certificate_pem(), .version_max = version},
            [&](ServerConnection& connection) {
                who.set_value(connection.peer_common_name());
                always(answer("ok"))(connection);
            });
        auto target = target_of(server);
        target.client_certificate_pem = identity.certificate_pem;
        target.client_key_pem = identity.key_pem;
        HttpsClient client(io.get_executor(), target);
        const auto reply = send(client, get("/"));
        ASSERT_TRUE(reply) << reply.error().detail;
        EXPECT_EQ(who.get_future().get(), "alice");
        ASSERT_TRUE(client.peer());
        EXPECT_THAT(client.peer()->acceptable_client_cas, ElementsAre("CN=client CA\\, of all"));
    }
}

TEST_F(HttpsClientTest, ReportsAMissingClientCertificateAsTls) {
    const TestCa client_ca("client CA");
    TlsServer server({.identity = local_identity(ca), .client_ca_pem = client_ca.certificate_pem()},
                     always(answer("ok")));
    const auto error = error_of(target_of(server), get("/"));
    EXPECT_EQ(error.code, Errc::tls_failed);
    EXPECT_THAT(error.detail, HasSubstr("certificate required"));
}

TEST_F(HttpsClientTest, RefusesUnusablePemAndHeaderInjection) {
    auto server = serve(always(answer("ok")));
    const auto mine = ca.issue({});
    const auto other = ca.issue({});
    const auto changed = [&](auto change) {
        auto target = target_of(server);
        change(target);
        return error_of(target, get("/")).code;
    };
    EXPECT_EQ(changed([](auto& target) { target.ca_pem = "no PEM"; }), Errc::invalid_argument);
    EXPECT_EQ(changed([](auto& target) {
                  target.ca_pem += "-----BEGIN CERTIFICATE-----\nbroken\n-----END CERTIFICATE-----\n";
              }),
              Errc::invalid_argument);
    EXPECT_EQ(changed([&](auto& target) { target.client_certificate_pem = mine.certificate_pem; }),
              Errc::invalid_argument);
    EXPECT_EQ(changed([&](auto& target) {
                  target.client_certificate_pem = mine.certificate_pem;
                  target.client_key_pem = other.key_pem;
              }),
              Errc::invalid_argument);
    EXPECT_EQ(changed([](auto& target) { target.bearer_token = "a\r\nX-Remote-User: admin"; }), Errc::invalid_argument);
    EXPECT_EQ(changed([](auto& target) { target.server_name = "a\nb"; }), Errc::invalid_argument);
    for (const std::string path : {"", "a", "/a b", "/a\r\nHost: b", "/\x01", "/\xc3\xa4"}) {
        EXPECT_EQ(error_of(target_of(server), get(path)).code, Errc::invalid_argument) << path;
    }
    EXPECT_EQ(error_of(target_of(server), get(std::string("/a\0b", 4))).code, Errc::invalid_argument);
    EXPECT_EQ(server.connections(), 0);
}

// `secret` is the pass phrase: asking for it on the terminal would hang the daemon.
TEST_F(HttpsClientTest, RefusesAKeyBehindAPassPhraseWithoutAsking) {
    auto server = serve(always(answer("ok")));
    auto target = target_of(server);
    const auto identity = ca.issue({});
    target.client_certificate_pem = identity.certificate_pem;
    target.client_key_pem = test::with_pass_phrase(identity.key_pem, "secret");
    EXPECT_EQ(error_of(target, get("/")).code, Errc::invalid_argument);
}

TEST_F(HttpsClientTest, ResumesTheSessionAndRepeatsThePeer) {
    for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
        TlsServer server({.identity = local_identity(ca), .version_max = version}, always(answer("ok")));
        HttpsClient client(io.get_executor(), target_of(server));
        auto request = get("/");
        request.fresh_connection = true;
        ASSERT_TRUE(send(client, request));
        ASSERT_TRUE(client.peer());
        EXPECT_FALSE(client.peer()->resumed);
        const auto chain = client.peer()->chain_pem;
        EXPECT_EQ(chain.size(), 1U);
        for (int count = 1; count <= 3; ++count) {
            ASSERT_TRUE(send(client, request));
            EXPECT_TRUE(client.peer()->resumed);
            EXPECT_EQ(client.peer()->chain_pem, chain);
            EXPECT_EQ(server.resumptions(), count);
        }
        client.forget();
        ASSERT_TRUE(send(client, request));
        EXPECT_FALSE(client.peer()->resumed);
    }
}

TEST_F(HttpsClientTest, RefusesWhatIsNotTls) {
    TlsServer server({.identity = {}, .tls = false}, [](ServerConnection& connection) {
        connection.write_raw("HTTP/1.1 400 Bad Request\r\n\r\n");
        connection.wait_until_peer_closes();
    });
    const auto error = error_of(target_of(server), get("/"));
    EXPECT_EQ(error.code, Errc::tls_failed);
    EXPECT_THAT(error.detail, HasSubstr("wrong version number"));
}

TEST_F(HttpsClientTest, RefusesTlsOlderThan12) {
    TlsServer server({.identity = local_identity(ca), .version_max = TLS1_1_VERSION}, always(answer("ok")));
    EXPECT_EQ(error_of(target_of(server), get("/")).code, Errc::tls_failed);
}

}  // namespace
}  // namespace aggmedic
