#pragma once

#include <map>
#include <string>
#include <string_view>

#include "net/result.hpp"

namespace aggmedic::daemon {

using TarEntries = std::map<std::string, std::string>;  // bytes by name

// A POSIX tar whose bytes depend on the entries alone. Errors: io_failed.
Result<std::string> write_tar(const TarEntries& entries);

// Regular files only; anything else in the archive is left alone. Errors: malformed_reply, too_large.
Result<TarEntries> read_tar(std::string_view archive);

}  // namespace aggmedic::daemon
