#pragma once

#include <sys/types.h>

#include <chrono>
#include <string>
#include <vector>

// As much of a monitrc as BOSH's jobs use.
namespace aggmedic::lab {

struct MonitJob {
    std::string name, pid_file;
    std::vector<std::string> start, stop;
};

struct MonitConfig {
    std::string address;
    std::vector<MonitJob> jobs;
};

MonitConfig read_monit_config(const std::string& file);  // throws std::runtime_error
pid_t pid_of(const MonitJob& job);                       // 0: no pid file
std::chrono::seconds pid_age(const MonitJob& job);

}  // namespace aggmedic::lab
