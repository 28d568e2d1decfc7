#include "net/https_client.hpp"

#include <gmock/gmock.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_future.hpp>
#include <future>

#include "tls_server.hpp"

namespace aggmedic {
namespace {

using namespace std::chrono_literals;
using test::answer;
using test::CertificateWish;
using test::Identity;
using test::ServerConnection;
using test::ServerOptions;
using test::TestCa;
using test::TlsServer;
using testing::ElementsAre;
using testing::HasSubstr;

Identity local_identity(const TestCa& ca) {
    return ca.issue({.alternative_names = {"DNS:localhost", "IP:127.0.0.1"}});
}

HttpRequest get(std::string path, std::chrono::milliseconds timeout = 20s) {
    return {.path = std::move(path), .timeout = timeout};
}

// Serves the same bytes for every request on every connection, for as long as the client keeps them open.
TlsServer::Script always(std::string bytes) {
    return [bytes = std::move(bytes)](ServerConnection& connection) {
        while (!connection.read_request().empty()) connection.write(bytes);
    };
}

class HttpsClientTest : public testing::Test {
  protected:
    HttpsTarget target_of(const TlsServer& server) {
        return {.host = "127.0.0.1", .port = server.port(), .ca_pem = ca.certificate_pem()};
    }
    TlsServer serve(TlsServer::Script script) { return TlsServer({.identity = local_identity(ca)}, std::move(script)); }
    Result<HttpReply> send(HttpsClient& client, HttpRequest request) {
        auto reply = asio::co_spawn(io, client.send(std::move(request)), asio::use_future);
        io.restart();
        io.run();
        return reply.get();
    }
    // One GET on a client of its own.
    Result<HttpReply> ask(HttpsTarget target, HttpRequest request) {
        HttpsClient client(io.get_executor(), std::move(target));
        return send(client, std::move(request));
    }
    Error error_of(HttpsTarget target, HttpRequest request) {
        const auto reply = ask(std::move(target), std::move(request));
        return reply ? Error{.code = {}, .detail = "answered " + std::to_string(reply->status)} : reply.error();
    }

    asio::io_context io{1};
    TestCa ca;
};

TEST_F(HttpsClientTest, ReturnsStatusHeadersInOrderAndBody) {
    auto server = serve(always(answer("{}", "X-Pf: one\r\nx-pf: two\r\n", "503 Service Unavailable")));
    const auto reply = ask(target_of(server), get("/readyz"));
    ASSERT_TRUE(reply) << reply.error().detail;
    EXPECT_EQ(reply->status, 503U);
    EXPECT_EQ(reply->body, "{}");
    EXPECT_THAT(reply->all("X-PF"), ElementsAre("one", "two"));
    EXPECT_EQ(reply->first("absent"), std::nullopt);
}

TEST_F(HttpsClientTest, SendsTokenHostAndBody) {
    std::promise<std::string> seen;
    auto server = serve([&](ServerConnection& connection) {
        seen.set_value(connection.read_request());
        connection.write(answer("ok"));
    });
    auto target = target_of(server);
    target.server_name = "localhost";
    target.bearer_token = "abc.def";
    const auto reply =
        ask(target, {.method = "POST", .path = "/a?b=c", .body = "{1}", .content_type = "application/json"});
    ASSERT_TRUE(reply) << reply.error().detail;
    const auto request = seen.get_future().get();
    EXPECT_THAT(request, testing::StartsWith(
                             "POST /a?b=c HTTP/1.1\r\nHost: localhost:" + std::to_string(server.port()) + "\r\n"));
    for (const auto* line : {"Authorization: Bearer abc.def\r\n", "Content-Length: 3\r\n",
                             "Content-Type: application/json\r\n", "Accept-Encoding: identity\r\n"}) {
        EXPECT_THAT(request, HasSubstr(line));
    }
    EXPECT_TRUE(request.ends_with("\r\n\r\n{1}"));
}

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

TEST_F(HttpsClientTest, KeepsTheConnection) {
    auto server = serve(always(answer("ok")));
    HttpsClient client(io.get_executor(), target_of(server));
    for (int count = 0; count < 5; ++count) ASSERT_TRUE(send(client, get("/")));
    EXPECT_EQ(server.connections(), 1);
    auto fresh = get("/");
    fresh.fresh_connection = true;
    ASSERT_TRUE(send(client, fresh));
    EXPECT_EQ(server.connections(), 2);
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

TEST_F(HttpsClientTest, ReplacesAKeptConnectionThatWasClosed) {
    auto server = serve([](ServerConnection& connection) {
        connection.read_request();
        connection.write(answer("ok"));
        connection.say_goodbye();
    });
    HttpsClient client(io.get_executor(), target_of(server));
    for (int count = 0; count < 3; ++count) ASSERT_TRUE(send(client, get("/")));
    EXPECT_EQ(server.connections(), 3);
}

// The first connection answers once and then drops the second request unanswered; later ones answer.
TlsServer::Script drops_second_request(std::atomic<int>& requests) {
    return [&requests](ServerConnection& connection) {
        if (connection.read_request().empty()) return;
        ++requests;
        connection.write(answer("ok"));
        if (!connection.read_request().empty()) ++requests;
    };
}

TEST_F(HttpsClientTest, AsksAgainOnceWhenTheKeptConnectionDropsAGet) {
    std::atomic<int> requests = 0;
    auto server = serve(drops_second_request(requests));
    HttpsClient client(io.get_executor(), target_of(server));
    ASSERT_TRUE(send(client, get("/")));
    ASSERT_TRUE(send(client, get("/")));
    EXPECT_EQ(requests, 3);
    EXPECT_EQ(server.connections(), 2);
}

TEST_F(HttpsClientTest, NeverSendsAPatchTwice) {
    std::atomic<int> requests = 0;
    auto server = serve(drops_second_request(requests));
    HttpsClient client(io.get_executor(), target_of(server));
    ASSERT_TRUE(send(client, get("/")));
    const auto reply = send(client, {.method = "PATCH", .body = "{}"});
    ASSERT_FALSE(reply);
    EXPECT_EQ(reply.error().code, Errc::read_failed);
    EXPECT_EQ(requests, 2);
}

TEST_F(HttpsClientTest, DoesNotAskAFreshConnectionAgain) {
    auto server = serve([](ServerConnection& connection) { connection.read_request(); });
    EXPECT_EQ(error_of(target_of(server), get("/")).code, Errc::read_failed);
    EXPECT_EQ(server.connections(), 1);
}

TEST_F(HttpsClientTest, SendsConcurrentRequestsOneAfterAnother) {
    auto server = serve(always(answer("ok")));
    HttpsClient client(io.get_executor(), target_of(server));
    std::vector<std::future<Result<HttpReply>>> replies;
    for (int count = 0; count < 20; ++count)
        replies.push_back(asio::co_spawn(io, client.send(get("/")), asio::use_future));
    io.run();
    for (auto& reply : replies) EXPECT_TRUE(reply.get());
    EXPECT_EQ(server.connections(), 1);
}

TEST_F(HttpsClientTest, StopsAtTheBodyLimit) {
    const std::string claimed = "HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n";
    const std::string chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n40000000\r\n";
    const std::string until_close = "HTTP/1.0 200 OK\r\n\r\n";
    for (const auto& head : {claimed, chunked, until_close}) {
        std::atomic<std::size_t> written = 0;
        auto server = serve([&](ServerConnection& connection) {
            connection.read_request();
            const std::string block(64 * 1024, 'x');
            connection.write(head);
            while (written < (1U << 30) && connection.write(block)) written += block.size();
        });
        auto request = get("/");
        request.body_limit = 1024 * 1024;
        EXPECT_EQ(error_of(target_of(server), request).code, Errc::too_large) << head;
        EXPECT_LT(written, 64U << 20) << head;
    }
}

TEST_F(HttpsClientTest, AcceptsABodyOfExactlyTheLimit) {
    auto server = serve(always(answer(std::string(1000, 'x'))));
    auto request = get("/");
    request.body_limit = 1000;
    EXPECT_TRUE(ask(target_of(server), request));
    request.body_limit = 999;
    EXPECT_EQ(error_of(target_of(server), request).code, Errc::too_large);
}

TEST_F(HttpsClientTest, StopsAtTheHeaderLimit) {
    auto endless = serve([](ServerConnection& connection) {
        connection.read_request();
        connection.write("HTTP/1.1 200 OK\r\n");
        while (connection.write("X-Filler: " + std::string(1000, 'y') + "\r\n")) continue;
    });
    EXPECT_EQ(error_of(target_of(endless), get("/")).code, Errc::too_large);
    auto one_line = serve([](ServerConnection& connection) {
        connection.read_request();
        connection.write("HTTP/1.1 200 OK\r\nX: ");
        while (connection.write(std::string(1000, 'y'))) continue;
    });
    EXPECT_EQ(error_of(target_of(one_line), get("/")).code, Errc::too_large);
}

TEST_F(HttpsClientTest, DoesNotFollowARedirect) {
    auto server = serve(always(answer("", "Location: https://127.0.0.1:1/\r\n", "302 Found")));
    const auto reply = ask(target_of(server), get("/"));
    ASSERT_TRUE(reply);
    EXPECT_EQ(reply->status, 302U);
    EXPECT_EQ(server.connections(), 1);
}

TEST_F(HttpsClientTest, RefusesContentCodings) {
    for (const auto* header : {"Content-Encoding: gzip\r\n", "content-encoding: GZIP, identity\r\n"}) {
        auto server = serve(always(answer("\x1f\x8b", header)));
        const auto error = error_of(target_of(server), get("/"));
        EXPECT_EQ(error.code, Errc::malformed_reply) << header;
    }
    auto coded = serve(always("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"));
    EXPECT_EQ(error_of(target_of(coded), get("/")).code, Errc::malformed_reply);
    auto identity = serve(always(answer("ok", "Content-Encoding: identity\r\n")));
    EXPECT_TRUE(ask(target_of(identity), get("/")));
}

TEST_F(HttpsClientTest, RefusesWhatIsNotHttp) {
    for (const std::string reply :
         {"SSH-2.0-OpenSSH_9.2\r\n\r\n", "HTTP/1.1 abc OK\r\n\r\n", "HTTP/3.0 200 OK\r\n\r\n",
          "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "HTTP/1.1 200 OK\r\nBad Name: x\r\n\r\n",
          "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
          "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nabc",
          "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n"}) {
        auto server = serve(always(reply));
        EXPECT_EQ(error_of(target_of(server), get("/")).code, Errc::malformed_reply) << reply;
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

TEST_F(HttpsClientTest, ReadsHttp10ToTheEndOfTheConnection) {
    auto server = serve([](ServerConnection& connection) {
        connection.read_request();
        connection.write("HTTP/1.0 200 OK\r\n\r\nall of it");
        connection.say_goodbye();
    });
    const auto reply = ask(target_of(server), get("/"));
    ASSERT_TRUE(reply) << reply.error().detail;
    EXPECT_EQ(reply->body, "all of it");
}

TEST_F(HttpsClientTest, ReportsAConnectionThatEndsInTheBody) {
    for (const std::string start :
         {"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf", "HTTP/1.0 200 OK\r\n\r\ncut without goodbye",
          "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n"}) {
        auto server = serve([&](ServerConnection& connection) {
            connection.read_request();
            connection.write(start);
        });
        EXPECT_EQ(error_of(target_of(server), get("/")).code, Errc::read_failed) << start;
    }
}

TEST_F(HttpsClientTest, SkipsInterimAnswersUpToALimit) {
    auto polite = serve(always("HTTP/1.1 103 Early Hints\r\n\r\n" + answer("ok")));
    const auto reply = ask(target_of(polite), get("/"));
    ASSERT_TRUE(reply) << reply.error().detail;
    EXPECT_EQ(reply->status, 200U);
    auto endless = serve([](ServerConnection& connection) {
        connection.read_request();
        while (connection.write("HTTP/1.1 100 Continue\r\n\r\n")) continue;
    });
    EXPECT_EQ(error_of(target_of(endless), get("/")).code, Errc::malformed_reply);
}

TEST_F(HttpsClientTest, ReadsNoBodyAfterHead) {
    auto server = serve(always("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n"));
    HttpsClient client(io.get_executor(), target_of(server));
    for (int count = 0; count < 2; ++count) {
        const auto reply = send(client, {.method = "HEAD"});
        ASSERT_TRUE(reply) << reply.error().detail;
        EXPECT_EQ(reply->body, "");
    }
    EXPECT_EQ(server.connections(), 1);
}

TEST_F(HttpsClientTest, DoesNotReuseAConnectionWithBytesLeftOver) {
    auto server = serve(always(answer("ok") + answer("smuggled")));
    HttpsClient client(io.get_executor(), target_of(server));
    for (int count = 0; count < 2; ++count) EXPECT_EQ(send(client, get("/"))->body, "ok");
    EXPECT_EQ(server.connections(), 2);
}

TEST_F(HttpsClientTest, ReportsARefusedConnection) {
    std::uint16_t port = 0;
    {
        const test::Listener gone;
        port = gone.port();
    }
    const auto error = error_of({.host = "127.0.0.1", .port = port}, get("/"));
    EXPECT_EQ(error.code, Errc::connect_failed);
    EXPECT_THAT(error.detail, HasSubstr("Connection refused"));
}

TEST_F(HttpsClientTest, ReportsANameThatDoesNotExist) {
    // A machine without a reachable name server may take the whole deadline instead.
    const auto error = error_of({.host = "no-such-host.invalid"}, get("/", 2s));
    EXPECT_TRUE(error.code == Errc::resolve_failed || error.code == Errc::timeout) << error.detail;
    EXPECT_THAT(error.detail, HasSubstr("resolving no-such-host.invalid"));
}

TEST_F(HttpsClientTest, UsesEveryAddressOfAName) {
    auto server = serve(always(answer("ok")));  // on IPv4 only, while localhost may be ::1 first
    auto target = target_of(server);
    target.host = "localhost";
    EXPECT_TRUE(ask(target, get("/")));
}

struct Phase {
    std::string name;  // in the error's detail
    bool tls;
    TlsServer::Script script;  // reaches the phase, tells so, and stays in it until the client is gone
};

std::vector<Phase> phases(const std::function<void()>& reached) {
    const auto hang = [reached](ServerConnection& connection) {
        reached();
        connection.wait_until_peer_closes();
    };
    const auto after = [hang](std::string bytes) {
        return [hang, bytes](ServerConnection& connection) {
            connection.read_request();
            connection.write(bytes);
            hang(connection);
        };
    };
    const auto drip = [reached](ServerConnection& connection) {
        connection.read_request();
        connection.write("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n");
        reached();
        while (!connection.peer_closed_within(5) && connection.write("x")) continue;
    };
    return {{"TLS handshake", false, hang},
            {"reading the answer's header", true, after("")},
            {"reading the answer's header", true, after("HTTP/1.1 200 OK\r\nX: ")},
            {"reading the answer's body", true, after("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf")},
            {"reading the answer's body", true, drip}};
}

TEST_F(HttpsClientTest, EndsEachPhaseAtTheDeadlineAndNamesIt) {
    for (const auto& phase : phases([] {})) {
        TlsServer server({.identity = phase.tls ? local_identity(ca) : Identity{}, .tls = phase.tls}, phase.script);
        const auto begin = std::chrono::steady_clock::now();
        const auto error = error_of(target_of(server), get("/", 700ms));
        const auto took = std::chrono::steady_clock::now() - begin;
        EXPECT_EQ(error.code, Errc::timeout) << phase.name << ": " << error.detail;
        EXPECT_THAT(error.detail, testing::AllOf(HasSubstr(phase.name), HasSubstr("deadline exceeded")));
        EXPECT_GE(took, 700ms);
        EXPECT_LT(took, 10s);
    }
}

TEST_F(HttpsClientTest, EndsConnectingAtTheDeadline) {
    // A listener whose queue is full drops the next SYN.
    const test::Listener full(0);
    const asio::ip::tcp::endpoint address(asio::ip::address_v4::loopback(), full.port());
    std::vector<asio::ip::tcp::socket> queued;
    for (int count = 0; count < 4; ++count) {
        queued.emplace_back(io).async_connect(address, [](boost::system::error_code) {});
    }
    io.run_for(200ms);
    HttpsClient client(io.get_executor(), {.host = "127.0.0.1", .port = full.port()});
    auto reply = asio::co_spawn(io, client.send(get("/", 300ms)), asio::use_future);
    while (reply.wait_for(0s) != std::future_status::ready) io.run_one();
    const auto result = reply.get();
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, Errc::timeout);
    EXPECT_THAT(result.error().detail, HasSubstr("connecting to 127.0.0.1"));
}

TEST_F(HttpsClientTest, CanBeCancelledInEachPhaseAndUsedAgain) {
    asio::cancellation_signal cancel;
    const auto reached = [&] { asio::post(io, [&] { cancel.emit(asio::cancellation_type::terminal); }); };
    for (const auto& phase : phases(reached)) {
        TlsServer server({.identity = phase.tls ? local_identity(ca) : Identity{}, .tls = phase.tls}, phase.script);
        HttpsClient client(io.get_executor(), target_of(server));
        for (int round = 0; round < 2; ++round) {
            std::optional<Result<HttpReply>> outcome;
            const auto done = [&](const std::exception_ptr& thrown, Result<HttpReply> reply) {
                outcome = thrown ? Result<HttpReply>(fail(Errc::cancelled, "thrown")) : std::move(reply);
            };
            asio::co_spawn(io, client.send(get("/", 60s)), asio::bind_cancellation_slot(cancel.slot(), done));
            io.restart();
            io.run();
            ASSERT_TRUE(outcome && !*outcome) << phase.name;
            EXPECT_EQ(outcome->error().code, Errc::cancelled) << phase.name << ": " << outcome->error().detail;
        }
    }
}

}  // namespace
}  // namespace aggmedic
