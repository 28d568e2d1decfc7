#include "daemon/notify.hpp"

#include <systemd/sd-daemon.h>

#include <cstdint>

namespace aggmedic::daemon {

void notify(const std::string& state) {
    ::sd_notify(0, state.c_str());
}

std::optional<std::chrono::microseconds> watchdog_interval() {
    std::uint64_t microseconds = 0;
    if (::sd_watchdog_enabled(0, &microseconds) <= 0) return std::nullopt;
    return std::chrono::microseconds(microseconds);
}

}  // namespace aggmedic::daemon
