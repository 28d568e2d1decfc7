#include "daemon/http_server.hpp"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <nlohmann/json.hpp>
#include <thread>

namespace aggmedic::daemon {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

asio::awaitable<nlohmann::json> page(std::string name) {
    co_return nlohmann::json{{"page", name}, {"clusters", nlohmann::json::array()}};
}

// A server on port 0 in a thread of its own, asked over plain blocking sockets.
class HttpServerTest : public testing::Test {
  protected:
    HttpServerTest() {
        HttpHandlers handlers{.metrics = [] { return std::string("metric 1\n"); },
                              .ready = [] { return false; },
                              .alive = [] { return true; },
                              .reload =
                                  [this] {
                                      ++reloads;
                                      return Result<void>();
                                  },
                              .api = page};
        server = std::move(*HttpServer::listen(io.get_executor(), "127.0.0.1", 0, std::move(handlers)));
        port = server->port();
        asio::co_spawn(io, server->serve(), asio::detached);
        thread = std::thread([this] { io.run(); });
    }
    ~HttpServerTest() override {
        asio::post(io, [this] { server.reset(); });
        asio::post(io, [this] { io.stop(); });
        thread.join();
    }

    int connect() const {
        const int descriptor = ::socket(AF_INET, SOCK_STREAM, 0);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(port);
        ::inet_pton(AF_INET, "127.0.0.1", &address.sin_addr);
        const timeval limit{.tv_sec = 15, .tv_usec = 0};
        ::setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
        EXPECT_EQ(::connect(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
        return descriptor;
    }

    static std::string read_all(int descriptor) {
        std::string text;
        char buffer[4096];
        for (ssize_t count; (count = ::recv(descriptor, buffer, sizeof buffer, 0)) > 0;)
            text.append(buffer, static_cast<std::size_t>(count));
        ::close(descriptor);
        return text;
    }

    std::string ask(std::string_view request) const {
        const int descriptor = connect();
        EXPECT_EQ(::send(descriptor, request.data(), request.size(), MSG_NOSIGNAL),
                  static_cast<ssize_t>(request.size()));
        return read_all(descriptor);
    }
    std::string get(std::string_view path, std::string_view method = "GET") const {
        return ask(std::string(method) + " " + std::string(path) + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    }

    int reloads = 0;
    asio::io_context io{1};
    std::unique_ptr<HttpServer> server;
    std::uint16_t port = 0;
    std::thread thread;
};

TEST_F(HttpServerTest, ServesItsPages) {
    EXPECT_THAT(get("/metrics"), HasSubstr("text/plain; version=0.0.4"));
    EXPECT_THAT(get("/metrics?a=b"), HasSubstr("\r\n\r\nmetric 1\n"));
    EXPECT_THAT(get("/-/healthy"), StartsWith("HTTP/1.1 200"));
    EXPECT_THAT(get("/-/ready"), StartsWith("HTTP/1.1 503"));
    EXPECT_THAT(get("/"), HasSubstr("</html>"));
    EXPECT_THAT(get("/api/v1/plans"), HasSubstr("\"page\": \"plans\""));
    EXPECT_THAT(get("/api/v1/secrets"), StartsWith("HTTP/1.1 404"));
    EXPECT_THAT(get("/../etc/passwd"), StartsWith("HTTP/1.1 404"));
}

TEST_F(HttpServerTest, OnlyReloadTakesAPost) {
    EXPECT_THAT(get("/metrics", "POST"), StartsWith("HTTP/1.1 405"));
    EXPECT_THAT(get("/api/v1/plans", "DELETE"), StartsWith("HTTP/1.1 405"));
    EXPECT_THAT(get("/-/reload"), StartsWith("HTTP/1.1 405"));
    EXPECT_EQ(reloads, 0);
    EXPECT_THAT(get("/-/reload", "POST"), StartsWith("HTTP/1.1 200"));
    EXPECT_EQ(reloads, 1);
}

TEST_F(HttpServerTest, AHeadHasTheLengthAndNoBody) {
    const auto reply = get("/metrics", "HEAD");
    EXPECT_THAT(reply, HasSubstr("Content-Length: 9\r\n"));
    EXPECT_TRUE(reply.ends_with("\r\n\r\n"));
}

TEST_F(HttpServerTest, RefusesALargeHeaderAndALargeBody) {
    const auto large = "GET / HTTP/1.1\r\nHost: x\r\nA: " + std::string(9000, 'a') + "\r\n\r\n";
    EXPECT_THAT(ask(large), StartsWith("HTTP/1.1 431"));
    EXPECT_THAT(ask("POST /-/reload HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n"),
                StartsWith("HTTP/1.1 413"));
    EXPECT_THAT(ask("nonsense\r\n\r\n"), StartsWith("HTTP/1.1 400"));
    EXPECT_EQ(reloads, 0);
}

TEST_F(HttpServerTest, CutsOffWhoNeverEndsItsRequest) {
    const int slow = connect();
    const std::string_view beginning = "GET / HTTP/1.1\r\nHost: x\r\n";
    EXPECT_GT(::send(slow, beginning.data(), beginning.size(), MSG_NOSIGNAL), 0);
    EXPECT_THAT(get("/-/healthy"), StartsWith("HTTP/1.1 200"));  // the others are served meanwhile
    const auto begun = std::chrono::steady_clock::now();
    EXPECT_EQ(read_all(slow), "");
    EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(14));
}

TEST_F(HttpServerTest, BoundsItsConnections) {
    std::vector<int> open;
    for (int count = 0; count < 64; ++count) open.push_back(connect());
    // One more is closed at once: its reader sees the end, not a page.
    EXPECT_EQ(read_all(connect()), "");
    for (const int descriptor : open) ::close(descriptor);
}

TEST(HttpServer, SaysWhyItCannotListen) {
    asio::io_context io(1);
    const auto first = HttpServer::listen(io.get_executor(), "127.0.0.1", 0, {});
    ASSERT_TRUE(first);
    const auto second = HttpServer::listen(io.get_executor(), "127.0.0.1", (*first)->port(), {});
    ASSERT_FALSE(second);
    EXPECT_THAT(second.error().detail, HasSubstr("cannot listen on 127.0.0.1:"));
}

}  // namespace
}  // namespace aggmedic::daemon
