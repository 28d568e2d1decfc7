#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "net/result.hpp"
#include "probes/command_line.hpp"
#include "probes/sourced_text.hpp"

namespace aggmedic::probes {

struct UnitSetting {
    std::string section, key;
    SourcedText value;  // its lines joined, white space around it gone
    Origin at;          // of the key
};

// A unit or one of its drop-ins, as opposed to a file that they name.
bool is_unit_path(std::string_view path);

// The settings of one unit file in order (systemd.syntax(7)). Errors: malformed_reply where versions of systemd differ
// (comments among continued lines, comments that end in a backslash, .include) and for lines that systemd would ignore
// with a warning: a line that lost the backslash before it is one of those.
Result<std::vector<UnitSetting>> read_unit_file(std::span<const SourceFile> files, std::size_t file);

}  // namespace aggmedic::probes
