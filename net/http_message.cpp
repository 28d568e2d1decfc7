#include "net/http_message.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "net/text.hpp"

namespace aggmedic {
namespace {

bool same_name(std::string_view left, std::string_view right) {
    return to_lower(left) == to_lower(right);
}

bool is_visible(char character) {
    return character > 0x20 && character < 0x7F;
}

}  // namespace

std::vector<std::string> HttpReply::all(std::string_view name) const {
    std::vector<std::string> values;
    for (const auto& [header, value] : headers) {
        if (same_name(header, name)) values.push_back(value);
    }
    return values;
}

std::optional<std::string> HttpReply::first(std::string_view name) const {
    for (const auto& [header, value] : headers) {
        if (same_name(header, name)) return value;
    }
    return std::nullopt;
}

bool is_header_value(std::string_view text) {
    return std::ranges::all_of(text, [](char character) { return is_visible(character) || character == ' '; });
}

Result<void> check_request(const HttpRequest& request) {
    const bool method_is_token = !request.method.empty() && std::ranges::all_of(request.method, [](char character) {
        return character >= 'A' && character <= 'Z';
    });
    if (!method_is_token) return fail(Errc::invalid_argument, "no HTTP method: " + printable(request.method));
    if (!request.path.starts_with('/') || !std::ranges::all_of(request.path, is_visible)) {
        return fail(Errc::invalid_argument, "no HTTP path: " + printable(request.path));
    }
    if (!is_header_value(request.content_type) || !is_header_value(request.accept)) {
        return fail(Errc::invalid_argument, "a header value holds a control character");
    }
    return {};
}

std::string serialize(const HttpRequest& request, std::string_view host, std::string_view bearer_token) {
    auto text = fmt::format("{} {} HTTP/1.1\r\nHost: {}\r\nUser-Agent: aggmedic/{}\r\nAccept-Encoding: identity\r\n",
                            request.method, request.path, host, AGGMEDIC_VERSION);
    const auto add = [&text](std::string_view name, std::string_view value) {
        if (!value.empty()) text += fmt::format("{}: {}\r\n", name, value);
    };
    add("Accept", request.accept);
    if (!bearer_token.empty()) add("Authorization", fmt::format("Bearer {}", bearer_token));
    if (!request.body.empty()) add("Content-Type", request.content_type);
    const bool bodiless = request.method == "GET" || request.method == "HEAD";
    if (!request.body.empty() || !bodiless) add("Content-Length", std::to_string(request.body.size()));
    return text + "\r\n" + request.body;
}

}  // namespace aggmedic
