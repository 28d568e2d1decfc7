#include "daemon/server_url.hpp"

#include <boost/url/authority_view.hpp>
#include <boost/url/ipv4_address.hpp>
#include <boost/url/ipv6_address.hpp>
#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>
#include <charconv>

#include <algorithm>

#include "net/text.hpp"

namespace aggmedic::daemon {
namespace {

bool is_name_character(char character) {
    return (character >= 'a' && character <= 'z') || (character >= 'A' && character <= 'Z') ||
           (character >= '0' && character <= '9') || character == '-' || character == '.';
}

// Boost.URL takes any number of digits for a port.
Result<std::uint16_t> port_from(std::string_view digits) {
    unsigned port = 0;
    const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), port);
    const bool whole = !digits.empty() && parsed.ec == std::errc() && parsed.ptr == digits.data() + digits.size();
    if (!whole || port > 65535) return fail(Errc::invalid_argument, "no port");
    return static_cast<std::uint16_t>(port);
}

}  // namespace

Result<HostAndPort> parse_server_url(std::string_view text) {
    const auto wrong = [&](std::string_view why) {
        return fail(Errc::invalid_argument, "'" + printable(text, 200) + "' " + std::string(why));
    };
    const auto parsed = boost::urls::parse_uri(text);
    if (parsed.has_error()) return wrong("is no URL; write https://host:port");
    const auto url = parsed.value();
    if (url.scheme() != "https") return wrong("is not https; an apiserver is asked over TLS only");
    if (url.has_userinfo()) return wrong("carries a user; credentials have settings of their own");
    if (!url.encoded_path().empty() && url.encoded_path() != "/") {
        return wrong("has a path; an apiserver behind a path (a proxy) cannot be judged, name the apiserver itself");
    }
    if (url.has_query() || url.has_fragment()) return wrong("has a query or a fragment; write https://host:port");
    std::string host(url.host_address());
    if (!is_host(host)) return wrong("names no host; write https://host:port");
    const auto port = url.has_port() ? port_from(url.port()) : Result<std::uint16_t>(std::uint16_t{443});
    if (!port || *port == 0) return wrong("has no usable port");
    return HostAndPort{.host = std::move(host), .port = *port};
}

Result<MonitoringUrl> parse_monitoring_url(std::string_view text) {
    const auto wrong = [&](std::string_view why) {
        return fail(Errc::invalid_argument, "'" + printable(text, 200) + "' " + std::string(why));
    };
    const auto parsed = boost::urls::parse_uri(text);
    if (parsed.has_error()) return wrong("is no URL; write http://host:port or https://host:port");
    const auto url = parsed.value();
    MonitoringUrl result;
    result.is_tls = url.scheme() == "https";
    if (!result.is_tls && url.scheme() != "http") return wrong("is neither http nor https");
    if (url.has_userinfo()) return wrong("carries a user; write a token_file");
    if (url.has_query() || url.has_fragment()) return wrong("has a query or a fragment");
    result.where.host = url.host_address();
    if (!is_host(result.where.host)) return wrong("names no host");
    const auto otherwise = static_cast<std::uint16_t>(result.is_tls ? 443 : 80);
    const auto port = url.has_port() ? port_from(url.port()) : Result<std::uint16_t>(otherwise);
    if (!port || *port == 0) return wrong("has no usable port");
    result.where.port = *port;
    result.path = std::string(url.encoded_path());
    while (result.path.ends_with('/')) result.path.pop_back();
    return result;
}

Result<HostAndPort> parse_listen_address(std::string_view text) {
    const auto parsed = boost::urls::parse_authority(text);
    const bool complete = parsed.has_value() && !parsed->has_userinfo() && parsed->has_port();
    const auto port = complete ? port_from(parsed->port()) : Result<std::uint16_t>(fail(Errc::invalid_argument, ""));
    if (!port || !is_host(std::string(parsed->host_address()))) {
        return fail(Errc::invalid_argument, "'" + printable(text, 200) +
                                                "' is no address to listen on; write host:port, such as "
                                                "127.0.0.1:10797");
    }
    return HostAndPort{.host = std::string(parsed->host_address()), .port = *port};
}

bool is_host(std::string_view text) {
    if (text.empty() || text.size() > 253) return false;
    if (boost::urls::parse_ipv6_address(text).has_value()) return true;
    return std::ranges::all_of(text, is_name_character) && text.front() != '-' && text.front() != '.' &&
           text.find("..") == std::string_view::npos;
}

}  // namespace aggmedic::daemon
