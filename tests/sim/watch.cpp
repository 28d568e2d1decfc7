#include "tests/sim/watch.hpp"

#include <algorithm>

namespace aggmedic::sim {
namespace {

using remediate::MasterPlan;

constexpr Ms just_asked{500};

const MasterPlan& planned_of(const remediate::Plan& plan, const Master& master) {
    return *std::ranges::find(plan.masters, master.name, &MasterPlan::name);
}
std::set<std::string> as_set(const std::vector<std::string>& names) {
    return {names.begin(), names.end()};
}

}  // namespace

Watch::Watch(Cluster& cluster, const remediate::Plan& plan, std::string run)
    : cluster_(cluster), plan_(plan), run_(std::move(run)) {}

void Watch::broken(const std::string& what) {
    if (!violation_) violation_ = what;
}

// --- what the daemon does -------------------------------------------------------------------------------------------

void Watch::intended(const remediate::Action& action) {
    step_ = remediate::name(action.step);
    step_master_ = action.master;
    open_ = true;
    step_began_ = cluster_.now();
    if (action.step == remediate::Step::check) check_began_ = cluster_.now();
}
void Watch::completed(remediate::StepOutcome outcome) {
    open_ = false;
    if (step_ == "healed" && outcome == remediate::StepOutcome::ok) repaired_.insert(step_master_);
}
void Watch::starts() {
    step_.clear();
    open_ = false;
}

void Watch::sends(const Master& master, const VerbCall& call) {
    if (call.verb == "swap") {
        want_intent(master, "swap");
        want_preconditions(master);
    }
    if (call.verb == "restart" && step_ == "restart") {
        want_intent(master, "restart");
        want_others_ready(master);
    }
}

// No verb forward without its intent on the disk.
void Watch::want_intent(const Master& master, const std::string& verb) {
    if (open_ && step_ == verb && step_master_ == master.name) return;
    broken(verb + " is sent to " + master.name + " without its intent in the journal");
}

bool Watch::is_as_planned(const Master& master) const {
    const auto& planned = planned_of(plan_, master);
    const auto& process = master.process;
    if (!cluster_.is_ready(master)) return false;
    const bool locked = master.lock && master.lock->run == run_;
    if (!locked) return false;
    if (repaired_.contains(master.name))
        return master.file->sha256 == planned.sha256_after && process->version->has_name;
    return master.file->sha256 == planned.sha256_before && process->pid == planned.pid &&
           process->start_ticks == planned.start_ticks && master.boot_id() == planned.boot_id;
}

// What was not as planned during the whole check cannot have passed it.
void Watch::want_preconditions(const Master& target) {
    for (const auto& [name, since] : differs_since_) {
        if (since >= check_began_) continue;
        broken("a write on " + target.name + " although " + name + " has not been as planned since before the check");
    }
    if (names_differ_since_ >= Ms(0) && names_differ_since_ < check_began_)
        broken("a write on " + target.name + " although the ConfigMap is not as projected");
    if (may_not_come_back_since_ >= Ms(0) && may_not_come_back_since_ < check_began_)
        broken("a write on " + target.name + " although an etcd member is lost or a webhook blocks");
}
// What the run cannot have heard of is a master that went away after its last answer, a few exchanges ago.
void Watch::want_others_ready(const Master& target) {
    for (const auto& other : cluster_.masters) {
        if (&other == &target || !other.unready_since || cluster_.now() - *other.unready_since <= just_asked) continue;
        broken("a restart of " + target.name + " although " + other.name + " has not been ready for a while");
    }
}

// --- what must hold always ------------------------------------------------------------------------------------------

void Watch::look() {
    cluster_.note_readiness();
    int down = 0;
    std::string which;
    for (const auto& master : cluster_.masters) {
        if (!master.down_by_us || cluster_.is_ready(master)) continue;
        ++down;
        which += " " + master.name;
    }
    if (down > 1) broken("two masters are down because of us:" + which);
    for (const auto& master : cluster_.masters) {
        if (is_as_planned(master)) {
            differs_since_.erase(master.name);
        } else {
            differs_since_.try_emplace(master.name, cluster_.now());
        }
    }
    const bool projected = as_set(cluster_.names) == as_set(repaired_.empty() ? plan_.names_before : plan_.names_after);
    if (projected) names_differ_since_ = Ms(-1);
    if (!projected && names_differ_since_ < Ms(0)) names_differ_since_ = cluster_.now();
    if (!cluster_.may_not_come_back()) may_not_come_back_since_ = Ms(-1);
    if (cluster_.may_not_come_back() && may_not_come_back_since_ < Ms(0)) may_not_come_back_since_ = cluster_.now();
}

// --- what a run says at its end -------------------------------------------------------------------------------------

// Somebody else's doing since the last step that looked at this master is not the run's to know.
bool Watch::was_lately(Ms at) const {
    return at > Ms(0) && at >= step_began_ - seconds(200);
}
bool Watch::was_disturbed(const Master& master) const {
    return was_lately(master.disturbed_at) || cluster_.now() < master.cut_until;
}

void Watch::want_repaired(const Master& master, const std::string& said) {
    if (was_disturbed(master)) return;
    // What another operator added to it since is not the run's to know.
    const bool new_bytes = master.file->has_name;
    const bool new_process = master.process && master.process->version->has_name;
    if (!new_bytes) broken(said + ", and " + master.name + " does not hold the new bytes");
    if (!new_process) broken(said + ", and " + master.name + " does not run the new arguments");
}
void Watch::want_old(const Master& master, const std::string& said) {
    if (master.file->has_name) broken(said + ", and " + master.name + " holds the new bytes");
    if (master.process && master.process->version->has_name)
        broken(said + ", and " + master.name + " runs the new arguments");
}

void Watch::want_applied(const Master& master) {
    want_repaired(master, "the run is applied");
    if (was_disturbed(master)) return;
    if (!cluster_.is_ready(master)) broken("the run is applied, and " + master.name + " is not ready");
    if (!master.backups.empty()) broken("the run is applied, and old bytes lie beside the file of " + master.name);
    want_healed(master);
}
// Of a server that reads the names once, too: its pods were restarted, or the run is not applied.
void Watch::want_healed(const Master& master) {
    if (was_lately(cluster_.extension.down_until) || cluster_.ask_extension(master) == Through::as_caller) return;
    broken("the run is applied, and the API does not answer as the caller through " + master.name);
}

void Watch::ended(const remediate::RunResult& result) {
    const auto& outcome = result.record.outcome;
    if (!remediate::run_outcome_from(outcome)) return broken("a run ends as `" + outcome + "`");
    if (outcome != "applied" && result.record.next.empty()) broken("a run that ends " + outcome + " says no next step");
    for (const auto& [name, state] : result.masters) {
        const auto& master = cluster_.master(name);
        const std::string said = name + " is told to be " + state;
        if (state == "repaired") want_repaired(master, said);
        if (state == "restored" || state == "untouched") want_old(master, said);
        if (outcome == "applied") want_applied(master);
        if (outcome == "rolled-back" || outcome == "refused") {
            want_old(master, "the run ended " + outcome);
            // One that it did not touch may have fallen by itself: that is why a restart is not sent.
            if (state == "restored" && !was_disturbed(master) && !cluster_.is_ready(master))
                broken("the run is rolled back, and " + name + " is not ready");
        }
    }
    stays_ended(result);
}

void Watch::stays_ended(const remediate::RunResult& result) {
    const auto& outcome = result.record.outcome;
    if (outcome != "rolled-back" && outcome != "refused") return;
    if (as_set(cluster_.names) != as_set(plan_.names_before))
        broken("the run ended " + outcome + ", and the ConfigMap holds the name");
    for (const auto& master : cluster_.masters) {
        if (master.file->has_name || (master.process && master.process->version->has_name))
            broken("the run ended " + outcome + ", and later " + master.name + " carries the name");
    }
}

}  // namespace aggmedic::sim
