#include "tests/lab/http.hpp"

#include <ctime>

namespace aggmedic::lab {
namespace {

bool same_name(std::string_view a, std::string_view b) {
    if (a.size() != b.size()) return false;
    for (std::size_t i = 0; i < a.size(); ++i) {
        const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
        if (lower(a[i]) != lower(b[i])) return false;
    }
    return true;
}

std::string percent_decoded(std::string_view text) {
    std::string decoded;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '%' && i + 2 < text.size()) {
            decoded += static_cast<char>(std::stoi(std::string(text.substr(i + 1, 2)), nullptr, 16));
            i += 2;
        } else {
            decoded += text[i] == '+' ? ' ' : text[i];
        }
    }
    return decoded;
}

}  // namespace

std::string HttpRequest::header(std::string_view name) const {
    for (const auto& item : headers) {
        if (same_name(item.name, name)) return item.value;
    }
    return {};
}

std::vector<std::string> HttpRequest::all(std::string_view name) const {
    std::vector<std::string> values;
    for (const auto& item : headers) {
        if (same_name(item.name, name)) values.push_back(item.value);
    }
    return values;
}

std::string HttpRequest::query(std::string_view key) const {
    const auto question = target.find('?');
    if (question == std::string::npos) return {};
    std::string_view rest = std::string_view(target).substr(question + 1);
    while (!rest.empty()) {
        const auto pair = rest.substr(0, rest.find('&'));
        const auto equals = pair.find('=');
        if (pair.substr(0, equals) == key)
            return equals == std::string_view::npos ? "" : percent_decoded(pair.substr(equals + 1));
        rest.remove_prefix(std::min(rest.size(), pair.size() + 1));
    }
    return {};
}

std::string http_date(std::chrono::seconds ahead) {
    const std::time_t now = std::time(nullptr) + ahead.count();
    std::tm parts{};
    gmtime_r(&now, &parts);
    char text[40];
    std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &parts);
    return text;
}

}  // namespace aggmedic::lab
