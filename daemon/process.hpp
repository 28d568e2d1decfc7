#pragma once

#include <filesystem>

#include "daemon/config.hpp"

namespace aggmedic::daemon {

// aggmedicd from its configuration to its end: service, HTTP, control socket, signals, service manager. Returns the
// exit status. `file` is read again at each reload.
int run_daemon(Config config, std::filesystem::path file);

}  // namespace aggmedic::daemon
