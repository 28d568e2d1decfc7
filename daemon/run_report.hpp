#pragma once

#include <nlohmann/json_fwd.hpp>
#include <vector>

#include "remediate/journal.hpp"

namespace aggmedic::daemon {

// One line of `runs` (service.hpp), without "running".
nlohmann::json json_of(const remediate::RunRecord& record);

// The JSON of `apply` for a run that only the journal remembers: each master's state is told from its steps. With
// "steps" beside it, in order, each with its master. `is_revert`: its plan takes another run back.
nlohmann::json report_of(const remediate::RunRecord& record, const std::vector<remediate::StepRecord>& steps,
                         bool is_revert = false);

}  // namespace aggmedic::daemon
