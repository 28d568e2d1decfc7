#include "net/ssh_transport.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <utility>
#include <vector>

#include "net/text.hpp"

namespace aggmedic {
namespace {

// What a current OpenSSH and a stemcell of the last ten years both offer; nothing with SHA-1 or CBC.
constexpr const char* key_exchanges =
    "curve25519-sha256,curve25519-sha256@libssh.org,ecdh-sha2-nistp256,ecdh-sha2-nistp384,ecdh-sha2-nistp521,"
    "diffie-hellman-group16-sha512,diffie-hellman-group18-sha512,diffie-hellman-group14-sha256";
constexpr const char* ciphers =
    "aes256-gcm@openssh.com,aes128-gcm@openssh.com,chacha20-poly1305@openssh.com,aes256-ctr,aes192-ctr,aes128-ctr";
constexpr const char* macs = "hmac-sha2-256-etm@openssh.com,hmac-sha2-512-etm@openssh.com,hmac-sha2-256,hmac-sha2-512";
constexpr const char* user_keys =
    "ssh-ed25519,ecdsa-sha2-nistp256,ecdsa-sha2-nistp384,ecdsa-sha2-nistp521,rsa-sha2-512,rsa-sha2-256";

// libssh switches the socket back to blocking once it is connected; the flag is shared by the duplicates.
void make_nonblocking(int fd) {
    const int flags = ::fcntl(fd, F_GETFL);
    if (flags >= 0 && (flags & O_NONBLOCK) == 0) ::fcntl(fd, F_SETFL, flags | O_NONBLOCK);
}

// The name of the option that was not taken; nullptr when all were. No file of the user or the system is read.
const char* set_options(ssh_session session, const SshTarget& target, const PinnedKeys& pinned, int fd) {
    const bool process_config = false;
    const unsigned port = target.port;
    const std::vector<std::pair<ssh_options_e, std::pair<const char*, const void*>>> options = {
        {SSH_OPTIONS_PROCESS_CONFIG, {"configuration", &process_config}},
        {SSH_OPTIONS_SSH_DIR, {"directory", "/nonexistent"}},
        {SSH_OPTIONS_KNOWNHOSTS, {"known hosts", "/dev/null"}},
        {SSH_OPTIONS_GLOBAL_KNOWNHOSTS, {"known hosts", "/dev/null"}},
        {SSH_OPTIONS_HOST, {"address", target.address.c_str()}},
        {SSH_OPTIONS_PORT, {"port", &port}},
        {SSH_OPTIONS_USER, {"user", target.user.c_str()}},
        {SSH_OPTIONS_HOSTKEYS, {"host key algorithms", pinned.algorithms.c_str()}},
        {SSH_OPTIONS_KEY_EXCHANGE, {"key exchange", key_exchanges}},
        {SSH_OPTIONS_CIPHERS_C_S, {"ciphers", ciphers}},
        {SSH_OPTIONS_CIPHERS_S_C, {"ciphers", ciphers}},
        {SSH_OPTIONS_HMAC_C_S, {"MACs", macs}},
        {SSH_OPTIONS_HMAC_S_C, {"MACs", macs}},
        {SSH_OPTIONS_PUBLICKEY_ACCEPTED_TYPES, {"user key types", user_keys}},
        {SSH_OPTIONS_COMPRESSION, {"compression", "no"}},
        {SSH_OPTIONS_FD, {"descriptor", &fd}},
    };
    for (const auto& [option, value] : options) {
        if (ssh_options_set(session, option, value.second) != SSH_OK) return value.first;
    }
    return nullptr;
}

}  // namespace

Result<std::unique_ptr<SshTransport>> SshTransport::adopt(const asio::any_io_executor& executor, Descriptor connection,
                                                          const SshTarget& target, const PinnedKeys& pinned) {
    const int fd = connection.get();
    const int duplicate = ::fcntl(fd, F_DUPFD_CLOEXEC, 0);
    ssh_session session = ssh_new();
    if (duplicate < 0 || session == nullptr) {
        if (duplicate >= 0) ::close(duplicate);
        if (session != nullptr) ssh_free(session);
        return fail(Errc::io_failed, "no descriptor or memory for an SSH session");
    }
    // From here on the destructor frees all of it.
    std::unique_ptr<SshTransport> transport(
        new SshTransport(asio::posix::stream_descriptor(executor, duplicate), session, connection.release()));
    if (const char* refused = set_options(session, target, pinned, fd)) {
        return fail(Errc::invalid_argument, std::string("SSH ") + refused + ": " + transport->reason());
    }
    ssh_set_blocking(session, 0);
    return transport;
}

SshTransport::~SshTransport() {
    boost::system::error_code ignored;
    duplicate_.close(ignored);
    ssh_free(session_);  // not ssh_disconnect: after it the descriptor stays open
    if (!libssh_owns_fd_) ::close(fd_);
}

asio::awaitable<int> SshTransport::connect() {
    libssh_owns_fd_ = true;
    co_return co_await drive([this] { return ssh_connect(session_); }, SSH_AGAIN);
}

asio::awaitable<void> SshTransport::wait(SteadyTime until) {
    using namespace asio::experimental::awaitable_operators;
    using asio::posix::stream_descriptor;
    const int fd = ssh_get_fd(session_);
    if (fd < 0) throw boost::system::system_error(asio::error::connection_aborted);
    make_nonblocking(fd);
    asio::steady_timer timer(duplicate_.get_executor(), until);
    auto readable = duplicate_.async_wait(stream_descriptor::wait_read, asio::use_awaitable);
    // Output that libssh has queued leaves only when the socket takes it; the peer may have to be read before it does.
    if ((ssh_get_poll_flags(session_) & SSH_WRITE_PENDING) != 0) {
        auto writable = duplicate_.async_wait(stream_descriptor::wait_write, asio::use_awaitable);
        co_await (std::move(readable) || std::move(writable) || timer.async_wait(asio::use_awaitable));
    } else if (until != SteadyTime::max()) {
        co_await (std::move(readable) || timer.async_wait(asio::use_awaitable));
    } else {
        co_await std::move(readable);
    }
}

std::string SshTransport::reason() const {
    return printable(ssh_get_error(session_), 256);
}

}  // namespace aggmedic
