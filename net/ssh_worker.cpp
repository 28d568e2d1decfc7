#include "net/ssh_worker.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "net/resolve.hpp"
#include "net/tcp.hpp"
#include "net/text.hpp"
#include "net/worker_link.hpp"

namespace aggmedic {
namespace {

using ssh_protocol::Connected;

// The worker ends a request at its own deadline; ours is a little later and means that the worker hangs.
constexpr std::chrono::seconds worker_grace{5};

// What a host and the coroutines that call it share: a call may outlive the RemoteHost that it was made on.
struct HostState {
    std::shared_ptr<WorkerLink> link;
    std::uint64_t session = 0;
    std::string peer{};
    std::shared_ptr<void> use{};  // of the worker
    bool closed = false;          // after a failed or cancelled call nothing is known about the session
};

Error describe(Error error, const HostState& host, const std::string& verb) {
    return {error.code, fmt::format("{} on {}: {}", printable(verb, 64), host.peer, error.detail)};
}

Error wrong_kind(WorkerLink& link) {
    link.end("a reply of another kind than the request");
    return {Errc::worker_lost, "the SSH worker was killed: a reply of another kind than the request"};
}

asio::awaitable<Result<VerbReply>> call_verb(std::shared_ptr<HostState> host, VerbCall call) {
    if (host->closed)
        co_return std::unexpected(describe({Errc::write_failed, "the session has ended"}, *host, call.verb));
    const auto verb = call.verb;
    const auto deadline = std::chrono::steady_clock::now() + call.timeout + worker_grace;
    WorkerLink::Body body = ssh_protocol::Verb{.session = host->session, .call = std::move(call)};
    auto reply = co_await host->link->ask(host->link->new_id(), host->session, std::move(body), deadline);
    if (!reply) {
        const auto code = reply.error().code;
        const bool refused = code == Errc::invalid_argument;  // before anything was sent to the host
        host->closed = host->closed || !refused;
        co_return std::unexpected(describe(std::move(reply.error()), *host, verb));
    }
    auto* output = std::get_if<VerbReply>(&reply->body);
    if (output == nullptr) co_return std::unexpected(wrong_kind(*host->link));
    co_return std::move(*output);
}

// The worker can neither look up a name nor connect: it is given the connection to this one host.
asio::awaitable<Result<Descriptor>> dial(std::string address, std::uint16_t port, SteadyTime deadline) {
    auto endpoints = co_await resolve(std::move(address), port, deadline);
    if (!endpoints) co_return std::unexpected(std::move(endpoints.error()));
    auto socket = co_await connect_any(std::move(*endpoints), deadline);
    if (!socket) co_return std::unexpected(std::move(socket.error()));
    co_return Descriptor(socket->release());
}

WorkerLink::Body connect_request(SshTarget target, SteadyTime deadline) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    return ssh_protocol::Connect{.target = std::move(target), .timeout = std::max(left, std::chrono::milliseconds(0))};
}

class WorkerHost : public RemoteHost {
  public:
    explicit WorkerHost(std::shared_ptr<HostState> state) : state_(std::move(state)) {}
    WorkerHost(const WorkerHost&) = delete;
    WorkerHost& operator=(const WorkerHost&) = delete;
    ~WorkerHost() override { state_->link->close_session(state_->session); }

    asio::awaitable<Result<VerbReply>> call(VerbCall call) override { return call_verb(state_, std::move(call)); }

  private:
    std::shared_ptr<HostState> state_;
};

}  // namespace

class SshWorker::Impl : public std::enable_shared_from_this<Impl> {
  public:
    Impl(asio::any_io_executor executor, std::string program, std::chrono::milliseconds linger)
        : executor_(std::move(executor)), program_(std::move(program)), linger_(linger), idle_(executor_) {}

    Result<std::shared_ptr<WorkerLink>> running() {
        if (stopped_) return fail(Errc::worker_lost, "the SSH worker was shut down");
        if (link_ && !link_->ended()) return link_;
        auto link = WorkerLink::start(executor_, program_);
        if (!link) return fail(Errc::worker_lost, "the SSH worker cannot be started: " + link.error().detail);
        link_ = std::move(*link);
        return link_;
    }
    void stop() {
        stopped_ = true;
        idle_.cancel();
        if (link_) link_->end("it is no longer needed");
    }
    std::optional<int> pid() const {
        if (!link_ || link_->ended()) return std::nullopt;
        return link_->pid();
    }

    static asio::awaitable<Result<std::unique_ptr<RemoteHost>>> connect(std::shared_ptr<Impl> self, SshTarget target,
                                                                        std::chrono::milliseconds timeout);

  private:
    asio::awaitable<Result<std::shared_ptr<HostState>>> open(Descriptor connection, SshTarget target, std::string peer,
                                                             SteadyTime deadline);

    std::shared_ptr<void> use() {
        idle_.cancel();
        ++uses_;
        return {nullptr, [self = shared_from_this()](void*) { self->unuse(); }};
    }
    void unuse() {
        if (--uses_ > 0 || stopped_) return;
        idle_.expires_after(linger_);
        idle_.async_wait([weak = weak_from_this()](const boost::system::error_code& cancelled) {
            const auto self = weak.lock();
            if (cancelled || !self || self->uses_ > 0 || !self->link_) return;
            self->link_->end("it is not needed for now");
            self->link_.reset();
        });
    }

    asio::any_io_executor executor_;
    std::string program_;
    std::chrono::milliseconds linger_;
    asio::steady_timer idle_;
    std::shared_ptr<WorkerLink> link_;
    int uses_ = 0;
    bool stopped_ = false;
};

asio::awaitable<Result<std::unique_ptr<RemoteHost>>> SshWorker::Impl::connect(std::shared_ptr<Impl> self,
                                                                              SshTarget target,
                                                                              std::chrono::milliseconds timeout) {
    const auto deadline = std::chrono::steady_clock::now() + timeout;
    const auto peer = printable(host_and_port(target.address, target.port));
    auto connection = co_await dial(target.address, target.port, deadline);
    if (!connection) {
        auto error = std::move(connection.error());
        error.detail = fmt::format("SSH to {}: {}", peer, error.detail);
        co_return std::unexpected(std::move(error));
    }
    auto state = co_await self->open(std::move(*connection), std::move(target), peer, deadline);
    if (state) co_return std::make_unique<WorkerHost>(std::move(*state));
    co_return std::unexpected(std::move(state.error()));
}

asio::awaitable<Result<std::shared_ptr<HostState>>> SshWorker::Impl::open(Descriptor connection, SshTarget target,
                                                                          std::string peer, SteadyTime deadline) {
    auto in_use = use();
    auto link = running();
    if (!link) co_return std::unexpected(std::move(link.error()));
    auto state = std::make_shared<HostState>(
        HostState{.link = *link, .session = (*link)->new_id(), .peer = peer, .use = std::move(in_use)});
    auto reply = co_await state->link->ask(state->session, state->session, connect_request(std::move(target), deadline),
                                           deadline + worker_grace, std::move(connection));
    if (!reply) co_return std::unexpected(std::move(reply.error()));
    if (std::holds_alternative<Connected>(reply->body)) co_return state;
    co_return std::unexpected(wrong_kind(*state->link));
}

SshWorker::SshWorker(asio::any_io_executor executor, std::string program, std::chrono::milliseconds linger)
    : impl_(std::make_shared<Impl>(std::move(executor), std::move(program), linger)) {}
SshWorker::~SshWorker() {
    impl_->stop();
}
asio::awaitable<Result<std::unique_ptr<RemoteHost>>> SshWorker::connect(SshTarget target,
                                                                        std::chrono::milliseconds timeout) {
    return Impl::connect(impl_, std::move(target), timeout);
}
std::optional<int> SshWorker::pid() const {
    return impl_->pid();
}

}  // namespace aggmedic
