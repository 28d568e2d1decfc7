#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <chrono>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <variant>

#include "net/descriptor.hpp"
#include "net/remote_host.hpp"
#include "net/result.hpp"

namespace aggmedic::ssh_protocol {

// What daemon and SSH worker say to each other: a 4-byte big-endian length and that many bytes of JSON. Text that may
// hold any byte travels as base64. The first byte of a connect carries the TCP connection as a descriptor: the worker
// can make none itself. Either side takes the other for hostile: what does not fit exactly is an error.
constexpr std::size_t message_bytes_max = std::size_t{1024} * 1024;

struct Connect {
    SshTarget target;  // its address and port only name the host in error texts: the connection comes with the request
    std::chrono::milliseconds timeout{};
};
struct Verb {
    std::uint64_t session = 0;  // the id of the connect that opened it
    VerbCall call;
};
struct Close {
    std::uint64_t session = 0;  // also ends a connect or a verb of it that is under way; has no reply
};
struct Request {
    std::uint64_t id = 0;
    std::variant<Connect, Verb, Close> body;
};

struct Connected {};
struct Reply {
    std::uint64_t id = 0;
    std::variant<Connected, VerbReply, Error> body;
};

// Errors when over message_bytes_max: invalid_argument for a request (the caller's input), too_large for a reply.
Result<std::string> encode(const Request& request);
Result<std::string> encode(const Reply& reply);
// Errors: malformed_reply.
Result<Request> decode_request(std::string_view message);
Result<Reply> decode_reply(std::string_view message);

// The length and the message in front of it. Errors: too_large.
Result<std::string> frame(std::string_view message);
// The next message. Errors: read_failed (the peer is gone), too_large, malformed_reply (an empty message). The first
// form lets the kernel drop descriptors that come with it; the second adds them to `received`.
asio::awaitable<Result<std::string>> read_message(asio::local::stream_protocol::socket& socket);
asio::awaitable<Result<std::string>> read_message(asio::local::stream_protocol::socket& socket,
                                                  std::deque<Descriptor>& received);

}  // namespace aggmedic::ssh_protocol
