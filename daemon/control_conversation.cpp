#include "daemon/control_conversation.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <cerrno>

#include "net/deadline.hpp"

namespace aggmedic::daemon {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using Socket = asio::local::stream_protocol::socket;

constexpr std::size_t request_bytes_max = 64 * 1024;
constexpr std::size_t queued_bytes_max = 16 * 1024 * 1024;
constexpr auto request_time = 10s;
constexpr auto write_time = 30s;

std::string line_of(const char* key, const json& value) {
    return json{{key, value}}.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
}

std::int64_t peer_uid(Socket& socket) {
    ucred peer{};
    socklen_t size = sizeof peer;
    if (::getsockopt(socket.native_handle(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return -1;
    return peer.uid;
}

asio::awaitable<Result<std::string>> read_line(Socket& socket) {
    std::string text;
    auto [failed, size] = co_await asio::async_read_until(socket, asio::dynamic_buffer(text, request_bytes_max), '\n',
                                                          asio::as_tuple(asio::use_awaitable));
    if (failed == asio::error::not_found) co_return fail(Errc::too_large, "a request is one line of at most 64 KiB");
    if (failed) co_return fail(Errc::read_failed, failed.message());
    co_return text.substr(0, size - 1);
}

asio::awaitable<Result<std::size_t>> write_all(Socket& socket, const std::string& line) {
    auto [failed, size] = co_await asio::async_write(socket, asio::buffer(line), asio::as_tuple(asio::use_awaitable));
    if (failed) co_return fail(Errc::write_failed, failed.message());
    co_return size;
}

// Closed on both sides, not only finished with writing (as `socat` is after its last byte).
bool is_hung_up(int descriptor) {
    pollfd poll{.fd = descriptor, .events = 0, .revents = 0};
    return ::poll(&poll, 1, 0) > 0 && (poll.revents & (POLLHUP | POLLERR)) != 0;
}

}  // namespace

ControlConversation::ControlConversation(Socket socket, ControlSocket::Handler handler)
    : socket_(std::move(socket)), handler_(std::move(handler)), wake_(socket_.get_executor(), SteadyTime::max()) {}

asio::awaitable<void> ControlConversation::run() {
    const auto self = shared_from_this();
    auto request = co_await read_request();
    asio::co_spawn(socket_.get_executor(), [self]() { return self->watch_peer(); }, asio::detached);
    if (request) {
        asio::co_spawn(
            socket_.get_executor(), [self, asked = *request]() { return self->answer(asked); },
            asio::bind_cancellation_slot(gone_.slot(), [self](const std::exception_ptr&) {
                self->finished_ = true;
                self->wake_.cancel();
            }));
    } else {
        push(line_of("reply", to_json(Reply{.exit_status = 2, .error = request.error().detail, .result = {}})));
        finished_ = true;
    }
    co_await write_lines();
    close();
}

asio::awaitable<Result<Request>> ControlConversation::read_request() {
    const auto line = co_await with_deadline(std::chrono::steady_clock::now() + request_time, "reading the request",
                                             read_line(socket_));
    if (!line) co_return std::unexpected(line.error());
    auto request = parse_request(*line);
    if (!request) co_return request;
    request->uid = peer_uid(socket_);
    const auto refusal = refusal_for(*request, ::geteuid());
    if (!refusal.empty()) co_return fail(Errc::refused, refusal);
    co_return request;
}

asio::awaitable<void> ControlConversation::answer(Request request) {
    const auto self = shared_from_this();
    const auto progress = [weak = weak_from_this()](const json& value) {
        if (const auto alive = weak.lock()) alive->push(line_of("progress", value));
    };
    const auto reply = co_await handler_(std::move(request), progress);
    push(line_of("reply", to_json(reply)));
}

void ControlConversation::push(std::string line) {
    if (peer_gone_ || finished_) return;
    queued_bytes_ += line.size();
    lines_.push_back(std::move(line));
    if (queued_bytes_ > queued_bytes_max) {
        abandon();
    } else {
        wake_.cancel();
    }
}

asio::awaitable<void> ControlConversation::write_lines() {
    for (;;) {
        while (!lines_.empty() && !peer_gone_) {
            const auto line = std::move(lines_.front());
            lines_.pop_front();
            queued_bytes_ -= line.size();
            const auto deadline = std::chrono::steady_clock::now() + write_time;
            const auto written = co_await with_deadline(deadline, "writing", write_all(socket_, line));
            if (!written) abandon();
        }
        if (finished_ || peer_gone_) co_return;
        co_await wake_.async_wait(asio::as_tuple(asio::use_awaitable));
    }
}

// A client that goes away detaches from what it asked for: what is only a question stops, a run goes on.
asio::awaitable<void> ControlConversation::watch_peer() {
    const auto self = shared_from_this();
    bool half_closed = false;
    while (socket_.is_open()) {
        const auto what = half_closed ? Socket::wait_error : Socket::wait_read;
        auto [failed] = co_await socket_.async_wait(what, asio::as_tuple(asio::use_awaitable));
        if (failed || !socket_.is_open()) co_return;
        if (is_hung_up(socket_.native_handle())) break;
        std::array<char, 1024> ignored{};
        const auto count = ::recv(socket_.native_handle(), ignored.data(), ignored.size(), MSG_DONTWAIT);
        if (count == 0) half_closed = true;
        if (count < 0 && errno != EAGAIN && errno != EINTR) break;
    }
    abandon();
}

void ControlConversation::abandon() {
    if (peer_gone_) return;
    peer_gone_ = true;
    lines_.clear();
    queued_bytes_ = 0;
    wake_.cancel();
    // Never from within the coroutine that is cancelled: one that was not suspended yet would end the program
    // (Asio 1.81 waits once more outside of its own try block).
    asio::post(socket_.get_executor(),
               [self = shared_from_this()] { self->gone_.emit(asio::cancellation_type::terminal); });
}

void ControlConversation::close() {
    boost::system::error_code ignored;
    socket_.close(ignored);
    abandon();
}

}  // namespace aggmedic::daemon
