#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace aggmedic::remediate {

// Whether aggmedic would ever write this name: `[A-Za-z0-9][A-Za-z0-9.-]{0,63}` without `..`. No shell, YAML or CSV
// character is among these. (Which names are reserved is a guard's question, not this one's.)
bool is_writable_name(std::string_view name);

// The names in a value of --requestheader-allowed-names, in order. The apiserver reads it as one CSV record (Go's
// encoding/csv), where quotes, spaces and empty elements mean something: none of them is guessed at, nor is a name that
// occurs twice.
std::optional<std::vector<std::string>> read_allowed_names(std::string_view value);

}  // namespace aggmedic::remediate
