#pragma once

#include <string>
#include <string_view>

#include "probes/command_line.hpp"

namespace aggmedic::remediate {

// One hunk without context (`diff -U0`) for a change inside one line: the line as it is and as it would be, byte for
// byte. Where the line holds other values beside the scalar (flow style), they are replaced by an ellipsis, because
// they may be secrets. Without the
// `---` and `+++` lines, which are the caller's: only it knows the file's path.
std::string show_line_change(std::string_view before, std::string_view after, probes::ByteRange scalar_before,
                             probes::ByteRange scalar_after);

// The same change the other way round.
std::string show_taken_back(std::string_view line_change);

// What may be shown of an argument that is not being changed: the flag's name without its value.
std::string flag_name_only(std::string_view argument);

}  // namespace aggmedic::remediate
