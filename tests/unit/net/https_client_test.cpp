#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>
#include <future>

#include "https_fixture.hpp"

namespace aggmedic {
namespace {

using test::answer;
using test::ServerConnection;
using test::TlsServer;
using testing::ElementsAre;
using testing::HasSubstr;

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

TEST_F(HttpsClientTest, DoesNotFollowARedirect) {
    auto server = serve(always(answer("", "Location: https://127.0.0.1:1/\r\n", "302 Found")));
    const auto reply = ask(target_of(server), get("/"));
    ASSERT_TRUE(reply);
    EXPECT_EQ(reply->status, 302U);
    EXPECT_EQ(server.connections(), 1);
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

TEST_F(HttpsClientTest, UsesEveryAddressOfAName) {
    auto server = serve(always(answer("ok")));  // on IPv4 only, while localhost may be ::1 first
    auto target = target_of(server);
    target.host = "localhost";
    EXPECT_TRUE(ask(target, get("/")));
}

}  // namespace
}  // namespace aggmedic
