#pragma once

#include <libssh/libssh.h>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <memory>
#include <string>

#include "net/deadline.hpp"
#include "net/descriptor.hpp"
#include "net/remote_host.hpp"
#include "net/ssh_keys.hpp"

namespace aggmedic {

// A libssh session on a connected socket, driven without blocking by the coroutine that calls it. libssh owns the
// socket; Asio waits on a duplicate, because libssh may close its number at any time, and numbers are used again.
class SshTransport {
  public:
    // Errors: invalid_argument (an option that libssh does not take), io_failed.
    static Result<std::unique_ptr<SshTransport>> adopt(const asio::any_io_executor& executor, Descriptor connection,
                                                       const SshTarget& target, const PinnedKeys& pinned);
    ~SshTransport();
    SshTransport(const SshTransport&) = delete;
    SshTransport& operator=(const SshTransport&) = delete;

    ssh_session session() const { return session_; }
    asio::any_io_executor executor() { return duplicate_.get_executor(); }
    // Version exchange and key exchange: SSH_OK or SSH_ERROR.
    asio::awaitable<int> connect();

    // Repeats `call` until it answers something other than `again`. Cancelling throws operation_aborted.
    template <class Call>
    asio::awaitable<int> drive(Call call, int again) {
        for (;;) {
            const int answer = call();
            if (answer != again) co_return answer;
            co_await wait();
        }
    }
    // Until the peer or the socket's buffer makes progress possible, or `until` has come.
    asio::awaitable<void> wait(SteadyTime until = SteadyTime::max());

    // libssh's words for the last failure, which may hold the peer's.
    std::string reason() const;

  private:
    SshTransport(asio::posix::stream_descriptor duplicate, ssh_session session, int fd)
        : duplicate_(std::move(duplicate)), session_(session), fd_(fd) {}

    asio::posix::stream_descriptor duplicate_;
    ssh_session session_;
    int fd_;
    bool libssh_owns_fd_ = false;  // from the first ssh_connect on
};

}  // namespace aggmedic
