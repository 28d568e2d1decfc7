#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <deque>
#include <memory>
#include <string>

#include "daemon/control_socket.hpp"

namespace aggmedic::daemon {

// One client: its request, the lines that go back to it, and the watch for its going away.
class ControlConversation : public std::enable_shared_from_this<ControlConversation> {
  public:
    ControlConversation(asio::local::stream_protocol::socket socket, ControlSocket::Handler handler);

    asio::awaitable<void> run();
    void close();

  private:
    asio::awaitable<Result<Request>> read_request();
    asio::awaitable<void> answer(Request request);
    asio::awaitable<void> write_lines();
    asio::awaitable<void> watch_peer();
    void push(std::string line);
    void abandon();

    asio::local::stream_protocol::socket socket_;
    ControlSocket::Handler handler_;
    asio::cancellation_signal gone_;
    asio::steady_timer wake_;
    std::deque<std::string> lines_;
    std::size_t queued_bytes_ = 0;
    bool finished_ = false;  // the reply is queued, or there will be none
    bool peer_gone_ = false;
};

}  // namespace aggmedic::daemon
