#pragma once

#include <string>
#include <string_view>

#include "daemon/moment.hpp"
#include "net/result.hpp"

namespace aggmedic::daemon {

// The evidence of one moment as a file to hand on: a plain tar of observation.json, moment.json (what else the
// judgement takes), findings.json (what `explain` said) and versions.json. The same moment gives the same bytes:
// entries sorted, no times, no owners. Every text passes the redactor once more, and what findings.json says was judged
// from the redacted observation. Errors: io_failed.
Result<std::string> pack(const Moment& moment);

// Reads what pack() wrote; entries with other names are left alone. Errors: malformed_reply (what is wrong, and which
// version wrote it), too_large.
Result<Moment> unpack(std::string_view archive);

}  // namespace aggmedic::daemon
