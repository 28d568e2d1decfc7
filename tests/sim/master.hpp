#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tests/model/apiserver_start.hpp"
#include "tests/model/monit_525.hpp"
#include "tests/sim/agenda.hpp"
#include "tests/sim/files.hpp"

namespace aggmedic::sim {

struct Process {
    std::int64_t pid = 0;
    std::uint64_t start_ticks = 0;
    const FileVersion* version = nullptr;  // the file that it was started from
    Ms started{0};
    bool stopping = false;  // its port is closed, it is still there
};

struct Lock {
    std::string holder, run;
    std::int64_t token = 0;
    std::string boot;
    Ms expiry{0};
};

// The end of something on a master: what belongs before it is refused from then on.
struct Over {
    std::string holder, run;
    std::int64_t token = 0;
};

struct Backup {
    std::string run;
    const FileVersion* version = nullptr;
};

// How one master differs from the next: drawn from the seed.
struct Temper {
    Ms stop_time{seconds(2)}, start_delay{500}, slower_by{seconds(3)};
    bool new_is_never_ready = false, new_never_starts = false;  // with the new arguments
};

// A VM: file, lock, supervisor, process. What happens to it is in cluster.cpp, what the helper does to it in
// helper.cpp.
struct Master {
    std::string name, address;
    int boots = 1;
    bool up = true;
    const FileVersion* file = nullptr;
    std::vector<Backup> backups;
    std::optional<Lock> lock;
    std::optional<Over> unlocked, undone;
    std::optional<Process> process;
    model::MonitService monit{"kube-apiserver", {}, {}};
    std::optional<Ms> next_tick;  // of monit
    int wakes = 0;
    Temper temper;
    Ms cut_until{0}, disk_full_until{0};

    // What the watch has to know.
    bool down_by_us = false;          // a restart that aggmedic asked for, until it is ready again
    std::optional<Ms> unready_since;  // nullopt: it is ready
    Ms disturbed_at{-1};              // the last time that somebody else did something to it
    std::int64_t pids = 0;

    std::string boot_id() const { return "11111111-0000-0000-0000-" + std::to_string(100000000000 + boots); }
};

}  // namespace aggmedic::sim
