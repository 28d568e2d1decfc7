#include <atomic>

#include "https_fixture.hpp"

namespace aggmedic {
namespace {

using namespace std::chrono_literals;
using test::answer;
using test::ServerConnection;
using testing::HasSubstr;

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

TEST_F(HttpsClientTest, TheFirstPartOfALongBodyIsAnAnswerWhereThatIsEnough) {
    for (const std::string head :
         {"HTTP/1.1 200 OK\r\nContent-Length: 33554432\r\n\r\n",
          "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2000000\r\n", "HTTP/1.0 200 OK\r\n\r\n"}) {
        std::atomic<std::size_t> written = 0;
        auto server = serve([&](ServerConnection& connection) {
            connection.read_request();
            const std::string block(64 * 1024, 'x');
            connection.write(head);
            while (written < (1U << 25) && connection.write(block)) written += block.size();
        });
        auto request = get("/");
        request.body_limit = 256 * 1024;
        request.prefix_is_enough = true;
        const auto reply = ask(target_of(server), request);
        ASSERT_TRUE(reply) << head << reply.error().detail;
        EXPECT_GE(reply->body.size(), request.body_limit) << head;
        EXPECT_LE(reply->body.size(), 2 * request.body_limit) << head;
    }
    auto hostile = serve(always("HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n"));
    auto request = get("/");
    request.prefix_is_enough = true;
    EXPECT_EQ(error_of(target_of(hostile), request).code, Errc::too_large);
    auto small = serve(always(answer("all of it")));
    EXPECT_EQ(ask(target_of(small), request)->body, "all of it");
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

}  // namespace
}  // namespace aggmedic
