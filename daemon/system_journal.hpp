#pragma once

#include <string>
#include <vector>

#include "net/result.hpp"
#include "remediate/audit.hpp"

namespace aggmedic::daemon {

// The system journal as the witness of the audit log: it keeps each head where this program cannot change it again
// (systemd-journal-upload takes it off the machine).

// Without a system journal (a container) nothing happens.
void send_head(const remediate::AuditHead& head);

// The heads of this log that root or `owner` sent, and those of any other log that `owner` sent, oldest first: any user
// may write such fields, the sender's uid is what the journal itself says. None: there is no journal, or this user may
// not read it. Errors: io_failed.
Result<std::vector<remediate::AuditHead>> heads_in_system_journal(const std::string& log, std::int64_t owner);

}  // namespace aggmedic::daemon
