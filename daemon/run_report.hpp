#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <vector>

#include "remediate/journal.hpp"

namespace aggmedic::daemon {

// One line of `runs` (service.hpp), without "running".
nlohmann::json json_of(const remediate::RunRecord& record);

// The JSON of `apply` for a run that only the journal remembers: the state of every master of its plan is told by a
// replay of the steps. With "steps" beside it, in order, each with its master. Without the plan nothing is known of the
// masters but which of them had a step.
nlohmann::json report_of(const remediate::RunRecord& record, const std::vector<remediate::StepRecord>& steps,
                         const std::optional<remediate::Plan>& plan);

}  // namespace aggmedic::daemon
