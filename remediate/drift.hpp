#pragma once

#include <string>
#include <vector>

#include "probes/observation.hpp"
#include "remediate/plan.hpp"

namespace aggmedic::remediate {

// A master that a run repaired and that holds the old arguments again.
struct Drift {
    std::string master;
    std::string how;  // one sentence: recreated or rebooted, written again, or started with others than its file's
    bool operator==(const Drift&) const = default;
};

// Which of the plan's masters lost what it gave them. `repaired`: how many of them, in the plan's order, the run
// repaired. A master that cannot be seen now is not told: nothing is known of it.
std::vector<Drift> find_drift(const Plan& applied, std::size_t repaired, const probes::Observation& observation);

}  // namespace aggmedic::remediate
