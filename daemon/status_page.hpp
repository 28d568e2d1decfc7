#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

namespace aggmedic::daemon {

// The fleet as one small HTML page without scripts, from the result of `status`. Every text in it is escaped.
std::string status_page(const nlohmann::json& status);

std::string escape_html(std::string_view text);

}  // namespace aggmedic::daemon
