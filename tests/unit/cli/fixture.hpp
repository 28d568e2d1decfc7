#pragma once

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>

namespace aggmedic::cli {

inline std::string fixture_path(const std::string& name) {
    return std::string(AGGMEDIC_FIXTURES) + "/cli/" + name;
}

inline std::string read_fixture(const std::string& name) {
    std::ifstream file(fixture_path(name), std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

inline nlohmann::json json_fixture(const std::string& name) {
    return nlohmann::json::parse(read_fixture(name));
}

// What the golden file holds. With AGGMEDIC_UPDATE_GOLDEN in the environment it is written first: read the diff before
// committing it.
inline std::string golden(const std::string& name, const std::string& actual) {
    if (std::getenv("AGGMEDIC_UPDATE_GOLDEN") != nullptr) std::ofstream(fixture_path(name), std::ios::binary) << actual;
    return read_fixture(name);
}

}  // namespace aggmedic::cli
