#pragma once

#include "net/result.hpp"

namespace aggmedic {

// The version of Landlock's interface in this kernel (landlock(7)); 0: it has none, or it is switched off.
int landlock_version();

// Takes every file, and from version 4 on every new TCP connection, from 6 on abstract Unix sockets and signals to
// others, from the calling thread for ever. Nothing happens where the kernel has no Landlock. Errors: refused.
Result<void> forbid_files();

// Gives up for ever what an SSH client on connections that it is given does not need: core dumps and tracing by others,
// files (by Landlock where the kernel has it, and by the system call filter), programs, child processes, new sockets,
// signals to others, executable memory. A system call that is not on the measured list kills the process with SIGSYS.
// For every thread of the process (Landlock: for this one). Whatever the libraries load on first use must be loaded
// before. Errors: refused (the kernel cannot, so nothing must run here).
Result<void> enter_ssh_cage();

}  // namespace aggmedic
