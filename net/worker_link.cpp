#include "net/worker_link.hpp"

#include <fmt/format.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include "net/descriptor_passing.hpp"

namespace aggmedic {

using ssh_protocol::Reply;
using ssh_protocol::Request;

Result<std::shared_ptr<WorkerLink>> WorkerLink::start(const asio::any_io_executor& executor,
                                                      const std::string& program) {
    auto process = WorkerProcess::start(program);
    if (!process) return std::unexpected(std::move(process.error()));
    asio::local::stream_protocol::socket socket(executor, asio::local::stream_protocol(), process->release_socket());
    auto link = std::make_shared<WorkerLink>(std::move(socket), std::move(*process));
    // Detached: it ends itself with the socket and throws nothing (errors are tuples).
    asio::co_spawn(executor, link->read_replies(), asio::detached);
    return link;
}

WorkerLink::Waiting::Waiting(WorkerLink& owner, std::uint64_t request, const asio::any_io_executor& executor,
                             SteadyTime deadline)
    : link(owner), id(request), timer(executor, deadline) {
    link.waiting_[id] = this;
}

WorkerLink::Waiting::~Waiting() {
    link.waiting_.erase(id);
}

void WorkerLink::Waiting::answer(Result<Reply> with) {
    reply = std::move(with);
    timer.cancel();
}

asio::awaitable<Result<Reply>> WorkerLink::ask(std::uint64_t id, std::uint64_t session, Body body, SteadyTime deadline,
                                               Descriptor connection) {
    const auto self = shared_from_this();
    if (ended_) co_return fail(Errc::worker_lost, "the SSH worker has ended");
    auto posted = post({.id = id, .body = std::move(body)}, std::move(connection));
    if (!posted) co_return std::unexpected(std::move(posted.error()));
    Waiting waiting(*this, id, executor(), deadline);
    const auto [interrupted] = co_await waiting.timer.async_wait(asio::as_tuple(asio::use_awaitable));
    if (waiting.reply) {
        const auto* error = *waiting.reply ? std::get_if<Error>(&(*waiting.reply)->body) : nullptr;
        if (error != nullptr) co_return std::unexpected(*error);
        co_return std::move(*waiting.reply);
    }
    if (interrupted) {
        abandoned_.insert(id);
        close_session(session);
        co_return fail(Errc::cancelled, "cancelled");
    }
    // The worker has a deadline of its own, an earlier one: it hangs, and would hang the next caller too.
    end("it did not answer in time");
    co_return fail(Errc::timeout, "the SSH worker did not answer in time");
}

void WorkerLink::close_session(std::uint64_t session) {
    if (ended_) return;
    const auto posted = post({.id = new_id(), .body = ssh_protocol::Close{.session = session}});
    if (!posted) end(posted.error().detail);
}

Result<void> WorkerLink::post(const Request& request, Descriptor connection) {
    auto message = encode(request);
    if (!message) return std::unexpected(std::move(message.error()));
    auto framed = ssh_protocol::frame(*message);
    if (!framed) return std::unexpected(std::move(framed.error()));
    outgoing_.push_back({.bytes = std::move(*framed), .connection = std::move(connection)});
    if (!std::exchange(writing_, true)) asio::co_spawn(executor(), write_requests(), asio::detached);
    return {};
}

asio::awaitable<Result<void>> WorkerLink::write_request(std::string bytes, Descriptor connection) {
    std::size_t sent = 0;
    if (connection) {
        auto first = co_await send_with_descriptor(socket_, bytes.front(), connection);
        if (!first) co_return first;
        sent = 1;
    }
    const auto rest = asio::buffer(bytes) + sent;
    const auto [error, size] = co_await asio::async_write(socket_, rest, asio::as_tuple(asio::use_awaitable));
    if (error) co_return fail(Errc::write_failed, error.message());
    co_return Result<void>();
}

asio::awaitable<void> WorkerLink::write_requests() {
    const auto self = shared_from_this();
    while (!outgoing_.empty() && !ended_) {
        auto next = std::move(outgoing_.front());
        outgoing_.pop_front();
        const auto written = co_await write_request(std::move(next.bytes), std::move(next.connection));
        if (!written) break;  // the reader sees the end of the connection too, and ends the link
    }
    writing_ = false;
}

asio::awaitable<void> WorkerLink::read_replies() {
    const auto self = shared_from_this();
    while (!ended_) {
        const auto message = co_await ssh_protocol::read_message(socket_);
        if (!message) {
            end(message.error().code == Errc::read_failed ? "" : message.error().detail);
            break;
        }
        const auto delivered = deliver(*message);
        if (!delivered) end(delivered.error().detail);
    }
}

Result<void> WorkerLink::deliver(std::string_view message) {
    auto reply = ssh_protocol::decode_reply(message);
    if (!reply) return std::unexpected(std::move(reply.error()));
    const auto id = reply->id;
    if (abandoned_.erase(id) == 1) {
        // A connect whose caller has gone: close_session told the worker, which may not have read that before this
        // reply.
        return {};
    }
    const auto found = waiting_.find(id);
    if (found == waiting_.end() || found->second->reply) return fail(Errc::malformed_reply, "a reply to no request");
    found->second->answer(std::move(*reply));
    return {};
}

void WorkerLink::end(const std::string& why) {
    if (std::exchange(ended_, true)) return;
    boost::system::error_code ignored;
    socket_.close(ignored);
    outgoing_.clear();
    const auto how = process_.stop();
    const auto detail =
        why.empty() ? fmt::format("the SSH worker ended ({})", how) : fmt::format("the SSH worker was killed: {}", why);
    for (const auto& [id, waiting] : waiting_) {
        if (!waiting->reply) waiting->answer(fail(Errc::worker_lost, detail));
    }
}

}  // namespace aggmedic
