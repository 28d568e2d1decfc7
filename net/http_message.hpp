#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "net/result.hpp"

namespace aggmedic {

struct HttpRequest {
    std::string method = "GET";
    std::string path = "/";  // origin form, already percent-encoded
    std::string body{};
    std::string content_type{};  // for a body
    std::string accept = "application/json";
    std::size_t body_limit = std::size_t{1024} * 1024;
    // Of a longer body its first part (about `body_limit` bytes) is the answer, and the connection is closed then.
    // Above 64 MiB it is too_large all the same.
    bool prefix_is_enough = false;
    std::chrono::milliseconds timeout{5000};  // one deadline over resolve, connect, TLS, write and read
    bool fresh_connection = false;            // do not reuse a kept connection (a master's own readiness is asked so)
};

struct HttpReply {
    unsigned status = 0;
    std::vector<std::pair<std::string, std::string>> headers{};  // in order of arrival, duplicates kept
    std::string body{};

    // All values of a header, in order; names compare without case (RFC 9110 5.1).
    std::vector<std::string> all(std::string_view name) const;
    std::optional<std::string> first(std::string_view name) const;
};

// Refuses (invalid_argument) a request that could not be sent as one: a method that is no token, a path that is not in
// origin form, or a byte in path or header value that would end it (RFC 9112 section 2.2, header injection).
Result<void> check_request(const HttpRequest& request);
// True when `text` may stand in a header's value: visible ASCII and single spaces only.
bool is_header_value(std::string_view text);

// The bytes of a request (HTTP/1.1, no content coding accepted). `host` as in a Host header; `bearer_token` may be
// empty.
std::string serialize(const HttpRequest& request, std::string_view host, std::string_view bearer_token);

}  // namespace aggmedic
