#pragma once

#include <optional>

#include "probes/causes/case.hpp"

namespace aggmedic::probes {

// What of an added name would be there again after the VM was recreated, as far as the VM itself shows it (BOSH).
enum class LastingFix {
    unknown,    // not BOSH, not read, or the files do not tell
    not_added,  // one name, and the certificate has it: the platform's own
    missing,    // the certificate's CN is not among the names, and nothing on the VM would add it
    only_here,  // the file was written after the agent had unpacked it, and nothing on the VM would repeat that
    lasting,    // as the agent unpacked it, or the pre-start script adds it
};
LastingFix lasting_fix_on(const Case& seen, const ProxyClient& proxy);

// On all masters; nullopt: unknown of one, or no name has to be added.
std::optional<bool> is_fix_permanent(const Case& seen);

}  // namespace aggmedic::probes
