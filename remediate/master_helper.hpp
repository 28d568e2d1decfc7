#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "net/remote_host.hpp"
#include "net/ssh_worker.hpp"

namespace aggmedic::remediate {

// The one thing that ever runs on a master: a constant POSIX shell script with the verbs
//
//   look     PLATFORM                                                    read-only, see probes/look.hpp
//   lock     HOLDER RUN TOKEN                                            take or renew /run/aggmedic/lock (15 min by uptime)
//   swap     PLATFORM HOLDER RUN TOKEN RESOLVED SHA_BEFORE SHA_AFTER     new bytes on stdin; old bytes kept beside as .<file>.aggmedic-RUN
//   restart  PLATFORM HOLDER RUN TOKEN PID START_TICKS                   only while that process is still the one running
//   restore  PLATFORM HOLDER RUN TOKEN RESOLVED SHA_BEFORE SHA_AFTER     old bytes back from beside, if the file holds the new ones
//   unlock   PLATFORM HOLDER RUN TOKEN RESOLVED SHA_EXPECTED             removes the kept bytes, then the lock
//
// Each checks its arguments' grammar itself, is idempotent, works under flock, and answers one line `ok ...` (exit 0) or
// `no REASON ...` (exit 20 and up; nothing was changed unless the line says so).
std::string_view helper_script();

// What an SSH worker may run: the helper, verb by verb (sudo -n /bin/sh -c SCRIPT aggmedic VERB ...).
std::span<const RemoteVerb> remote_verbs();

}  // namespace aggmedic::remediate
