#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "probes/finding.hpp"
#include "probes/observation.hpp"
#include "probes/raised.hpp"
#include "probes/track.hpp"
#include "remediate/drift.hpp"
#include "remediate/journal.hpp"
#include "remediate/master_changes.hpp"
#include "remediate/plan.hpp"

namespace aggmedic::daemon {

using std::chrono::milliseconds;

// A plan that the daemon made by itself.
struct OwnPlan {
    std::string id;
    TimePoint expires{};
    bool operator==(const OwnPlan&) const = default;
};

// The last run that repaired this cluster and that nobody took back: what its masters must hold since.
struct Repaired {
    remediate::Plan plan;
    std::size_t masters = 0;  // of the plan, in its order
};

// What repairing one cluster by itself is about to do, and what keeps it from that. Values only: the cycles are folded
// in, next_step() says what follows, whoever does it notes what came of it.
struct AutomaticRepair {
    int held_cycles = 0;  // in a row in which a repairable finding was certain, while it was raised
    remediate::MasterChanges changes;
    std::optional<OwnPlan> plan;
    TimePoint plan_not_before{};
    std::vector<remediate::Refusal> plan_refusals;   // gates, of the last attempt to make a plan
    std::vector<remediate::Refusal> start_refusals;  // start guards, as of the last cycle in mode auto
    std::string last_run;                            // that touched this cluster; what `repaired` was read for
    std::optional<Repaired> repaired;                // none: no run of it, or the last one was taken back
    std::vector<remediate::Drift> drift;
    bool is_busy = false;  // something of it goes on
};

void fold_cycle(AutomaticRepair& repair, const probes::Assessment& assessment, const probes::Observation& observation,
                const std::vector<probes::RaisedCause>& raised, TimePoint now);

enum class RepairStep {
    nothing,
    make_plan,
    ask_guards,  // and apply the plan when none refuses
};
RepairStep next_step(const AutomaticRepair& repair, std::string_view mode, bool paused, int hold_cycles, TimePoint now);

// By the runs of one cluster, newest first. A run that undid itself or needs a person leaves the masters to what the
// one before it gave them; a revert takes that back, however far it came. Errors: those of `plan_of`, which is asked by
// id.
Result<std::optional<Repaired>> find_repaired(
    const std::vector<remediate::RunRecord>& runs,
    const std::function<Result<std::optional<remediate::Plan>>(const std::string&)>& plan_of);

// When the newest of a cluster's raised faults was first seen; nullopt: it has none.
std::optional<TimePoint> broken_since(const probes::History& history);

// About how long the run of a plan takes when all goes well.
milliseconds expected_duration(const remediate::Plan& plan);

// The same guards or gates, on the same subjects: what is told again only when it changes, whatever times it names.
bool same_refusals(const std::vector<remediate::Refusal>& one, const std::vector<remediate::Refusal>& other);
std::string named(const std::vector<remediate::Refusal>& refusals);  // "window, cooldown"

}  // namespace aggmedic::daemon
