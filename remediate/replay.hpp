#pragma once

#include <optional>
#include <span>

#include "remediate/journal.hpp"
#include "remediate/run_walk.hpp"

namespace aggmedic::remediate {

// The walk of a plan's run.
WalkOptions walk_options(const Plan& plan, bool canary_only);

// A walk brought to where the journal of a dead process left it.
struct Replay {
    RunWalk walk;
    std::optional<StepRecord> in_flight;  // intended and not completed: it may or may not have happened
    bool restart_was_asked = false;
    std::optional<std::string> pods_were_restarted{};  // what the step that restarted pods said
    bool list_was_changed = false;                     // a PATCH of the ConfigMap was sent, or may have been
};

// Pure. nullopt when the records are not those of such a walk. An intent without outcome that others follow counts as
// the worst that they leave possible; a forward step that failed because it could not be journaled has no record, the
// undo behind it may have none, and an abort has none either.
std::optional<Replay> replay(const WalkOptions& options, std::span<const StepRecord> records);

}  // namespace aggmedic::remediate
