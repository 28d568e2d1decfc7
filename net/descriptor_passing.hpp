#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <cstddef>
#include <deque>
#include <span>

#include "net/descriptor.hpp"
#include "net/result.hpp"

namespace aggmedic {

namespace asio = boost::asio;

// Sends one byte, and with it `descriptor`, which the receiver then has too (SCM_RIGHTS, unix(7)). Errors:
// write_failed.
asio::awaitable<Result<void>> send_with_descriptor(asio::local::stream_protocol::socket& socket, char byte,
                                                   const Descriptor& descriptor);

// Fills `bytes` to the end; descriptors that came with them are added to `received` in their order. Errors:
// read_failed.
asio::awaitable<Result<void>> receive_with_descriptors(asio::local::stream_protocol::socket& socket,
                                                       std::span<char> bytes, std::deque<Descriptor>& received);

}  // namespace aggmedic
