#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace aggmedic::remediate {

// The names in a value of --requestheader-allowed-names, in order. The apiserver reads it as one CSV record (Go's
// encoding/csv), where quotes, spaces and empty elements mean something: none of them is guessed at, nor is a name that
// occurs twice.
std::optional<std::vector<std::string>> read_allowed_names(std::string_view value);

}  // namespace aggmedic::remediate
