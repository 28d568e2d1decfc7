#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "daemon/service.hpp"
#include "net/result.hpp"

namespace aggmedic::daemon {

// Why this peer may not give this command; empty: it may. The daemon's own user may look but not touch: code that runs
// as the daemon must not be able to ask for a repair (root, who can do everything anyway, is let through).
std::string refusal_for(const Request& request, std::int64_t daemon_uid);

// The operators' door: a Unix socket of mode 0660 in the group of its folder, one request a connection, the peer's uid
// taken from the kernel. Several clients at once; one that does not read is cut off.
class ControlSocket {
  public:
    using Handler = std::function<asio::awaitable<Reply>(Request, ProgressSink)>;

    // Takes the place of a socket that nobody answers on. Errors: refused (another daemon answers there), io_failed.
    static Result<std::unique_ptr<ControlSocket>> listen(asio::any_io_executor executor,
                                                         const std::filesystem::path& path, Handler handler);
    ~ControlSocket();  // removes the socket, if it is still this one

    // Serves until cancelled; conversations that are open then go on until close().
    asio::awaitable<void> serve();
    // Takes no more clients, and waits so long for the open conversations to end.
    asio::awaitable<void> drain(std::chrono::milliseconds limit);
    void close();

  private:
    class Impl;
    explicit ControlSocket(std::shared_ptr<Impl> impl);
    std::shared_ptr<Impl> impl_;
};

}  // namespace aggmedic::daemon
