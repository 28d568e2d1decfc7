#include "remediate/run.hpp"

#include <algorithm>
#include <cstdio>
#include <utility>

#include "net/text.hpp"
#include "remediate/guard.hpp"
#include "remediate/run_report.hpp"
#include "remediate/run_shell.hpp"

namespace aggmedic::remediate {
namespace {

std::string describe(const Error& error) {
    return "journal: " + printable(error.detail, 256);
}

bool is_forward(Step step) {
    return !is_undo(step) && step != Step::unlock;
}

}  // namespace

RunShell::RunShell(RunContext& context, Plan plan, RunRecord record, std::shared_ptr<RunControl> control)
    : context_(context),
      edge_(context.edge ? context.edge
                         : make_run_edge(context.executor, context.connections, context.target, context.repair,
                                         context.probing)),
      plan_(std::move(plan)),
      record_(std::move(record)),
      control_(control ? std::move(control) : std::make_shared<RunControl>()),
      walk_(options()) {
    record_.plan_id = plan_.id;
    record_.cluster = plan_.cluster;
    if (record_.started == TimePoint{}) record_.started = context_.now();
    if (record_.id.empty()) record_.id = sha256_hex(plan_.id + to_rfc3339(record_.started)).substr(0, 16);
}

void RunShell::tell(const Action& action, std::string state, std::string text) {
    if (!context_.progress) return;
    Progress progress{.run = record_.id,
                      .at = context_.now(),
                      .master = action.master,
                      .step = std::string(name(action.step)),
                      .state = std::move(state),
                      .text = printable(text, 2048),
                      .left = estimate_left(plan_, walk_)};
    context_.progress(progress);
}

void RunShell::mirror(const std::string& line) {
    const std::string text = "run " + record_.id + ": " + printable(line, 1024);
    if (context_.mirror) return context_.mirror(text);
    std::fprintf(stderr, "%s\n", text.c_str());
}

asio::awaitable<bool> RunShell::prepare(std::int64_t token) {
    const auto holder = co_await run_blocking(context_.journal_thread, [this] { return context_.journal.holder(); });
    if (!holder) {
        mirror(describe(holder.error()));
        co_return false;
    }
    RunSteps::Identity identity{.run = record_.id, .holder = *holder, .token = token};
    auto note = [this](const Action& action, const std::string& text) { tell(action, "note", text); };
    steps_ = std::make_unique<RunSteps>(context_, edge_, plan_, std::move(identity), control_, std::move(note));
    co_return true;
}

asio::awaitable<std::string> RunShell::ask_guards() {
    if (plan_.id.empty() || plan_.refused()) co_return "The plan has nothing to apply.";
    const auto method = method_from(plan_.method);
    if (!method) co_return "The plan is of a method that this version does not know: plan again.";
    if (record_.canary_only && *method != Method::args)
        co_return "There is no canary in a plan of method " + plan_.method + ": apply it without --canary-only.";
    const auto holds = co_await run_blocking(context_.journal_thread, [this] { return context_.journal.holds(); });
    if (!holds) co_return describe(holds.error());
    if (const auto* pause = holds->pause_of(plan_.cluster)) {
        if (pause->cluster.empty()) co_return "Runs are paused for the whole fleet: aggmedic resume.";
        co_return "Runs are paused for this cluster: aggmedic resume " + plan_.cluster + ".";
    }
    if (record_.trigger == "automatic" && holds->suspension)
        co_return "Automatic repair is suspended (" + holds->suspension->why + "): aggmedic resume.";
    const auto others =
        co_await run_blocking(context_.journal_thread, [this] { return context_.journal.unfinished(); });
    if (!others) co_return describe(others.error());
    for (const auto& other : *others) {
        if (other.cluster == plan_.cluster && other.id != record_.id)
            co_return "Run " + other.id + " of this cluster has not ended: aggmedic runs " + other.id + ".";
    }
    if (record_.canary_only && kubernetes_minor(plan_.kubernetes).value_or(0) < 17)
        co_return "Before Kubernetes 1.17 the last master to start decides what is published: one repaired master heals nothing for "
                  "long. Apply the whole plan.";
    co_return std::string();
}

// The lease first: of two runs that begin at once, the one without it must not be in the other's way.
asio::awaitable<std::string> RunShell::begin() {
    const auto lease = co_await run_blocking(context_.journal_thread, [this] { return context_.journal.lease(); });
    if (lease) lease_ = *lease;
    if (!lease) {
        record_.outcome = name(RunOutcome::refused);
        record_.why = printable(lease.error().detail);
        record_.finished = context_.now();
    }
    const auto known =
        co_await run_blocking(context_.journal_thread, [this] { return context_.journal.run(record_.id); });
    if (!known) co_return describe(known.error());
    if (!*known) {
        const auto begun =
            co_await run_blocking(context_.journal_thread, [this] { return context_.journal.begin_run(record_); });
        if (!begun) co_return describe(begun.error());
    }
    if (!lease) co_return record_.why;
    auto against = co_await ask_guards();
    if (!against.empty()) co_return against;
    const auto input = co_await context_.observe();
    const auto moved = stale(plan_, input);
    if (!moved.empty()) co_return join_reasons(moved);
    if (!co_await prepare(1)) co_return std::string("The journal cannot say which daemon this is.");
    co_return std::string();
}

asio::awaitable<RunResult> RunShell::run() {
    const auto against = co_await begin();
    if (!against.empty()) co_return co_await conclude(RunOutcome::refused, against, command_to_plan(plan_));
    co_await walk_on();
    if (left_) co_return co_await result(false);
    const auto next = describe_next(plan_, walk_, walk_.outcome(), record_.id);
    co_return co_await conclude(walk_.outcome(), walk_.why(), next);
}

asio::awaitable<std::optional<std::int64_t>> RunShell::intend(Action action) {
    if (open_) co_return std::exchange(open_, std::nullopt);
    if (!co_await write_done_steps()) co_return std::nullopt;
    const auto intended = co_await run_blocking(context_.journal_thread, [this, action] {
        return context_.journal.intend(record_.id, action, context_.now());
    });
    if (intended) co_return *intended;
    mirror(describe(intended.error()));
    co_return std::nullopt;
}

asio::awaitable<bool> RunShell::complete(DoneStep step) {
    unwritten_.push_back(std::move(step));
    co_return co_await write_done_steps();
}

asio::awaitable<bool> RunShell::write_done_steps() {
    while (!unwritten_.empty()) {
        auto& next = unwritten_.front();
        const auto kept = co_await run_blocking(context_.journal_thread, [this, &next]() -> Result<void> {
            if (!next.sequence) {
                const auto line = context_.journal.intend(record_.id, next.action, next.intended);
                if (!line) return std::unexpected(line.error());
                next.sequence = *line;
            }
            return context_.journal.complete(record_.id, *next.sequence, next.outcome, next.detail, next.completed);
        });
        if (!kept) {
            mirror(describe(kept.error()));
            co_return false;
        }
        unwritten_.pop_front();
    }
    co_return true;
}

asio::awaitable<void> RunShell::walk_on() {
    while (const auto action = walk_.next()) {
        if (control_->stop) {
            left_ = true;
            break;
        }
        if (control_->abort) walk_.abort(StoppedBy::request);
        const std::string what = std::string(name(action->step)) + " " + action->master;
        const auto line = co_await intend(*action);
        if (!line && is_forward(action->step)) {
            // Nothing forward without its intent on the disk.
            tell(*action, "failed", "it could not be journaled");
            walk_.completed(StepOutcome::failed, "it could not be journaled");
            continue;
        }
        if (!line) mirror(what + " begins, unjournaled");
        const auto begun = context_.now();
        tell(*action, "started", {});
        const auto done = co_await steps_->perform(*action, walk_);
        if (done.abandoned) {
            left_ = true;
            break;
        }
        walk_.completed(done.outcome, done.detail);
        const std::string outcome(name(done.outcome));
        tell(*action, outcome, done.detail);
        const bool is_kept = co_await complete({.sequence = line,
                                                .action = *action,
                                                .intended = begun,
                                                .outcome = done.outcome,
                                                .detail = done.detail,
                                                .completed = context_.now()});
        if (!is_kept) mirror(what + ": " + outcome + " " + done.detail);
    }
    co_await steps_->close();
    co_await write_done_steps();  // before the run's end is
}

asio::awaitable<RunResult> RunShell::conclude(RunOutcome outcome, std::string why, std::string next) {
    record_.outcome = name(outcome);
    record_.why = std::move(why);
    record_.next = std::move(next);
    record_.finished = context_.now();
    const auto kept = co_await run_blocking(context_.journal_thread, [this, outcome] {
        return context_.journal.finish_run(record_.id, outcome, record_.why, record_.next, *record_.finished);
    });
    if (!kept) mirror("ended " + record_.outcome + ": " + record_.why + " (" + describe(kept.error()) + ")");
    co_return co_await result(true);
}

asio::awaitable<RunResult> RunShell::result(bool finished) {
    co_await write_done_steps();  // the last chance
    RunResult result;
    result.record = record_;
    auto steps = co_await run_blocking(context_.journal_thread, [this] { return context_.journal.steps(record_.id); });
    if (steps) result.steps = std::move(*steps);
    const auto walked = options();
    for (const auto& master : walked.all_masters)
        result.masters.emplace_back(master, name(told(walked.method, walk_.state_of(master))));
    lease_.reset();
    if (finished && context_.progress) {
        Progress progress{.run = record_.id,
                          .at = context_.now(),
                          .master = {},
                          .step = {},
                          .state = "finished",
                          .text = printable(record_.outcome + (record_.why.empty() ? "" : ": " + record_.why), 2048),
                          .left = std::chrono::seconds(0)};
        context_.progress(progress);
    }
    co_return result;
}

asio::awaitable<RunResult> run_plan(RunContext& context, Plan plan, RunRecord record,
                                    std::shared_ptr<RunControl> control) {
    const auto shell = std::make_unique<RunShell>(context, std::move(plan), std::move(record), std::move(control));
    co_return co_await shell->run();
}

}  // namespace aggmedic::remediate
