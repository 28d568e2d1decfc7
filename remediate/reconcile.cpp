#include <algorithm>
#include <utility>

#include "net/text.hpp"
#include "remediate/projection.hpp"
#include "remediate/replay.hpp"
#include "remediate/run_report.hpp"
#include "remediate/run_shell.hpp"

// Ending a run that a dead daemon left (design 6.8): by what the master it was at really holds.
namespace aggmedic::remediate {
namespace {

constexpr std::chrono::seconds lock_pause{3};

struct Held {
    bool new_bytes = false;
    bool old_bytes = false;
    bool old_process = false;
    bool pending = false;
};

Held read_held(const MasterPlan& planned, const probes::MasterView& view) {
    Held held;
    held.new_bytes = view.args_file.sha256 == planned.sha256_after;
    held.old_bytes = view.args_file.sha256 == planned.sha256_before;
    held.old_process =
        view.process && view.process->pid == planned.pid && view.process->start_ticks == planned.start_ticks;
    const auto* service = apiserver_service(view);
    held.pending = service != nullptr && service->pending;
    return held;
}

// What became of a swap or a restart that was under way.
StepOutcome judge(Step step, const Held& held) {
    if (step == Step::swap) {
        // New bytes under the old process are taken back; under a new one (somebody restarted it) they are finished.
        if (held.old_bytes) return StepOutcome::failed;  // and the new lock keeps a late helper out
        return held.new_bytes && !held.old_process ? StepOutcome::ok : StepOutcome::unknown;
    }
    return !held.old_process || held.pending ? StepOutcome::ok : StepOutcome::failed;
}

}  // namespace

// Asked again while nothing was heard: on a master that is in between one lost packet must not end the run.
asio::awaitable<HelperAnswer> RunShell::insist_on_lock(std::string master) {
    const auto deadline = edge_->now() + plan_.verify_timeout;
    for (;;) {
        auto locked = co_await steps_->take_lock(master, plan_.verify_timeout);
        if (locked.kind != HelperAnswer::Kind::unknown || control_->stop) co_return locked;
        if (edge_->now() + lock_pause > deadline) co_return locked;
        co_await edge_->sleep(lock_pause);
    }
}

// The master that is in between first; without its lock nothing may be done to it.
asio::awaitable<bool> RunShell::lock_again() {
    const auto next = walk_.next();
    const std::string current = next ? next->master : std::string();
    if (!current.empty()) {
        const auto locked = co_await insist_on_lock(current);
        if (locked.kind != HelperAnswer::Kind::ok) {
            mirror("the lock on " + current + " cannot be taken again: " + locked.detail);
            co_return false;
        }
    }
    for (const auto& master : options().all_masters) {
        if (master == current) continue;
        const auto locked = co_await steps_->take_lock(master, std::chrono::seconds(0));
        if (locked.kind != HelperAnswer::Kind::ok)
            mirror("the lock on " + master + " cannot be taken again: " + locked.detail);
    }
    co_return true;
}

// Brings the walk past the point of death; what follows are steps that can be done again.
// Returns false where the daemon stops before that can be told.
asio::awaitable<bool> RunShell::take_up(std::optional<StepRecord> in_flight) {
    if (in_flight) open_ = in_flight->sequence;
    walk_.abort(StoppedBy::end_of_daemon);
    const auto next = walk_.next();
    if (!next) co_return true;
    const auto close_open = [this](StepOutcome outcome, std::string detail) -> asio::awaitable<void> {
        walk_.completed(outcome, detail);
        if (!open_) co_return;
        co_await complete({.sequence = std::exchange(open_, std::nullopt),
                           .action = {},
                           .intended = {},
                           .outcome = outcome,
                           .detail = std::move(detail),
                           .completed = context_.now()});
    };
    if (next->step == Step::lock || next->step == Step::check) {
        // A lock that was under way may be held, and is released with the others.
        const bool maybe = next->step == Step::lock && in_flight;
        co_await close_open(maybe ? StepOutcome::unknown : StepOutcome::failed, "the daemon ended before it");
        co_return true;
    }
    if (next->step == Step::add_name) {
        if (!in_flight) {
            co_await close_open(StepOutcome::failed, "the daemon ended before it");
            co_return true;
        }
        // One that is not there may still arrive: then it is taken back, and watched.
        const auto is_there = co_await steps_->is_name_published();
        const bool happened = is_there && *is_there;
        co_await close_open(happened ? StepOutcome::ok : StepOutcome::unknown,
                            happened ? "the daemon ended during it; it had happened"
                                     : "the daemon ended during it, and the name is not seen in the ConfigMap");
        co_return true;
    }
    const bool half_done = next->step == Step::restart || (in_flight && next->step == Step::swap);
    if (next->step == Step::swap && !in_flight) {
        co_await close_open(StepOutcome::failed, "the daemon ended before it");
        co_return true;
    }
    if (!half_done) co_return true;
    // What is found to have happened needs its record, or the next life cannot follow this one.
    if (!open_) open_ = co_await intend(*next);
    const auto seen = co_await steps_->look(next->master, plan_.verify_timeout);
    if (!seen && steps_->gave_up()) co_return false;
    if (!seen) {
        co_await close_open(StepOutcome::unknown, "the daemon ended during it, and the master cannot be read");
        co_return true;
    }
    const auto outcome = judge(next->step, read_held(*find_master(plan_, next->master), seen->view));
    co_await close_open(outcome, outcome == StepOutcome::ok ? "the daemon ended during it; it had happened"
                                                            : "the daemon ended before it had happened");
    co_return true;
}

// A run that wrote nothing is as good as taken back, where every master proves it: what is not as it was, in words.
asio::awaitable<std::string> RunShell::what_is_not_old() {
    std::string different;
    for (const auto& planned : plan_.masters) {
        const auto seen = co_await steps_->look(planned.name, plan_.verify_timeout);
        std::string what;
        if (!seen) {
            what = "cannot be read: " + printable(seen.error().detail, 128);
        } else if (seen->view.args_file.sha256 != planned.sha256_before) {
            what = "holds another arguments file than the run found";
        } else if (!seen->view.process || seen->view.process->arguments.sha256 != planned.arguments_sha256) {
            what = "runs other arguments than the run found";
        }
        if (!what.empty()) different += (different.empty() ? "" : "; ") + planned.name + " " + what;
    }
    if (plan_.method == "configmap") {
        const auto is_there = co_await steps_->is_name_published();
        if (!is_there) different = "the ConfigMap cannot be read";
        if (is_there && *is_there) different = "the ConfigMap holds " + plan_.common_name;
    }
    co_await steps_->close();
    co_return different;
}

asio::awaitable<RunResult> RunShell::reconcile() {
    const auto lease = co_await run_blocking(context_.journal_thread, [this] { return context_.journal.lease(); });
    if (!lease) {
        mirror("it cannot be taken up: " + printable(lease.error().detail));
        co_return co_await result(false);
    }
    lease_ = *lease;
    const auto records =
        co_await run_blocking(context_.journal_thread, [this] { return context_.journal.steps(record_.id); });
    if (!records) {
        mirror("it cannot be taken up: journal: " + printable(records.error().detail));
        co_return co_await result(false);
    }
    auto replayed = replay(options(), *records);
    const std::int64_t token = records->empty() ? 1 : records->back().sequence + 1;
    if (!replayed) {
        auto lost = co_await conclude(
            RunOutcome::needs_person, "The journal of this run does not fit its plan.",
            "aggmedic runs " + record_.id + " shows its steps; look at every master's arguments file by hand.");
        for (auto& [master, state] : lost.masters) state = name(MasterState::unknown);
        co_return lost;
    }
    walk_ = std::move(replayed->walk);
    if (!walk_.next())
        co_return co_await conclude(walk_.outcome(), walk_.why(),
                                    describe_next(plan_, walk_, walk_.outcome(), record_.id));
    if (!co_await prepare(token)) co_return co_await result(false);
    if (replayed->restart_was_asked) steps_->assume_restart_was_asked();
    if (replayed->pods_were_restarted) steps_->assume_pods_were_restarted(*replayed->pods_were_restarted);
    if (replayed->list_was_changed) steps_->assume_list_was_changed();
    tell(*walk_.next(), "note", "taking up a run that a dead daemon left");
    // Every verb but these is fenced by this life's token, also the undo of a swap that never began.
    const auto step = walk_.next()->step;
    const bool never_began = step == Step::swap && !replayed->in_flight;
    const bool fenced = step != Step::lock && step != Step::check && step != Step::unlock && !never_began;
    const bool locked = !fenced || co_await lock_again();
    if (!locked && !steps_->gave_up() && !control_->stop) {
        walk_.give_up("The daemon ended during this run, and " + walk_.next()->master +
                      ", which it was at, cannot be locked again.");
    } else {
        left_ = !locked || !co_await take_up(replayed->in_flight);
    }
    if (left_) {
        co_await steps_->close();
        co_return co_await result(false);
    }
    co_await walk_on();
    if (left_) co_return co_await result(false);
    auto outcome = walk_.outcome();
    std::string why = walk_.why();
    if (outcome == RunOutcome::refused) {
        const auto different = co_await what_is_not_old();
        if (steps_->gave_up()) co_return co_await result(false);
        // A revert that wrote nothing leaves the repair where it is.
        const auto as_before = plan_.reverts.empty() ? RunOutcome::rolled_back : RunOutcome::refused;
        outcome = different.empty() ? as_before : RunOutcome::needs_person;
        if (!different.empty()) why += "; this run wrote nothing, but " + different;
    }
    const auto next = describe_next(plan_, walk_, outcome, record_.id);
    co_return co_await conclude(outcome, std::move(why), next);
}

asio::awaitable<RunResult> reconcile_run(RunContext& context, Plan plan, RunRecord record,
                                         std::shared_ptr<RunControl> control) {
    const auto shell = std::make_unique<RunShell>(context, std::move(plan), std::move(record), std::move(control));
    co_return co_await shell->reconcile();
}

}  // namespace aggmedic::remediate
