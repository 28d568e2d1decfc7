#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace aggmedic::cli {

// The same document as YAML 1.2: block style, keys in the JSON's order, every string that a reader could take for
// something else quoted.
std::string to_yaml(const nlohmann::json& document);

}  // namespace aggmedic::cli
