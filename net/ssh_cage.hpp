#pragma once

#include "net/result.hpp"

namespace aggmedic {

// Gives up for ever what an SSH client on connected descriptors does not need: core dumps and tracing by others, files
// (by Landlock where the kernel has it, and by the system call filter), programs, child processes, sockets other than
// TCP, signals to others, executable memory. For every thread of the process (Landlock: for this one). Whatever the
// libraries load on first use must be loaded before. Errors: refused (the kernel cannot, so nothing must run here).
Result<void> enter_ssh_cage();

}  // namespace aggmedic
