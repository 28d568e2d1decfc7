#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace aggmedic::cli {

// What a person would type on one master to make the same change, and to take it back: the lines of a shell, with
// nothing left to fill in. Empty where the change cannot be said as one substitution in one line.
struct ByHand {
    std::vector<std::string> change, undo;
};
ByHand by_hand(const nlohmann::json& master, const std::string& platform);

}  // namespace aggmedic::cli
