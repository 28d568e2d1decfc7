#include "net/ssh_session.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "net/async_mutex.hpp"
#include "net/deadline.hpp"
#include "net/resolve.hpp"
#include "net/ssh_channel.hpp"
#include "net/ssh_transport.hpp"
#include "net/text.hpp"

namespace aggmedic {
namespace {

using asio::ip::tcp;
using TransportPointer = std::unique_ptr<SshTransport>;

// Beyond what is kept, stderr is read and dropped, up to here: a chatty login banner is no fault, an endless one is.
constexpr std::size_t error_output_flood_bytes = 1024 * 1024;
constexpr std::size_t write_piece_bytes = 32 * 1024;
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

asio::awaitable<Result<TransportPointer>> establish(const SshTarget& target, SteadyTime deadline, std::string& phase) {
    auto pinned = read_pinned_keys(target.host_keys);
    if (!pinned) co_return std::unexpected(std::move(pinned.error()));
    auto key = read_private_key(target.private_key_pem);
    if (!key) co_return std::unexpected(std::move(key.error()));
    if (target.user.empty()) co_return fail(Errc::invalid_argument, "no user");

    phase = "connecting";
    auto endpoints = co_await resolve(target.address, target.port, deadline);
    if (!endpoints) co_return std::unexpected(std::move(endpoints.error()));
    auto socket = co_await connect_any(std::move(*endpoints), deadline);
    if (!socket) co_return std::unexpected(std::move(socket.error()));

    phase = "key exchange";
    auto transport = SshTransport::adopt(std::move(*socket), target, *pinned);
    if (!transport) co_return std::unexpected(std::move(transport.error()));
    if (co_await (*transport)->connect() != SSH_OK) {
        auto reason = (*transport)->reason();
        co_return fail(classify(reason), std::move(reason));
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
    VerbReply reply{};
    std::size_t input_sent = 0;
    std::size_t error_output_seen = 0;
    bool input_ended = false;
    bool output_ended = false;
    bool error_output_ended = false;
};

// True when something moved.
Result<bool> feed(SshTransport& transport, SshChannel& channel, Command& command) {
    if (command.input_ended) return false;
    bool moved = false;
    const bool gone = channel.exit_status() || ssh_channel_is_closed(channel.get()) != 0;
    while (!gone && command.input_sent < command.input.size()) {
        if ((ssh_get_poll_flags(transport.session()) & SSH_WRITE_PENDING) != 0) return moved;
        const auto piece = std::min(write_piece_bytes, command.input.size() - command.input_sent);
        const int sent = ssh_channel_write(channel.get(), command.input.data() + command.input_sent,
                                           static_cast<std::uint32_t>(piece));
        if (sent == SSH_ERROR) return fail(Errc::write_failed, "stdin: " + transport.reason());
        if (sent <= 0) return moved;  // the peer's window is full
        command.input_sent += static_cast<std::size_t>(sent);
        moved = true;
    }
    if (gone || ssh_channel_send_eof(channel.get()) != SSH_AGAIN) command.input_ended = true;
    return moved;
}

Result<bool> keep_output(SshTransport& transport, SshChannel& channel, Command& command, bool is_error_output) {
    bool& ended = is_error_output ? command.error_output_ended : command.output_ended;
    if (ended) return false;
    std::array<char, 16 * 1024> buffer;
    const int size = ssh_channel_read_nonblocking(channel.get(), buffer.data(), buffer.size(), is_error_output ? 1 : 0);
    if (size == SSH_EOF) ended = true;
    if (size == SSH_ERROR) return fail(Errc::read_failed, transport.reason());
    if (size <= 0) return false;
    const std::string_view bytes(buffer.data(), static_cast<std::size_t>(size));
    if (!is_error_output) {
        command.reply.output += bytes;
        if (command.reply.output.size() <= command.limits.output_bytes) return true;
        return fail(Errc::too_large, fmt::format("more than {} bytes of output", command.limits.output_bytes));
    }
    const auto room = command.limits.error_output_bytes - command.reply.error_output.size();
    command.reply.error_output += bytes.substr(0, room);
    command.error_output_seen += bytes.size();
    if (command.error_output_seen <= error_output_flood_bytes) return true;
    return fail(Errc::too_large, fmt::format("more than {} bytes of error output", error_output_flood_bytes));
}

// Input, output and error output move in one loop: a full window of any of them would stop the others.
asio::awaitable<Result<void>> pump(SshTransport& transport, SshChannel& channel, Command& command) {
    std::optional<SteadyTime> grace_end;
    for (;;) {
        bool moved = false;
        for (auto step : {feed(transport, channel, command), keep_output(transport, channel, command, false),
                          keep_output(transport, channel, command, true)}) {
            if (!step) co_return std::unexpected(std::move(step.error()));
            moved = moved || *step;
        }
        if (moved) continue;
        const bool all_read = command.output_ended && command.error_output_ended;
        if (all_read && channel.exit_status()) break;
        if (ssh_channel_is_closed(channel.get()) != 0) break;
        if (channel.exit_status() && !grace_end) grace_end = std::chrono::steady_clock::now() + end_of_output_grace;
        if (grace_end && std::chrono::steady_clock::now() >= *grace_end) break;
        co_await transport.wait(grace_end.value_or(SteadyTime::max()));
    }
    if (!channel.exit_status())
        co_return fail(Errc::read_failed, "the connection ended before the command's exit status");
    command.reply.exit_status = *channel.exit_status();
    co_return Result<void>();
}

asio::awaitable<Result<VerbReply>> execute(SshTransport& transport, Command command) {
    SshChannel channel(transport.session());
    if (channel.get() == nullptr) co_return fail(Errc::io_failed, "no memory for a channel");
    int answer = co_await transport.drive([&] { return ssh_channel_open_session(channel.get()); }, SSH_AGAIN);
    if (answer == SSH_OK) {
        answer = co_await transport.drive([&] { return ssh_channel_request_exec(channel.get(), command.line.c_str()); },
                                          SSH_AGAIN);
    }
    if (answer != SSH_OK) co_return fail(Errc::write_failed, "starting the command: " + transport.reason());
    auto pumped = co_await pump(transport, channel, command);
    if (!pumped) co_return std::unexpected(std::move(pumped.error()));
    co_return std::move(command.reply);
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

asio::awaitable<Result<std::unique_ptr<SshSession>>> SshSession::connect(SshTarget target,
                                                                         std::chrono::milliseconds timeout) {
    const auto peer = printable(host_and_port(target.address, target.port));
    const auto deadline = std::chrono::steady_clock::now() + timeout;
    std::string phase = "reading the keys";
    auto operation = establish(target, deadline, phase);
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
