#include "net/ssh_session.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "net/async_mutex.hpp"
#include "net/deadline.hpp"
#include "net/ssh_channel.hpp"
#include "net/ssh_transport.hpp"
#include "net/tcp.hpp"
#include "net/text.hpp"

namespace aggmedic {
namespace {

using TransportPointer = std::unique_ptr<SshTransport>;

constexpr std::size_t write_piece_bytes = std::size_t{32} * 1024;
// A child that the command left behind can hold its stdout open for ever.
constexpr std::chrono::milliseconds end_of_output_grace{500};

// Proof that a host showed a pinned key. Only verify_host can make one, and authenticate wants one.
class VerifiedHost {
  public:
    SshTransport& transport() const { return *transport_; }

  private:
    friend Result<VerifiedHost> verify_host(SshTransport& transport, const PinnedKeys& pinned);
    explicit VerifiedHost(SshTransport& transport) : transport_(&transport) {}
    SshTransport* transport_;
};

Result<VerifiedHost> verify_host(SshTransport& transport, const PinnedKeys& pinned) {
    ssh_key raw = nullptr;
    if (ssh_get_server_publickey(transport.session(), &raw) != SSH_OK) {
        return fail(Errc::malformed_reply, "the host showed no key: " + transport.reason());
    }
    const SshKey shown(raw);
    const bool known = std::ranges::any_of(
        pinned.keys, [&](const SshKey& key) { return ssh_key_cmp(shown.get(), key.get(), SSH_KEY_CMP_PUBLIC) == 0; });
    if (known) return VerifiedHost(transport);
    auto expected = fingerprint(pinned.keys.front().get());
    if (pinned.keys.size() > 1) expected += fmt::format(" or {} others", pinned.keys.size() - 1);
    return fail(Errc::host_key_mismatch,
                fmt::format("the host shows {}, pinned is {}", fingerprint(shown.get()), expected));
}

asio::awaitable<Result<void>> authenticate(VerifiedHost host, const SshKey& key) {
    auto& transport = host.transport();
    const auto call = [&] { return ssh_userauth_publickey(transport.session(), nullptr, key.get()); };
    const int answer = co_await transport.drive(call, SSH_AUTH_AGAIN);
    if (answer == SSH_AUTH_SUCCESS) co_return Result<void>();
    const bool refused = answer == SSH_AUTH_DENIED || answer == SSH_AUTH_PARTIAL;
    co_return fail(refused ? Errc::auth_failed : Errc::connect_failed, transport.reason());
}

// libssh has one code for every failure of ssh_connect; only its words tell a lost connection from a broken protocol.
Errc classify(std::string_view reason) {
    const auto says = [&](std::string_view words) { return reason.find(words) != std::string_view::npos; };
    if (says("server host key algo")) return Errc::host_key_mismatch;  // it has no key of a pinned type
    if (says("Socket error") || says("isconnect") || says("closed")) return Errc::connect_failed;
    return Errc::malformed_reply;
}

asio::awaitable<Result<TransportPointer>> establish(Descriptor connection, const SshTarget& target,
                                                    std::string& phase) {
    auto pinned = read_pinned_keys(target.host_keys);
    if (!pinned) co_return std::unexpected(std::move(pinned.error()));
    auto key = read_private_key(target.private_key_pem);
    if (!key) co_return std::unexpected(std::move(key.error()));
    if (target.user.empty()) co_return fail(Errc::invalid_argument, "no user");

    phase = "key exchange";
    const auto executor = co_await asio::this_coro::executor;
    auto transport = SshTransport::adopt(executor, std::move(connection), target, *pinned);
    if (!transport) co_return std::unexpected(std::move(transport.error()));
    if (co_await (*transport)->connect() != SSH_OK) {
        const auto reason = (*transport)->reason();
        co_return fail(classify(reason), reason);
    }
    phase = "checking the host key";
    auto verified = verify_host(**transport, *pinned);
    if (!verified) co_return std::unexpected(std::move(verified.error()));
    phase = "authentication";
    auto accepted = co_await authenticate(*verified, *key);
    if (!accepted) co_return std::unexpected(std::move(accepted.error()));
    co_return std::move(*transport);
}

// One command under way.
struct Command {
    std::string line;
    std::string input;
    CommandLimits limits;
    std::size_t input_sent = 0;
    bool input_ended = false;
};

// As much input as the peer's window takes. Errors: write_failed.
Result<void> feed(SshTransport& transport, SshChannel& channel, Command& command) {
    if (command.input_ended) return {};
    const auto gone = [&] {
        return channel.exit_status() || channel.closed();
    };  // it reads no more, and that is no fault
    while (!gone() && command.input_sent < command.input.size()) {
        const auto piece = std::min(write_piece_bytes, command.input.size() - command.input_sent);
        const auto* bytes = command.input.data() + command.input_sent;
        const int sent = ssh_channel_write(channel.get(), bytes, static_cast<std::uint32_t>(piece));
        if (sent == SSH_ERROR && !gone()) return fail(Errc::write_failed, "stdin: " + transport.reason());
        if (sent <= 0) return {};
        command.input_sent += static_cast<std::size_t>(sent);
    }
    if (!gone()) ssh_channel_send_eof(channel.get());  // SSH_AGAIN too means that it is queued
    command.input_ended = true;
    return {};
}

// receive() may just have opened the peer's window, which no callback tells.
bool can_feed(const SshChannel& channel, const Command& command) {
    return !command.input_ended && ssh_channel_window_size(channel.get()) > 0;
}

// Until the command has ended: its exit status. Input and output move in one loop: a full window on one side would stop
// the other.
asio::awaitable<Result<int>> pump(SshTransport& transport, SshChannel& channel, Command& command) {
    std::optional<SteadyTime> grace_end;
    for (;;) {
        const auto seen = channel.changes();
        auto fed = feed(transport, channel, command);
        if (!fed) co_return std::unexpected(std::move(fed.error()));
        if (!channel.receive()) co_return fail(Errc::read_failed, transport.reason());
        if (!channel.excess().empty()) co_return fail(Errc::too_large, channel.excess());
        if (channel.exit_status() && channel.output_ended()) break;
        if (channel.changes() != seen || can_feed(channel, command)) continue;
        if (channel.closed()) break;
        if (channel.exit_status() && !grace_end) grace_end = std::chrono::steady_clock::now() + end_of_output_grace;
        if (grace_end && std::chrono::steady_clock::now() >= *grace_end) break;
        co_await transport.wait(grace_end.value_or(SteadyTime::max()));
    }
    const auto status = channel.exit_status();
    if (!status) co_return fail(Errc::read_failed, "the connection ended before the command's exit status");
    co_return *status;
}

asio::awaitable<Result<VerbReply>> execute(SshTransport& transport, Command command) {
    SshChannel channel(transport.session(), command.limits);
    if (channel.get() == nullptr) co_return fail(Errc::io_failed, "no memory for a channel");
    int answer = co_await transport.drive([&] { return ssh_channel_open_session(channel.get()); }, SSH_AGAIN);
    if (answer == SSH_OK) {
        const auto start = [&] { return ssh_channel_request_exec(channel.get(), command.line.c_str()); };
        answer = co_await transport.drive(start, SSH_AGAIN);
    }
    if (answer != SSH_OK) co_return fail(Errc::write_failed, "starting the command: " + transport.reason());
    auto status = co_await pump(transport, channel, command);
    if (!status) co_return std::unexpected(std::move(status.error()));
    VerbReply reply{.exit_status = *status};
    reply.output = std::move(channel.output());
    reply.error_output = std::move(channel.error_output());
    co_return reply;
}

Result<std::string> command_line(const std::vector<std::string>& argv) {
    if (argv.empty()) return fail(Errc::invalid_argument, "no command");
    std::string line;
    for (const auto& word : argv) {
        if (word.find('\0') != std::string::npos) return fail(Errc::invalid_argument, "an argument holds a NUL byte");
        if (!line.empty()) line += ' ';
        line += shell_quote(word);
    }
    return line;
}

}  // namespace

class SshSession::Impl {
  public:
    Impl(TransportPointer transport, std::string peer)
        : peer_(std::move(peer)), transport_(std::move(transport)), turn_(transport_->executor()) {}

    asio::awaitable<Result<VerbReply>> run(Command command) {
        const auto guard = co_await turn_.lock();
        if (!transport_) co_return fail(Errc::write_failed, "the session has ended");
        // Whatever stops a command half-way, an exception too, leaves a session of which nothing is known.
        EndUnlessWhole ending{.transport = transport_};
        auto reply = co_await execute(*transport_, std::move(command));
        ending.whole = reply.has_value();
        co_return reply;
    }
    const std::string& peer() const { return peer_; }

  private:
    struct EndUnlessWhole {
        TransportPointer& transport;
        bool whole = false;
        ~EndUnlessWhole() {
            if (!whole) transport.reset();
        }
    };

    std::string peer_;
    TransportPointer transport_;
    AsyncMutex turn_;
};

SshSession::SshSession(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
SshSession::~SshSession() = default;

asio::awaitable<Result<std::unique_ptr<SshSession>>> SshSession::open(Descriptor connection, SshTarget target,
                                                                      std::chrono::milliseconds timeout) {
    const auto peer = printable(host_and_port(target.address, target.port));
    const auto deadline = std::chrono::steady_clock::now() + timeout;
    std::string phase = "reading the keys";
    auto operation = establish(std::move(connection), target, phase);
    auto transport = co_await with_deadline(deadline, "SSH", std::move(operation));
    if (transport) {
        auto impl = std::make_unique<Impl>(std::move(*transport), peer);
        co_return std::unique_ptr<SshSession>(new SshSession(std::move(impl)));
    }
    auto error = std::move(transport.error());
    if (error.code == Errc::io_failed) error.code = Errc::connect_failed;  // thrown by the socket
    if (error.code == Errc::timeout) error.detail = "deadline exceeded";
    error.detail = fmt::format("SSH to {}: {}: {}", peer, phase, error.detail);
    co_return std::unexpected(std::move(error));
}

asio::awaitable<Result<VerbReply>> SshSession::run(std::vector<std::string> argv, std::string input,
                                                   CommandLimits limits) {
    auto line = command_line(argv);
    if (!line) co_return std::unexpected(std::move(line.error()));
    const auto deadline = std::chrono::steady_clock::now() + limits.timeout;
    auto operation = impl_->run({.line = std::move(*line), .input = std::move(input), .limits = limits});
    auto reply = co_await with_deadline(deadline, "running the command", std::move(operation));
    if (reply) co_return std::move(*reply);
    auto error = std::move(reply.error());
    if (error.code == Errc::io_failed) error.code = Errc::read_failed;  // thrown by the socket
    error.detail = fmt::format("SSH to {}: {}", impl_->peer(), error.detail);
    co_return std::unexpected(std::move(error));
}

}  // namespace aggmedic
