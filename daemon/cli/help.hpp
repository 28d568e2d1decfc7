#pragma once

#include <string_view>

#include "daemon/cli/invocation.hpp"

namespace aggmedic::cli {

// The words of --help, apart from the options themselves.
struct CommandHelp {
    std::string_view name, summary, examples;
};
const CommandHelp& help_of(Command command);

extern const std::string_view program_summary;
extern const std::string_view program_footer;

}  // namespace aggmedic::cli
