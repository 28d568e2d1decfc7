#include "tests/model/apiserver_flags.hpp"

#include <algorithm>
#include <array>

namespace aggmedic::model {
namespace {

constexpr std::array<std::string_view, 11> boolean_flags = {
    "anonymous-auth", "allow-privileged",       "enable-bootstrap-token-auth", "enable-swagger-ui",   "kubelet-https",
    "profiling",      "service-account-lookup", "enable-aggregator-routing",   "enable-logs-handler", "alsologtostderr",
    "logtostderr"};

bool is_boolean(std::string_view flag) {
    return std::ranges::find(boolean_flags, flag) != boolean_flags.end();
}

}  // namespace

ApiserverFlags::ApiserverFlags(std::span<const std::string> arguments) {
    for (std::size_t i = 0; i < arguments.size(); ++i) {
        std::string_view argument = arguments[i];
        if (!argument.starts_with("--")) continue;  // an empty entry of an older bpm is a positional argument: ignored
        argument.remove_prefix(2);
        const auto equals = argument.find('=');
        if (equals != std::string_view::npos) {
            values_.emplace(argument.substr(0, equals), argument.substr(equals + 1));
        } else if (!is_boolean(argument) && i + 1 < arguments.size() && !arguments[i + 1].starts_with("--")) {
            values_.emplace(argument, arguments[++i]);
        } else {
            values_.emplace(argument, "true");
        }
    }
}

std::string ApiserverFlags::value(std::string_view flag, std::string_view fallback) const {
    const auto [first, last] = values_.equal_range(flag);
    return first == last ? std::string(fallback) : std::prev(last)->second;
}

bool ApiserverFlags::given(std::string_view flag) const {
    return values_.contains(flag);
}

bool ApiserverFlags::is_true(std::string_view flag, bool fallback) const {
    return given(flag) ? value(flag) == "true" : fallback;
}

std::vector<std::string> ApiserverFlags::list(std::string_view flag) const {
    std::vector<std::string> all;
    const auto [first, last] = values_.equal_range(flag);
    for (auto it = first; it != last; ++it) {
        for (std::string& name : parse_string_slice(it->second)) all.push_back(std::move(name));
    }
    return all;
}

std::vector<std::string> parse_string_slice(std::string_view value) {
    if (value.empty()) return {};
    std::vector<std::string> names(1);
    bool quoted = false;
    for (std::size_t i = 0; i < value.size(); ++i) {
        const char c = value[i];
        if (c == '"' && quoted && i + 1 < value.size() && value[i + 1] == '"') {
            names.back() += value[++i];
        } else if (c == '"' && (quoted || names.back().empty())) {
            quoted = !quoted;
        } else if (c == ',' && !quoted) {
            names.emplace_back();
        } else {
            names.back() += c;
        }
    }
    return names;
}

}  // namespace aggmedic::model
