#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tests/sim/edge.hpp"

namespace aggmedic::sim {

struct HistoryOptions {
    bool told = false;          // keep what happened, line by line
    bool real_journal = false;  // SQLite in a directory of its own, opened again after each death
    bool reads_text = false;    // the masters' looks are written out and parsed
    Sabotage sabotage;
};

struct History {
    std::optional<std::string> violation;
    std::string outcome;  // of the run at its end; none: it never began
    int lives = 0;        // of the daemon
    int exchanges = 0;
    Ms took{0};                           // virtual time
    std::map<std::string, int> happened;  // faults that came to pass
    std::vector<std::string> lines;
};

// One repair on one cluster, with everything that goes wrong in it, from its seed alone.
History play(std::uint64_t seed, const HistoryOptions& options);

}  // namespace aggmedic::sim
