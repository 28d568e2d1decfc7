#include "daemon/control_socket.hpp"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>
#include <cstring>
#include <set>

#include "daemon/control_conversation.hpp"

namespace aggmedic::daemon {
namespace {

using namespace std::chrono_literals;
using Protocol = asio::local::stream_protocol;

constexpr std::size_t clients_max = 64;
constexpr std::array<std::string_view, 5> touching = {"apply", "abort", "pause", "resume", "reload"};

std::string reason() {
    return std::strerror(errno);
}

// True when somebody accepts connections at `path`.
bool answers(const std::filesystem::path& path) {
    const int descriptor = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (descriptor < 0) return false;
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
    const int connected = ::connect(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address);
    // EAGAIN: its queue is full, so somebody is there.
    const bool somebody = connected == 0 || errno == EAGAIN || errno == EINPROGRESS;
    ::close(descriptor);
    return somebody;
}

Result<void> check_place(const std::filesystem::path& path) {
    struct stat status{};
    if (::lstat(path.c_str(), &status) != 0) {
        if (errno == ENOENT) return {};
        return fail(Errc::io_failed, fmt::format("control socket {}: {}", path.string(), reason()));
    }
    if (!S_ISSOCK(status.st_mode)) {
        return fail(Errc::io_failed,
                    fmt::format("control socket {}: something else than a socket is there", path.string()));
    }
    if (answers(path)) {
        return fail(Errc::refused, fmt::format("control socket {}: another aggmedicd answers there", path.string()));
    }
    return {};
}

// Made under another name and then renamed: a client never meets a socket whose mode or group is not yet right.
Result<void> bind_at(Protocol::acceptor& acceptor, const std::filesystem::path& path) {
    const auto trouble = [&] {
        return fail(Errc::io_failed, fmt::format("control socket {}: {}", path.string(), reason()));
    };
    const auto temporary = fmt::format("{}.{}", path.string(), ::getpid());
    ::unlink(temporary.c_str());
    boost::system::error_code failed;
    acceptor.open(Protocol(), failed);
    if (!failed) acceptor.bind(Protocol::endpoint(temporary), failed);
    if (failed) return fail(Errc::io_failed, fmt::format("control socket {}: {}", path.string(), failed.message()));
    struct stat folder{};
    // The group is a convenience: where the daemon may not give it away, the socket stays its own group's.
    if (::stat(path.parent_path().c_str(), &folder) == 0 && ::chown(temporary.c_str(), uid_t(-1), folder.st_gid) != 0 &&
        errno != EPERM) {
        return trouble();
    }
    if (::chmod(temporary.c_str(), 0660) != 0) return trouble();
    acceptor.listen(asio::socket_base::max_listen_connections, failed);
    if (failed) return fail(Errc::io_failed, fmt::format("control socket {}: {}", path.string(), failed.message()));
    if (::rename(temporary.c_str(), path.c_str()) != 0) return trouble();
    return {};
}

}  // namespace

std::string refusal_for(const Request& request, std::int64_t daemon_uid) {
    if (std::ranges::find(touching, request.command) == touching.end()) return {};
    if (request.uid < 0) return "the kernel does not tell who asks";
    if (request.uid != daemon_uid || daemon_uid == 0) return {};
    return fmt::format("{} is refused to the daemon's own user (uid {}); ask as a member of the group aggmedic",
                       request.command, daemon_uid);
}

class ControlSocket::Impl : public std::enable_shared_from_this<ControlSocket::Impl> {
  public:
    Impl(asio::any_io_executor executor, std::filesystem::path path, Handler handler)
        : executor_(std::move(executor)), acceptor_(executor_), path_(std::move(path)), handler_(std::move(handler)) {}

    Result<void> listen() {
        if (auto free = check_place(path_); !free) return free;
        if (auto bound = bind_at(acceptor_, path_); !bound) return bound;
        struct stat status{};
        if (::lstat(path_.c_str(), &status) == 0) inode_ = status.st_ino;
        return {};
    }

    asio::awaitable<void> serve() {
        for (;;) {
            auto [failed, socket] = co_await acceptor_.async_accept(asio::as_tuple(asio::use_awaitable));
            if (failed == asio::error::operation_aborted || !acceptor_.is_open()) co_return;
            if (failed) {
                asio::steady_timer pause(executor_, 1s);
                co_await pause.async_wait(asio::use_awaitable);
                continue;
            }
            if (open_.size() >= clients_max) continue;  // closes it
            auto conversation = std::make_shared<ControlConversation>(std::move(socket), handler_);
            open_.insert(conversation);
            asio::co_spawn(
                executor_, [conversation]() { return conversation->run(); },
                [self = shared_from_this(), conversation](const std::exception_ptr&) {
                    conversation->close();
                    self->open_.erase(conversation);
                });
        }
    }

    asio::awaitable<void> drain(std::chrono::milliseconds limit) {
        const auto self = shared_from_this();
        boost::system::error_code ignored;
        acceptor_.close(ignored);
        const auto end = std::chrono::steady_clock::now() + limit;
        asio::steady_timer pause(executor_);
        while (!open_.empty() && std::chrono::steady_clock::now() < end) {
            pause.expires_after(20ms);
            co_await pause.async_wait(asio::use_awaitable);
        }
    }

    void close() {
        boost::system::error_code ignored;
        acceptor_.close(ignored);
        for (const auto& conversation : std::set(open_)) conversation->close();
        struct stat status{};
        if (inode_ != 0 && ::lstat(path_.c_str(), &status) == 0 && status.st_ino == inode_) ::unlink(path_.c_str());
        inode_ = 0;
    }

  private:
    asio::any_io_executor executor_;
    Protocol::acceptor acceptor_;
    std::filesystem::path path_;
    Handler handler_;
    std::set<std::shared_ptr<ControlConversation>> open_;
    ino_t inode_ = 0;
};

ControlSocket::ControlSocket(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}

ControlSocket::~ControlSocket() {
    impl_->close();
}

Result<std::unique_ptr<ControlSocket>> ControlSocket::listen(asio::any_io_executor executor,
                                                             const std::filesystem::path& path, Handler handler) {
    auto impl = std::make_shared<Impl>(std::move(executor), path, std::move(handler));
    if (auto listening = impl->listen(); !listening) return std::unexpected(listening.error());
    return std::unique_ptr<ControlSocket>(new ControlSocket(std::move(impl)));
}

asio::awaitable<void> ControlSocket::serve() {
    return impl_->serve();
}

asio::awaitable<void> ControlSocket::drain(std::chrono::milliseconds limit) {
    return impl_->drain(limit);
}

void ControlSocket::close() {
    impl_->close();
}

}  // namespace aggmedic::daemon
