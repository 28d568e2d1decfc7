#pragma once

#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <string>

#include "net/http_message.hpp"
#include "net/result.hpp"

namespace aggmedic {

namespace asio = boost::asio;

// One exchange without TLS over a connection of its own, for a monitoring server nearby; never with a credential, and
// never with an apiserver. No redirect is followed, no content coding accepted. Errors as HttpsClient's.
asio::awaitable<Result<HttpReply>> ask_plainly(std::string host, std::uint16_t port, HttpRequest request);

}  // namespace aggmedic
