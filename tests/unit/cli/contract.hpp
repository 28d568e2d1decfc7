#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace aggmedic::cli {

// What scripts rely on (design 5.1), checked on a document: a missing key, another type, a value outside a closed
// enumeration. More keys are allowed. Empty: it keeps the contract.
std::vector<std::string> check_violations(const nlohmann::json& document);
std::vector<std::string> plan_violations(const nlohmann::json& document);
std::vector<std::string> apply_violations(const nlohmann::json& document);

}  // namespace aggmedic::cli
