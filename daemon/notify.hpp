#pragma once

#include <chrono>
#include <optional>
#include <string>

namespace aggmedic::daemon {

// Tells the service manager: READY=1, RELOADING=1, STOPPING=1, WATCHDOG=1, STATUS=... Without one nothing happens.
void notify(const std::string& state);

// How often the service manager wants to hear from us; nothing: it does not watch.
std::optional<std::chrono::microseconds> watchdog_interval();

}  // namespace aggmedic::daemon
