#include "remediate/run_walk.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

namespace aggmedic::remediate {
namespace {

std::string sentence(Step step, const std::string& master, StepOutcome outcome, const std::string& detail) {
    std::string text(name(step));
    if (!master.empty()) text += " on " + master;
    text += outcome == StepOutcome::unknown ? " may or may not have happened" : " failed";
    if (!detail.empty()) text += ": " + detail;
    return text;
}

bool is_about_a_master(Step step) {
    return step != Step::add_name && step != Step::kept && step != Step::withdraw && step != Step::withdrawn;
}

bool changes_something(const WalkOptions& options) {
    if (options.method == Method::configmap) return true;
    return !options.masters.empty() || (options.method == Method::revert && options.withdraws);
}

}  // namespace

RunWalk::RunWalk(WalkOptions options) : options_(std::move(options)) {
    for (const auto& master : options_.all_masters) states_[master] = MasterState::untouched;
    for (const auto& master : options_.masters) states_[master] = MasterState::untouched;
    if (changes_something(options_) && !options_.all_masters.empty()) return;
    phase_ = Phase::finished;
    why_ = "There is nothing to change.";
}

std::optional<Action> RunWalk::next() const {
    switch (phase_) {
        case Phase::locking:
            return Action{Step::lock, options_.all_masters[master_]};
        case Phase::forward:
            return Action{step_, current()};
        case Phase::listing:
            return Action{step_, is_about_a_master(step_) ? options_.all_masters.front() : std::string()};
        case Phase::undoing:
            return Action{step_, is_about_a_master(step_) ? current() : std::string()};
        case Phase::verifying:
            return Action{Step::verify, {}};
        case Phase::unlocking:
            return Action{Step::unlock, locked_[master_]};
        case Phase::finished:
            break;
    }
    return std::nullopt;
}

MasterState RunWalk::state_of(std::string_view master) const {
    const auto found = states_.find(master);
    return found == states_.end() ? MasterState::untouched : found->second;
}

void RunWalk::completed(StepOutcome outcome, const std::string& detail) {
    assert(phase_ != Phase::finished);
    switch (phase_) {
        case Phase::locking: {
            const std::string& master = options_.all_masters[master_];
            if (outcome != StepOutcome::failed) locked_.push_back(master);  // unknown: it may be locked
            if (outcome != StepOutcome::ok)
                return end(RunOutcome::refused, sentence(Step::lock, master, outcome, detail));
            if (stopped_by_) return end(RunOutcome::refused, stopped() + " before anything was written.");
            if (++master_ < options_.all_masters.size()) return;
            master_ = 0;
            if (options_.masters.empty()) return begin_listing(Step::check);
            phase_ = Phase::forward;
            step_ = Step::check;
            return;
        }
        case Phase::forward:
            return forward_completed(outcome, detail);
        case Phase::listing:
            return listing_completed(outcome, detail);
        case Phase::undoing:
            return undo_completed(outcome, detail);
        case Phase::verifying:
            if (outcome == StepOutcome::ok && options_.method == Method::revert)
                return end(RunOutcome::rolled_back,
                           "The change was taken back as asked" + (withdrawn_.empty() ? "." : ": " + withdrawn_ + "."));
            if (outcome == StepOutcome::ok) return end(RunOutcome::applied, {});
            return end(RunOutcome::needs_person, sentence(Step::verify, {}, outcome, detail));
        case Phase::unlocking:
            return unlock_completed(outcome, detail);
        case Phase::finished:
            return;
    }
}

void RunWalk::forward_completed(StepOutcome outcome, const std::string& detail) {
    auto& state = states_[current()];
    if (step_ == Step::swap && outcome != StepOutcome::failed) state = MasterState::patched;  // or may be
    if (outcome != StepOutcome::ok) return forward_failed(step_, outcome, detail);
    if (step_ == Step::restart) state = MasterState::restarted;
    if (step_ == (options_.method == Method::revert ? Step::aggregated : Step::healed)) state = MasterState::repaired;
    advance_step();
}

void RunWalk::advance_step() {
    if (step_ == Step::check && stopped_by_) {
        if (master_ == 0) return end(RunOutcome::refused, stopped() + " before anything was written.");
        return end(RunOutcome::needs_person, stopped() + "; the masters from " + current() + " on are as before.");
    }
    if (step_ == Step::settle) return master_completed();
    const bool is_revert = options_.method == Method::revert;
    const Step last = is_revert ? Step::aggregated : Step::healed;
    if (step_ == last && (is_last() || stopped_by_)) return master_completed();  // nobody comes next
    step_ = step_ == last ? Step::settle : static_cast<Step>(static_cast<int>(step_) + 1);
    if (step_ == Step::published && is_revert) step_ = Step::aggregated;  // the name is still there, and goes last
    if (step_ == Step::after_repair && master_ != 0) step_ = Step::healed;
}

void RunWalk::master_completed() {
    if (is_last()) return masters_completed();
    if (options_.canary_only) {
        return end(RunOutcome::healed,
                   "The canary " + current() + " carries the change; the other masters are as before.");
    }
    if (stopped_by_) {
        return end(RunOutcome::needs_person,
                   stopped() + " after " + current() +
                       (options_.method == Method::revert ? " was taken back" : " was repaired") +
                       "; the masters behind it are as before.");
    }
    ++master_;
    step_ = Step::check;
}

void RunWalk::masters_completed() {
    if (options_.method == Method::revert && options_.withdraws) return begin_listing(Step::withdraw);
    phase_ = Phase::verifying;
}

void RunWalk::begin_listing(Step first) {
    phase_ = Phase::listing;
    step_ = first;
}

// The steps on the published list, which no master has to be touched for.
void RunWalk::listing_completed(StepOutcome outcome, const std::string& detail) {
    if (outcome != StepOutcome::ok) {
        auto why = sentence(step_, {}, outcome, detail);
        if (step_ == Step::add_name && outcome == StepOutcome::unknown)
            return begin_undo(Step::withdraw, std::move(why));
        const bool wrote_nothing = step_ == Step::check || step_ == Step::add_name;
        return end(wrote_nothing ? RunOutcome::refused : RunOutcome::needs_person, std::move(why));
    }
    switch (step_) {
        case Step::check:
            if (stopped_by_) return end(RunOutcome::refused, stopped() + " before anything was written.");
            step_ = options_.method == Method::configmap ? Step::add_name : Step::withdraw;
            return;
        case Step::add_name:
            step_ = Step::kept;
            return;
        case Step::kept:
            step_ = Step::aggregated;
            return;
        case Step::aggregated:
            step_ = Step::after_repair;
            return;
        case Step::withdraw:
            step_ = Step::withdrawn;
            return;
        default:
            if (step_ == Step::withdrawn) withdrawn_ = detail;
            phase_ = Phase::verifying;
            return;
    }
}

void RunWalk::forward_failed(Step step, StepOutcome outcome, const std::string& detail) {
    std::string why = sentence(step, current(), outcome, detail);
    switch (step) {
        case Step::swap:
            if (outcome == StepOutcome::unknown) return begin_undo(Step::restore, std::move(why));
            [[fallthrough]];  // this master was not written to
        case Step::check:
            return end(master_ == 0 ? RunOutcome::refused : RunOutcome::needs_person, std::move(why));
        case Step::restart:
        case Step::process:
        case Step::ready:
            return begin_undo(Step::restore, std::move(why));
        default:
            // The master is ready: a second outage would buy nothing.
            return end(RunOutcome::needs_person, std::move(why));
    }
}

void RunWalk::begin_undo(Step first, std::string why) {
    why_ = std::move(why);
    phase_ = Phase::undoing;
    step_ = first;
}

void RunWalk::undo_completed(StepOutcome outcome, const std::string& detail) {
    if (outcome != StepOutcome::ok) {
        // A name that stays published is no doubt about the master itself: it is back in its old state.
        const bool about_master = is_about_a_master(step_);
        if (about_master) states_[current()] = MasterState::unknown;
        return end(RunOutcome::needs_person,
                   why_ + "; then the undo stopped: " +
                       sentence(step_, about_master ? current() : std::string(), outcome, detail));
    }
    if (step_ == Step::withdrawn)
        return end(RunOutcome::rolled_back, why_ + (detail.contains(still_believed) ? "; " + detail : std::string()));
    if (step_ != Step::ready_back) {
        step_ = static_cast<Step>(static_cast<int>(step_) + 1);
        return;
    }
    states_[current()] = MasterState::restored;
    if (options_.method == Method::revert)
        return end(RunOutcome::needs_person, why_ + "; " + current() + " is as it was before the revert");
    if (master_ == 0) {
        step_ = Step::withdraw;
        return;
    }
    end(RunOutcome::needs_person, why_ + "; " + current() + " was taken back, the masters before it stay repaired");
}

void RunWalk::end(RunOutcome outcome, std::string why) {
    outcome_ = outcome;
    why_ = std::move(why);
    begin_unlocking();
}

void RunWalk::begin_unlocking() {
    // Where the state is not known the old bytes stay beside the file, and the lock runs out by itself.
    std::erase_if(locked_, [&](const std::string& master) { return state_of(master) == MasterState::unknown; });
    master_ = 0;
    phase_ = locked_.empty() ? Phase::finished : Phase::unlocking;
}

void RunWalk::unlock_completed(StepOutcome outcome, const std::string& detail) {
    const std::string& master = locked_[master_];
    if (outcome != StepOutcome::ok) {
        const std::string left = sentence(Step::unlock, master, outcome, detail);
        why_ += why_.empty() ? left : "; " + left;
        // Only a master that was written to can keep old bytes beside its file; another one's lock just runs out.
        if (state_of(master) != MasterState::untouched) outcome_ = RunOutcome::needs_person;
    }
    if (++master_ == locked_.size()) phase_ = Phase::finished;
}

void RunWalk::give_up(std::string why) {
    const bool undoing = phase_ == Phase::undoing && is_about_a_master(step_);
    const bool half_done = phase_ == Phase::forward && (step_ == Step::swap || step_ == Step::restart);
    if (undoing || half_done) states_[current()] = MasterState::unknown;
    outcome_ = RunOutcome::needs_person;
    why_ = std::move(why);
    phase_ = Phase::finished;  // no unlocking, which a replay would take for the end of an undo: the locks run out
}

void RunWalk::abort(StoppedBy by) {
    if (!stopped_by_) stopped_by_ = by;
}

// The beginning of a sentence.
std::string RunWalk::stopped() const {
    return stopped_by_ == StoppedBy::request ? "It was stopped on request"
                                             : "The daemon ended during this run, which was stopped";
}

std::vector<Action> RunWalk::remaining() const {
    std::vector<Action> actions;
    RunWalk ahead = *this;
    while (auto action = ahead.next()) {
        actions.push_back(*action);
        ahead.completed(StepOutcome::ok);
    }
    return actions;
}

}  // namespace aggmedic::remediate
