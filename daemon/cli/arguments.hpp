#pragma once

#include <string>
#include <variant>
#include <vector>

#include "daemon/cli/invocation.hpp"

namespace aggmedic::cli {

// The command line asked for help or the version, or cannot be understood: what to print, and the exit status.
struct Farewell {
    int exit_status = 0;
    std::string output;  // for stdout
    std::string error;   // for stderr
};

// Reads the words after the program's name. Pure: prints nothing, exits nothing.
std::variant<Invocation, Farewell> parse_arguments(const std::vector<std::string>& words);

}  // namespace aggmedic::cli
