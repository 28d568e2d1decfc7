#pragma once

#include <filesystem>

#include "remediate/journal.hpp"

namespace aggmedic::remediate {

// An exclusive flock on `file`, dropped by the kernel with the process. Errors: refused while somebody holds it;
// io_failed.
Result<RunLease> take_lease(const std::filesystem::path& file);

}  // namespace aggmedic::remediate
