#include "remediate/allowed_names.hpp"

#include <algorithm>

namespace aggmedic::remediate {
namespace {

bool is_alphanumeric(char byte) {
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || (byte >= '0' && byte <= '9');
}

// Wider than what we write: names such as system:auth-proxy are kept where they are.
bool is_understood(char byte) {
    return is_alphanumeric(byte) || std::string_view(".-_:@/+=*").contains(byte);
}

}  // namespace

std::optional<std::vector<std::string>> read_allowed_names(std::string_view value) {
    std::vector<std::string> names;
    for (std::size_t begin = 0; begin <= value.size();) {
        const std::size_t end = std::min(value.find(',', begin), value.size());
        std::string name(value.substr(begin, end - begin));
        if (name.empty() || !std::ranges::all_of(name, is_understood) || std::ranges::find(names, name) != names.end())
            return std::nullopt;
        names.push_back(std::move(name));
        begin = end + 1;
    }
    return names;
}

}  // namespace aggmedic::remediate
