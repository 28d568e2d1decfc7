#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <cstdint>
#include <string>
#include <vector>

#include "net/deadline.hpp"
#include "net/result.hpp"

namespace aggmedic {

// The first address that accepts; each but the last gets its share of the time that is left, so that one dead address
// does not use it all. The connection has TCP keep-alive. Errors: connect_failed, timeout, cancelled.
asio::awaitable<Result<asio::ip::tcp::socket>> connect_any(std::vector<asio::ip::tcp::endpoint> endpoints,
                                                           SteadyTime deadline);

// True while the connection stands and the peer has sent nothing that was not read.
bool is_idle(asio::ip::tcp::socket& socket);

// "10.0.0.1:443", "[::1]:443".
std::string host_and_port(const std::string& host, std::uint16_t port);

}  // namespace aggmedic
