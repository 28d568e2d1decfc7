#include "daemon/server_url.hpp"

#include <boost/url/authority_view.hpp>
#include <boost/url/ipv4_address.hpp>
#include <boost/url/ipv6_address.hpp>
#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>

#include <algorithm>

#include "net/text.hpp"

namespace aggmedic::daemon {
namespace {

bool is_name_character(char character) {
    return (character >= 'a' && character <= 'z') || (character >= 'A' && character <= 'Z') ||
           (character >= '0' && character <= '9') || character == '-' || character == '.';
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
    if (url.has_port() && url.port_number() == 0) return wrong("has no usable port");
    return HostAndPort{.host = std::move(host), .port = url.has_port() ? url.port_number() : std::uint16_t{443}};
}

Result<HostAndPort> parse_listen_address(std::string_view text) {
    const auto parsed = boost::urls::parse_authority(text);
    const bool usable = parsed.has_value() && !parsed->has_userinfo() && parsed->has_port() &&
                        (parsed->port_number() != 0 || parsed->port() == "0");
    if (!usable || !is_host(std::string(parsed->host_address()))) {
        return fail(
            Errc::invalid_argument,
            "'" + printable(text, 200) + "' is no address to listen on; write host:port, such as 127.0.0.1:10797");
    }
    return HostAndPort{.host = std::string(parsed->host_address()), .port = parsed->port_number()};
}

bool is_host(std::string_view text) {
    if (text.empty() || text.size() > 253) return false;
    if (boost::urls::parse_ipv6_address(text).has_value()) return true;
    return std::ranges::all_of(text, is_name_character) && text.front() != '-' && text.front() != '.' &&
           text.find("..") == std::string_view::npos;
}

}  // namespace aggmedic::daemon
