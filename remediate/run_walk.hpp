#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace aggmedic::remediate {

// What a run does next. The walk decides, its shell does; one step at a time, on one master at a time.
enum class Step {
    lock,          // the lock on this master (all masters first, before anything is written)
    check,         // what the plan is bound to, observed again; between masters: the projected state
    swap,          // the new bytes
    restart,       // ask the supervisor
    process,       // a new process with the new arguments
    ready,         // own /readyz held, address in the endpoints, jobs running
    published,     // the ConfigMap carries the name
    aggregated,    // no aggregated API worse than its baseline (with its grace)
    after_repair,  // restart the pods of servers that still fail (after the canary only)
    healed,        // every API of the finding answers through this master as the caller
    settle,        // wait, with the server address faultless
    add_name,      // the name into the ConfigMap, without touching a master
    kept,          // the ConfigMap carries it, read again over more than one period of the controller that writes it
    verify,        // at the end: everything again through every master, and the plan's requests
    restore,       // undo: the old bytes
    restart_back,  // undo: ask the supervisor, if the process is not the old one any more
    process_back,  // undo: a process with the old arguments
    ready_back,    // undo: own /readyz held
    withdraw,      // undo: the name out of the ConfigMap, if this plan brought it there and nobody holds it
    withdrawn,     // undo: the ConfigMap does not carry the name, watched
    unlock,        // each master, last
};
// In what after_repair says once it has restarted pods; the names of the APIs that they serve follow. A run that is
// taken up reads it back.
inline constexpr std::string_view pods_restarted = " pods were restarted";

// In what `withdrawn` says where servers still believe the name; their APIs follow.
inline constexpr std::string_view still_believed =
    "still answering as the caller, so believing it until their pods are restarted: ";

std::string_view name(Step step);
std::optional<Step> step_from(std::string_view name);
bool is_undo(Step step);  // restore to withdrawn

// args: the masters' arguments, one master at a time. configmap: the published list alone. revert: the old arguments of
// an earlier run again, one master at a time, then its name out of the published list.
enum class Method { args, configmap, revert };
std::string_view name(Method method);
std::optional<Method> method_from(std::string_view name);

struct Action {
    Step step;
    std::string master;  // empty: the cluster
    bool operator==(const Action&) const = default;
};

// failed: it did not happen (of a swap: nothing was written). unknown: it may or may not have happened.
enum class StepOutcome { ok, failed, unknown };
std::string_view name(StepOutcome outcome);
std::optional<StepOutcome> step_outcome_from(std::string_view name);

enum class RunOutcome { applied, healed, rolled_back, refused, needs_person };
std::string_view name(RunOutcome outcome);  // applied, healed, rolled-back, refused, needs-person
std::optional<RunOutcome> run_outcome_from(std::string_view name);

// untouched: nothing was written. patched: new bytes, old process. restarted: new bytes, and its new process was asked
// for. repaired: ready with the new arguments and healed. restored: old bytes, ready with the old arguments.
// New and old are this run's: what a revert writes is new to it.
enum class MasterState { untouched, patched, restarted, repaired, restored, unknown };
std::string_view name(MasterState state);
// As people are told it: a master that a revert has brought to its end is restored, not repaired.
MasterState told(Method method, MasterState state);

// Why a run does not go on with the masters behind the current one: a person asked, or its daemon ended during it.
enum class StoppedBy { request, end_of_daemon };

struct WalkOptions {
    std::vector<std::string> masters;      // that are changed, in order; the first is the canary
    std::vector<std::string> all_masters;  // that are locked
    bool canary_only = false;
    Method method = Method::args;
    bool withdraws = false;  // revert: take the name out of the ConfigMap as well
};

// The order of a run and of its undoing, as a value: no clock, no socket. Feed it the outcome of each action it names.
class RunWalk {
  public:
    explicit RunWalk(WalkOptions options);

    std::optional<Action> next() const;  // nullopt: finished, see outcome()
    void completed(StepOutcome outcome, const std::string& detail = {});
    void abort(StoppedBy by);  // finish or undo the current master, then stop; the first one says why
    // Ends here: the current master cannot be touched any more, and what was under way on it stays unknown.
    void give_up(std::string why);

    RunOutcome outcome() const { return outcome_; }
    const std::string& why() const { return why_; }  // one sentence; empty when applied
    MasterState state_of(std::string_view master) const;
    const std::vector<std::string>& masters() const { return options_.masters; }
    std::vector<Action> remaining() const;  // if everything goes well; for an estimate of the time left

  private:
    enum class Phase { locking, forward, listing, undoing, verifying, unlocking, finished };

    void forward_completed(StepOutcome outcome, const std::string& detail);
    void forward_failed(Step step, StepOutcome outcome, const std::string& detail);
    void undo_completed(StepOutcome outcome, const std::string& detail);
    void listing_completed(StepOutcome outcome, const std::string& detail);
    void begin_listing(Step first);
    void unlock_completed(StepOutcome outcome, const std::string& detail);
    void master_completed();
    void masters_completed();
    void begin_undo(Step first, std::string why);
    void end(RunOutcome outcome, std::string why);
    void begin_unlocking();
    void advance_step();
    std::string stopped() const;
    const std::string& current() const { return options_.masters[master_]; }
    bool is_last() const { return master_ + 1 == options_.masters.size(); }

    WalkOptions options_;
    Phase phase_ = Phase::locking;
    std::size_t master_ = 0;  // locking and unlocking: index into all_masters; else into masters
    Step step_ = Step::lock;
    std::optional<StoppedBy> stopped_by_;
    RunOutcome outcome_ = RunOutcome::refused;
    std::string why_;
    std::string withdrawn_;  // what the watch over the withdrawn name saw, for the end of a revert
    std::map<std::string, MasterState, std::less<>> states_;
    std::vector<std::string> locked_;
};

}  // namespace aggmedic::remediate
