#pragma once

#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "daemon/cli/invocation.hpp"

namespace aggmedic::cli {

// A result in the format that was asked for; `as_table` draws it. ASCII in JSON and YAML, so that nothing that others
// wrote steers a terminal.
std::string formatted(Format format, const nlohmann::json& result,
                      const std::function<std::string(const nlohmann::json&)>& as_table);

// Writes to a file descriptor; false when it could not all be written.
bool write_all(int descriptor, const std::string& text);

}  // namespace aggmedic::cli
