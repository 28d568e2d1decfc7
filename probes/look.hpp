#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "net/result.hpp"
#include "net/time.hpp"
#include "probes/command_line.hpp"
#include "probes/observation.hpp"

namespace aggmedic::probes {

// What one `look` on a master brought: the view that goes into the Observation, and the bytes of the files that say how
// the apiserver is started (for Platform::read), which may hold secrets and therefore never leave the process that
// edits them.
struct Look {
    MasterView view;
    std::vector<SourceFile> sources;
};

// Reads the output of the helper's `look`. The format, one fact a line, binary values in base64 (written `b64:`), `end`
// last so that a cut output is noticed, every line's key from this list:
//
//   aggmedic-look 1                          the format's version, first line
//   boot_id UUID / uptime SECONDS / clock EPOCH_NANOSECONDS
//   hostname b64                             of the kernel, as the control plane's leaders name themselves
//   file.path b64 / file.resolved b64 / file.stat OWNER GROUP MODE_OCTAL SIZE / file.sha256 HEX / file.bytes b64
//   file.missing REASON                      instead of the above
//   platform NAME                            what was asked for, or found where `detect` was asked; without it: bosh
//   source b64(path) b64(resolved) OWNER GROUP MODE_OCTAL SIZE SHA256 b64(bytes)
//                                            of systemd, instead of file.resolved to file.bytes: each file of the unit
//   pid N                                    of the process that the supervisor started; `pid none`
//   process PID PPID START_TICKS b64(cmdline, NUL-separated)     the pid, its descendants, and anything named
//   kube-apiserver
//   named FLAG b64(path) exists|missing readable|unreadable b64(CERTIFICATE blocks, may be empty)
//   modified b64(path) EPOCH_SECONDS         of the arguments file and the named files
//   ticks_per_second N                       the unit of START_TICKS
//   proxy_key match|differs|unknown          digests of the public halves of the live process's proxy-client pair
//   environment_read / environment NAME b64(value)      *_proxy and no_proxy of the live process, without userinfo
//   permanent_fix present|absent             the pre-start script that repeats the repair after a recreate
//   unpacked_job FILES OLDEST_CHANGE NEWEST_MODIFIED FILE_CHANGED     epoch seconds: of the files of the job beside the
//   arguments file, and that file's own
//   start_faults_read / start_fault ID       only while no apiserver runs: what its last attempts wrote
//   backend HOST:PORT connected|refused|timeout|no-route|failed|untried       one for each place that was asked for
//   monit EXIT b64(stdout) b64(stderr)       of `monit status`; of systemd and kubeadm instead:
//   systemd b64                              of `systemctl show` for the units of the control plane
//   kubelet PID|none b64(static pod path) CHANGED_SECONDS_AGO same|other RUNTIME|none       the manifest's age since it
//   was put there; whether the directory above is of the same file system
//   static_pod NAME running|absent           for each other manifest of kubeadm
//   disk_free_kb N / memory_available_kb N
//   lock b64                                 content of the lock file, when there is one
//   backup b64(path)
//   end
//
// The master may be hostile: sizes are capped by the session, numbers and base64 are checked, unknown keys are an
// error. `asked`/`answered` are our clock around the call, for the clock offset. Errors: malformed_reply.
Result<Look> parse_look(std::string_view master, std::string_view output, TimePoint asked, TimePoint answered);

// monit's `status` text, in the dialect of 5.2.5 (stemcells) or 5.33 (Debian 12). Errors: malformed_reply (also for an
// empty text and for "no status available": an absent daemon is unobserved, not stopped).
Result<SupervisorState> parse_monit_status(std::string_view out, std::string_view err, int exit_status);

// `systemctl show` of several units, with Id, LoadState, ActiveState, SubState, UnitFileState, MainPID, Job and
// NeedDaemonReload. Units that systemd does not know, or that nobody enabled or started, are left out, but for the
// apiserver's. Errors: malformed_reply, also where the apiserver's unit is missing.
Result<SupervisorState> parse_systemd_status(std::string_view text);

}  // namespace aggmedic::probes
