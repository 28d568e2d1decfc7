#include "daemon/cli/control_connection.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <optional>
#include <utility>

namespace aggmedic::cli {
namespace {

std::string system_text(int number) {
    return std::generic_category().message(number);
}

std::string explained_connect_error(const std::string& path, int number) {
    if (number == ENOENT) return path + ": there is no such socket";
    if (number == ECONNREFUSED) return path + ": nobody listens there any more";
    if (number == EACCES || number == EPERM) return path + ": not allowed; is this account in the group aggmedic?";
    return path + ": " + system_text(number);
}

std::optional<Error> wait_until_connected(int descriptor, const std::string& path, std::chrono::milliseconds timeout) {
    pollfd waiting{.fd = descriptor, .events = POLLOUT, .revents = 0};
    const int ready = ::poll(&waiting, 1, static_cast<int>(timeout.count()));
    if (ready == 0) return Error{.code = Errc::timeout, .detail = path + ": no answer to a connection"};
    int number = 0;
    socklen_t size = sizeof number;
    if (ready < 0 || ::getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &number, &size) != 0) number = errno;
    if (number == 0) return std::nullopt;
    return Error{.code = Errc::connect_failed, .detail = explained_connect_error(path, number)};
}

}  // namespace

ControlConnection::ControlConnection(ControlConnection&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)),
      received_(std::move(other.received_)),
      scanned_(other.scanned_) {}

ControlConnection::~ControlConnection() {
    if (descriptor_ >= 0) ::close(descriptor_);
}

Result<ControlConnection> ControlConnection::open(const std::string& path, std::chrono::milliseconds timeout) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.empty() || path.size() >= sizeof address.sun_path) {
        return fail(Errc::invalid_argument, path + ": a control socket's path has 1 to 107 bytes");
    }
    std::memcpy(address.sun_path, path.data(), path.size());
    const int descriptor = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (descriptor < 0) return fail(Errc::connect_failed, path + ": " + system_text(errno));
    ControlConnection connection(descriptor);
    if (::connect(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return connection;
    if (errno == EAGAIN) {  // the listener's queue is full; a Unix socket does not say when there is room
        return fail(Errc::timeout, path + ": the daemon is too busy to take a connection");
    }
    if (errno != EINPROGRESS) return fail(Errc::connect_failed, explained_connect_error(path, errno));
    if (auto error = wait_until_connected(descriptor, path, timeout)) return std::unexpected(std::move(*error));
    return connection;
}

Result<void> ControlConnection::send_line(std::string_view line) {
    const std::string bytes = std::string(line) + "\n";
    for (std::size_t sent = 0; sent < bytes.size();) {
        const auto count = ::send(descriptor_, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
        if (count >= 0) {
            sent += static_cast<std::size_t>(count);
            continue;
        }
        if (errno == EAGAIN) {
            pollfd waiting{.fd = descriptor_, .events = POLLOUT, .revents = 0};
            ::poll(&waiting, 1, -1);
        } else if (errno != EINTR) {
            return fail(Errc::write_failed, "asking the daemon: " + system_text(errno));
        }
    }
    return {};
}

Result<ControlConnection::Event> ControlConnection::next(int wake, std::chrono::milliseconds limit) {
    for (;;) {
        const auto end = received_.find('\n', scanned_);
        if (end != std::string::npos) {
            Line line{received_.substr(0, end)};
            received_.erase(0, end + 1);
            scanned_ = 0;
            return line;
        }
        scanned_ = received_.size();
        if (received_.size() > line_bytes_max) return fail(Errc::too_large, "the daemon's answer does not end");
        std::array<pollfd, 2> waiting{{{.fd = descriptor_, .events = POLLIN, .revents = 0},
                                       {.fd = wake, .events = POLLIN, .revents = 0}}};  // poll() ignores a negative one
        const int ready = ::poll(waiting.data(), waiting.size(), static_cast<int>(limit.count()));
        if (ready == 0) return Elapsed{};
        if (ready < 0) {
            if (errno == EINTR) continue;
            return fail(Errc::read_failed, "waiting for the daemon: " + system_text(errno));
        }
        if (waiting[1].revents != 0) return Woken{};
        std::array<char, 65536> chunk{};
        const auto count = ::recv(descriptor_, chunk.data(), chunk.size(), 0);
        if (count == 0) return Closed{};
        if (count > 0) {
            received_.append(chunk.data(), static_cast<std::size_t>(count));
        } else if (errno != EAGAIN && errno != EINTR) {
            return fail(Errc::read_failed, "reading the daemon's answer: " + system_text(errno));
        }
    }
}

}  // namespace aggmedic::cli
