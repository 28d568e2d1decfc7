#include "tests/lab/extension/pod_log.hpp"

#include <fmt/format.h>

#include <chrono>
#include <ctime>
#include <fstream>

namespace aggmedic::lab {

std::filesystem::path container_log(const World& world, const std::string& name_space, const std::string& pod,
                                    int restarts) {
    return world.directory / "log/pods" / fmt::format("{}_{}.{}.log", name_space, pod, restarts);
}

void PodLog::begin(const std::string& name_space, const std::string& pod, int restarts) {
    const std::lock_guard lock(mutex_);
    file_ = container_log(world_, name_space, pod, restarts);
    write_file(file_, "");
}

void PodLog::write(const model::LogLines& lines) {
    const std::lock_guard lock(mutex_);
    std::ofstream stream(file_, std::ios::app);
    for (const auto& line : lines) stream << line << "\n";
}

model::LogStamp PodLog::stamp() {
    const auto now = std::chrono::system_clock::now();
    const std::time_t seconds = std::chrono::system_clock::to_time_t(now);
    const auto micros = std::chrono::duration_cast<std::chrono::microseconds>(now.time_since_epoch()).count() % 1000000;
    std::tm parts{};
    gmtime_r(&seconds, &parts);
    char text[32];
    std::strftime(text, sizeof text, "%m%d %H:%M:%S", &parts);
    return {.month_day_time = fmt::format("{}.{:06}", text, micros), .pid = 1};
}

}  // namespace aggmedic::lab
