#include "net/tcp.hpp"

#include <fmt/format.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ip/address.hpp>
#include <cerrno>
#include <memory>

namespace aggmedic {
namespace {

using asio::ip::tcp;
using Endpoints = std::vector<tcp::endpoint>;

// A path that died silently (a NAT's table, a cut cable) is noticed between two requests, not in the middle of one.
// A socket that does not take an option still works.
void prepare(tcp::socket& socket) {
    const auto set = [&](int level, int option, int value) {
        ::setsockopt(socket.native_handle(), level, option, &value, sizeof value);
    };
    set(IPPROTO_TCP, TCP_NODELAY, 1);
    set(SOL_SOCKET, SO_KEEPALIVE, 1);
    set(IPPROTO_TCP, TCP_KEEPIDLE, 10);
    set(IPPROTO_TCP, TCP_KEEPINTVL, 5);
    set(IPPROTO_TCP, TCP_KEEPCNT, 3);
}

// A socket has no default constructor, which a Result inside a parallel group needs.
using SocketPointer = std::unique_ptr<tcp::socket>;

asio::awaitable<Result<SocketPointer>> connect_one(tcp::endpoint endpoint) {
    auto socket = std::make_unique<tcp::socket>(co_await asio::this_coro::executor);
    const auto [error] = co_await socket->async_connect(endpoint, asio::as_tuple(asio::use_awaitable));
    if (error == asio::error::operation_aborted) co_return fail(Errc::cancelled, "connecting: cancelled");
    if (error) co_return fail(Errc::connect_failed, error.message());
    prepare(*socket);
    co_return socket;
}

}  // namespace

asio::awaitable<Result<tcp::socket>> connect_any(Endpoints endpoints, SteadyTime deadline) {
    Error last{.code = Errc::connect_failed, .detail = "no address"};
    for (std::size_t index = 0; index < endpoints.size(); ++index) {
        const auto now = std::chrono::steady_clock::now();
        const auto share = (deadline - now) / static_cast<int>(endpoints.size() - index);
        const auto what = fmt::format("connecting to {}",
                                      host_and_port(endpoints[index].address().to_string(), endpoints[index].port()));
        auto attempt = connect_one(endpoints[index]);
        auto socket = co_await with_deadline(now + share, what, std::move(attempt));
        if (socket) co_return std::move(**socket);
        last = std::move(socket.error());
        if (last.code == Errc::connect_failed) last.detail = what + ": " + last.detail;
        if (last.code == Errc::cancelled) break;
    }
    co_return std::unexpected(std::move(last));
}

std::string host_and_port(const std::string& host, std::uint16_t port) {
    return host.find(':') == std::string::npos ? fmt::format("{}:{}", host, port) : fmt::format("[{}]:{}", host, port);
}

bool is_idle(tcp::socket& socket) {
    char byte = 0;
    const auto received = ::recv(socket.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return received < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
}

}  // namespace aggmedic
