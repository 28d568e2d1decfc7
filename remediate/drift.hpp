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

// Which masters lost the name of a plan that changed their arguments: those that its run repaired (the first
// `repaired`, in the plan's order), and those that it left alone because they carried the name already. A master that
// cannot be seen now is not told: nothing is known of it.
std::vector<Drift> find_drift(const Plan& applied, std::size_t repaired, const probes::Observation& observation);

}  // namespace aggmedic::remediate
