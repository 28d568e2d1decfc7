#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <string>
#include <vector>

#include "net/deadline.hpp"
#include "net/result.hpp"

namespace aggmedic {

// The addresses of a host name, or the one that `host` itself is. A resolver that does not answer cannot hold the
// caller longer than `deadline`: the lookup goes on alone and its answer is dropped. Errors: resolve_failed, timeout,
// cancelled.
asio::awaitable<Result<std::vector<asio::ip::tcp::endpoint>>> resolve(std::string host, std::uint16_t port,
                                                                      SteadyTime deadline);

// The first address that accepts; each but the last gets its share of the time that is left, so that one dead address
// does not use it all. Errors: connect_failed, timeout, cancelled.
asio::awaitable<Result<asio::ip::tcp::socket>> connect_any(std::vector<asio::ip::tcp::endpoint> endpoints,
                                                           SteadyTime deadline);

// "10.0.0.1:443", "[::1]:443".
std::string host_and_port(const std::string& host, std::uint16_t port);

}  // namespace aggmedic
