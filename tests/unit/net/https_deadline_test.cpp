#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_future.hpp>
#include <future>
#include <optional>

#include "https_fixture.hpp"

namespace aggmedic {
namespace {

using namespace std::chrono_literals;
using test::answer;
using test::Identity;
using test::ServerConnection;
using test::TlsServer;
using testing::HasSubstr;

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
        EXPECT_LT(took, 30s);
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
