#include "daemon/cli/output.hpp"

#include <unistd.h>

#include <cerrno>
#include <nlohmann/json.hpp>

#include "daemon/cli/yaml.hpp"

namespace aggmedic::cli {

std::string formatted(Format format, const nlohmann::json& result,
                      const std::function<std::string(const nlohmann::json&)>& as_table) {
    if (result.is_null()) return {};
    switch (format) {
        case Format::json:
            return result.dump(2, ' ', true, nlohmann::json::error_handler_t::replace) + "\n";
        case Format::yaml:
            return to_yaml(result);
        case Format::table:
            break;
    }
    return as_table(result);
}

bool write_all(int descriptor, const std::string& text) {
    for (std::size_t written = 0; written < text.size();) {
        const auto count = ::write(descriptor, text.data() + written, text.size() - written);
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) return false;
        written += static_cast<std::size_t>(count);
    }
    return true;
}

}  // namespace aggmedic::cli
