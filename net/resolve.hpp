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

}  // namespace aggmedic
