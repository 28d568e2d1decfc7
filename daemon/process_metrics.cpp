#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "daemon/metrics.hpp"

namespace aggmedic::daemon {
namespace {

// Fields 14, 15, 22, 23 and 24 of /proc/self/stat (proc(5)).
struct Stat {
    std::uint64_t user_ticks = 0, system_ticks = 0, start_ticks = 0, virtual_bytes = 0, resident_pages = 0;
};

std::optional<Stat> read_stat() {
    std::ifstream file("/proc/self/stat");
    std::string line;
    if (!std::getline(file, line)) return std::nullopt;
    // The name in field 2 may hold spaces and parentheses; what follows its last one does not.
    const auto name_end = line.rfind(')');
    if (name_end == std::string::npos) return std::nullopt;
    std::istringstream rest(line.substr(name_end + 1));
    Stat stat;
    std::string field;
    for (int number = 3; rest >> field && number <= 24; ++number) {
        const auto set = [&](std::uint64_t& value) { value = std::stoull(field); };
        if (number == 14) set(stat.user_ticks);
        if (number == 15) set(stat.system_ticks);
        if (number == 22) set(stat.start_ticks);
        if (number == 23) set(stat.virtual_bytes);
        if (number == 24) set(stat.resident_pages);
    }
    return stat;
}

// From the time since boot, because a sandboxed unit (ProcSubset=pid) does not see the boot time in /proc/stat.
double start_time(double start_since_boot) {
    timespec since_boot{}, now{};
    ::clock_gettime(CLOCK_BOOTTIME, &since_boot);
    ::clock_gettime(CLOCK_REALTIME, &now);
    const auto seconds = [](const timespec& time) {
        return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
    };
    return seconds(now) - seconds(since_boot) + start_since_boot;
}

std::uint64_t count_open_fds() {
    std::error_code failed;
    std::uint64_t count = 0;
    std::filesystem::directory_iterator entry("/proc/self/fd", failed);
    for (; !failed && entry != std::filesystem::directory_iterator(); entry.increment(failed)) ++count;
    return count > 0 ? count - 1 : 0;  // without the one that this reads the folder through
}

}  // namespace

std::optional<ProcessMetrics> read_process() {
    const auto stat = read_stat();
    if (!stat) return std::nullopt;
    const auto ticks = static_cast<double>(::sysconf(_SC_CLK_TCK));
    // Computed once: the clock may be set later, the process did not start again.
    static const double started = start_time(static_cast<double>(stat->start_ticks) / ticks);
    ProcessMetrics metrics;
    metrics.cpu_seconds = static_cast<double>(stat->user_ticks + stat->system_ticks) / ticks;
    metrics.start_time_seconds = started;
    metrics.resident_bytes = stat->resident_pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
    metrics.virtual_bytes = stat->virtual_bytes;
    metrics.open_fds = count_open_fds();
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) metrics.max_fds = limit.rlim_cur;
    return metrics;
}

}  // namespace aggmedic::daemon
