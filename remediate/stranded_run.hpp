#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "remediate/journal.hpp"
#include "remediate/plan.hpp"
#include "remediate/run_walk.hpp"

namespace aggmedic::remediate {

// What taking up a run that did not end needs, and is not there.
enum class Missing {
    plan,     // not in the journal, or not readable there
    cluster,  // not in a configuration that is valid
    ssh,      // of that cluster
};

// How a run ends that nobody can take up: by the journal alone, as no master can be looked at. Otherwise its cluster
// would never be planned again, and the whole fleet would wait for its end.
struct StrandedEnd {
    RunOutcome outcome = RunOutcome::needs_person;  // another one only where nothing but the run's end was unwritten
    std::string why, next;
};

// Pure. `missing` is not empty; `plan` is there unless it is what is missing.
StrandedEnd end_of_stranded(const RunRecord& run, const std::optional<Plan>& plan, std::span<const StepRecord> steps,
                            const std::vector<Missing>& missing);

}  // namespace aggmedic::remediate
