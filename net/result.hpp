#pragma once

#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

namespace aggmedic {

// What went wrong, as a value that callers can compare, count and use as a metric label.
enum class Errc {
    invalid_argument = 1,  // the caller's input cannot be used
    resolve_failed,        // name resolution
    connect_failed,        // TCP connect
    tls_failed,            // handshake or verification of the peer's certificate
    write_failed,          // sending the request
    read_failed,           // receiving the answer
    timeout,               // the deadline passed; nothing is known about the peer's state
    cancelled,             // the caller gave up
    too_large,             // a cap on header, body, output or message was exceeded
    malformed_reply,       // the answer is not what its protocol or format allows
    host_key_mismatch,     // SSH: the host key is not the pinned one; authentication was not tried
    auth_failed,           // SSH: the key was not accepted
    worker_lost,           // the SSH worker process ended
    command_failed,        // a remote command said no (exit status in the detail)
    io_failed,             // a local file, socket or database
    refused,               // a guard or a lock said no
};

const std::error_category& error_category() noexcept;
inline std::error_code make_error_code(Errc code) noexcept {
    return {static_cast<int>(code), error_category()};
}

// The label form of a code: `timeout`, `host_key_mismatch`.
std::string_view name(Errc code) noexcept;
std::optional<Errc> errc_from_name(std::string_view text) noexcept;

// `detail` is for people: doing what, to whom, and what was answered. Never parse it.
struct Error {
    Errc code = Errc::io_failed;
    std::string detail;
    bool operator==(const Error&) const = default;
};

template <class T>
using Result = std::expected<T, Error>;

inline std::unexpected<Error> fail(Errc code, std::string detail) {
    return std::unexpected(Error{.code = code, .detail = std::move(detail)});
}

}  // namespace aggmedic

template <>
struct std::is_error_code_enum<aggmedic::Errc> : std::true_type {};
