#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "net/result.hpp"

namespace aggmedic::daemon {

struct HostAndPort {
    std::string host;  // an IPv6 address without brackets
    std::uint16_t port = 0;
    bool operator==(const HostAndPort&) const = default;
};

// https://host[:port], as a kubeconfig and the configuration write an apiserver. Errors: invalid_argument, with what to
// write instead: another scheme, a user, a path, a query.
Result<HostAndPort> parse_server_url(std::string_view text);

// http(s)://host[:port][/path] of a monitoring server. Errors: invalid_argument, likewise.
struct MonitoringUrl {
    bool is_tls = false;
    HostAndPort where;
    std::string path;  // without a slash at its end; empty: none
    bool operator==(const MonitoringUrl&) const = default;
};
Result<MonitoringUrl> parse_monitoring_url(std::string_view text);

// host:port, [address]:port. Errors: invalid_argument.
Result<HostAndPort> parse_listen_address(std::string_view text);

// A DNS name or an IP address, nothing else.
bool is_host(std::string_view text);

}  // namespace aggmedic::daemon
