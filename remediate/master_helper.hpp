#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "net/remote_host.hpp"
#include "net/ssh_worker.hpp"

namespace aggmedic::remediate {

// The one thing that ever runs on a master: a constant POSIX shell script (master_helper.sh) with the verbs
//
//   look     PLATFORM [HOST:PORT...]
//       Read-only, see probes/look.hpp. The places, at most 32 IP addresses with ports, are dialled from the master.
//   lock     PLATFORM HOLDER RUN TOKEN
//       Takes or renews /run/aggmedic/lock: one line `HOLDER RUN TOKEN BOOT_ID EXPIRY`, the last in seconds of uptime,
//       15 minutes ahead; swap, restart and restore renew it. A higher token of the same run takes over from a lower.
//   swap     PLATFORM HOLDER RUN TOKEN RESOLVED SHA_BEFORE SHA_AFTER
//       The new bytes come on stdin; the old ones are kept beside as .<file>.aggmedic-RUN.
//   restart  PLATFORM HOLDER RUN TOKEN RESOLVED SHA_EXPECTED PID START_TICKS
//       Asks the supervisor, while that process still runs (0 0: while none does), if the file is as expected.
//       `ok asked` proves nothing.
//   restore  PLATFORM HOLDER RUN TOKEN RESOLVED SHA_BEFORE SHA_AFTER
//       The old bytes back from beside, if the file holds the new ones. Needs no room on the disk.
//   unlock   PLATFORM HOLDER RUN TOKEN RESOLVED SHA_EXPECTED
//       Removes the kept bytes if the file is as expected, then the lock.
//
// Each checks its arguments' grammar itself, is idempotent, works under flock, and answers one line: `ok ...` (exit 0)
// or `no REASON ...` (exit 20 and up; nothing was changed, except after `no readback`). Reasons: grammar, busy, io,
// locked HOLDER RUN, person BACKUP (another run's old bytes lie there), token, lock-lost (also by a reboot), missing,
// moved (the link leads elsewhere), changed SHA, no-backup, input, disk-full, readback, supervisor TEXT.
std::string_view helper_script();

// What an SSH worker may run, and so all that aggmedic ever runs on a master: the helper, verb by verb, sent (sudo -n
// /bin/sh -c SCRIPT aggmedic VERB ...) or, where it is installed, as a file of root's (sudoers.hpp).
std::span<const RemoteVerb> remote_verbs();

}  // namespace aggmedic::remediate
