#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <nlohmann/json.hpp>

#include "daemon/log.hpp"
#include "daemon/planning.hpp"
#include "daemon/program.hpp"
#include "daemon/run_report.hpp"
#include "net/text.hpp"
#include "remediate/rest_of_run.hpp"

namespace aggmedic::daemon {
namespace {

using namespace std::chrono_literals;
using remediate::Journal;
using remediate::RunRecord;

constexpr std::size_t runs_shown_max = 200;
constexpr auto reconcile_pause = 15s;
constexpr auto reconcile_again = 5min;  // once nothing is left to end

// The first thing that reads it since the last run, and at a moment when nothing has been changed yet.
asio::awaitable<Result<void>> repair_is_readable(std::shared_ptr<const ClusterConfig> cluster) {
    const auto source = cluster->repair.source;
    if (!source) co_return Result<void>();
    const auto current = co_await source->current(false);
    if (current) co_return Result<void>();
    co_return fail(Errc::refused,
                   fmt::format("credentials.repair of {} cannot be used: {}. Mend it, or take it out of the "
                               "configuration and make a new plan (`aggmedic config check` reads it too)",
                               cluster->target.name, current.error().detail));
}

// In the journal, and not as this version reads it. Any other fault of the journal passes, and is no reason to end a
// run.
bool is_unreadable(const Error& error) {
    return error.code == Errc::malformed_reply;
}

// The daemon's configuration is the fleet's, and was found valid. One that a person names for one command may be of a
// part of it.
std::vector<remediate::Missing> missing_for(const std::optional<remediate::Plan>& plan, const ClusterConfig* cluster,
                                            bool standalone) {
    std::vector<remediate::Missing> missing;
    if (!plan) missing.push_back(remediate::Missing::plan);
    if (cluster == nullptr && !standalone) missing.push_back(remediate::Missing::cluster);
    if (cluster != nullptr && !cluster->ssh && !standalone) missing.push_back(remediate::Missing::ssh);
    return missing;
}

}  // namespace

int exit_status_of(std::string_view outcome) {
    if (outcome == "applied" || outcome == "healed") return exit_status::good;
    if (outcome == "rolled-back") return exit_status::rolled_back;
    if (outcome == "refused") return exit_status::refused;
    return outcome.empty() ? exit_status::detached : exit_status::needs_person;
}

asio::awaitable<Reply> Program::apply(Request request, ProgressSink progress) {
    if (request.rest_of_run) co_return co_await apply_rest(std::move(request), std::move(progress));
    if (request.id.empty()) co_return failed(exit_status::usage, "apply needs the id of a plan");
    auto plan = co_await in_journal([id = request.id](Journal& journal) { return journal.plan(id); });
    if (!plan) co_return failed(exit_status::usage, plan.error().detail);
    if (!*plan)
        co_return failed(exit_status::usage, fmt::format("there is no plan {}; aggmedic plan CLUSTER makes one",
                                                         printable(request.id, 100)));
    co_return co_await start(std::move(request), std::move(**plan), std::move(progress));
}

// What a run left to do, planned anew under every gate, and applied where it is nothing but the rest of what a person
// approved with the plan of that run.
asio::awaitable<Reply> Program::apply_rest(Request request, ProgressSink progress) {
    const auto refused = [](std::string text) { return failed(exit_status::refused, std::move(text)); };
    if (request.id.empty()) co_return failed(exit_status::usage, "apply --resume needs the id of a run");
    auto before = co_await planned_run(request.id);
    if (!before) co_return failed(exit_status::usage, before.error().detail);
    const auto cluster = find_cluster(before->run.cluster);
    if (!cluster) co_return refused(fmt::format("cluster {} is not configured any more", before->run.cluster));
    if (const auto hindered = co_await what_still_hinders(before->run.cluster, progress); !hindered)
        co_return failed(exit_status::usage, hindered.error().detail);
    else if (!hindered->empty())
        co_return refused(hindered->front().reason);
    before = co_await planned_run(request.id);  // as it ended by now
    if (!before) co_return failed(exit_status::usage, before.error().detail);
    const auto& [run, approved] = *before;
    if (const auto why = remediate::why_not_resumed(run, approved); !why.empty()) co_return refused(why);

    PlanWish wish{.method = approved.method, .accept_risk = {}, .uid = request.uid, .accepted = accepted_in(approved)};
    auto rest = co_await make_plan_of(cluster, std::move(wish), progress);
    if (!rest) co_return failed(exit_status::usage, "the rest of the run could not be planned: " + rest.error().detail);
    const auto why = remediate::why_not_the_rest(*rest, run, approved);
    co_await note({.uid = request.uid,
                   .action = "plan",
                   .cluster = run.cluster,
                   .plan = rest->id,
                   .run = run.id,
                   .outcome = why.empty() ? "" : "refused",
                   .text = "the rest of run " + run.id});
    if (!why.empty()) co_return refused(why);
    co_return co_await start(std::move(request), std::move(*rest), std::move(progress));
}

asio::awaitable<Reply> Program::start(Request request, remediate::Plan plan, ProgressSink progress) {
    remediate::AuditRecord asked{
        .uid = request.uid, .action = "apply", .cluster = plan.cluster, .plan = plan.id, .outcome = "refused"};
    auto run = co_await begin(std::move(request), std::move(plan), {});
    if (!run) {
        asked.text = run.error().detail;
        co_await note(std::move(asked));
        co_return failed(run.error().code == Errc::refused ? exit_status::refused : exit_status::usage,
                         run.error().detail);
    }
    co_return co_await await_end(std::move(*run), std::move(progress));
}

// All that can be said before anything is asked of the cluster; run_plan() then looks whether the plan still holds.
asio::awaitable<Result<std::shared_ptr<ActiveRun>>> Program::begin(Request request, remediate::Plan plan, Start start) {
    const auto refuse = [](std::string text) { return fail(Errc::refused, std::move(text)); };
    const auto cluster = find_cluster(plan.cluster);
    if (stopping_) co_return refuse("the daemon is stopping; no run starts");
    if (!cluster) co_return refuse(fmt::format("cluster {} is not configured any more", plan.cluster));
    if (!cluster->ssh)
        co_return refuse(fmt::format("cluster {} has no ssh in the configuration any more", plan.cluster));
    auto facts = co_await start_facts(cluster, plan, start);
    if (!facts) co_return std::unexpected(facts.error());
    const auto refusals = remediate::ask_start_guards(*facts);
    if (!refusals.empty()) co_return refuse(refusals.front().reason);
    if (plan.expires <= wall_clock())
        co_return refuse(fmt::format("the plan expired at {}; make a new one with aggmedic plan {}",
                                     to_rfc3339(plan.expires), plan.cluster));

    const auto unfinished = co_await what_hinders(plan.cluster);
    if (!unfinished) co_return std::unexpected(unfinished.error());
    if (!unfinished->empty()) {
        // What a dead process left is ended first; what a living one does is left alone.
        if (!runs_.any_going_on()) co_await reconcile();
        co_return refuse(unfinished->front().reason);
    }
    if (auto free = co_await runs_are_free(); !free) co_return std::unexpected(free.error());
    if (auto readable = co_await repair_is_readable(cluster); !readable) co_return refuse(readable.error().detail);
    auto run = std::make_shared<ActiveRun>(executor_, cluster);
    run->probe = config_.probe;
    run->remediation = config_.remediation;
    const auto now = wall_clock();
    run->record = {.id = make_run_id(now),
                   .plan_id = plan.id,
                   .cluster = plan.cluster,
                   .trigger = start.trigger,
                   .uid = request.uid,
                   .reason = request.reason,
                   .canary_only = request.canary_only,
                   .started = now,
                   .finished = {},
                   .outcome = {},
                   .why = {},
                   .next = {}};
    // Nothing is changed that no auditor could read about.
    const auto recorded = co_await record({.uid = request.uid,
                                           .action = "apply",
                                           .cluster = run->record.cluster,
                                           .plan = run->record.plan_id,
                                           .run = run->record.id,
                                           .text = request.reason});
    if (!recorded) co_return std::unexpected(recorded.error());
    if (stopping_ || runs_.any_going_on()) co_return refuse("another run began meanwhile, or the daemon is stopping");
    run->plan = std::move(plan);
    runs_.start(run);
    co_return run;
}

asio::awaitable<Reply> Program::await_end(std::shared_ptr<ActiveRun> run, ProgressSink progress) {
    co_await Runs::follow(run, std::move(progress));
    if (!run->result) {
        co_return failed(exit_status::needs_person,
                         fmt::format("run {} failed in an unforeseen way: {}; see aggmedic runs {}", run->record.id,
                                     run->fault, run->record.id));
    }
    if (run->record.outcome.empty()) {
        co_return failed(exit_status::detached,
                         fmt::format("the daemon is stopping: run {} ended its current step and is taken up again at "
                                     "the next start; follow it with aggmedic runs {} --follow",
                                     run->record.id, run->record.id));
    }
    co_return Reply{
        .exit_status = exit_status_of(run->record.outcome), .error = {}, .result = remediate::to_json(*run->result)};
}

asio::awaitable<Reply> Program::abort(Request request, ProgressSink progress) {
    auto run = runs_.find(request.id);
    if (!run) {
        auto recorded = co_await recorded_run(request.id);
        if (!recorded.error.empty() || recorded.exit_status != exit_status::detached) co_return recorded;
        co_return failed(exit_status::usage,
                         fmt::format("run {} does not go on in this process. Where it goes on under --standalone, stop "
                                     "it there (Ctrl-C); where it goes on nowhere, the daemon ends it by itself within "
                                     "a few minutes: aggmedic runs {} shows how",
                                     printable(request.id, 100), printable(request.id, 100)));
    }
    if (!run->ended) {
        log_warning("a run is to stop after its current master",
                    {{"run", run->record.id}, {"uid", std::to_string(request.uid)}});
        run->control->abort = true;
        co_await note({.uid = request.uid,
                       .action = "abort",
                       .cluster = run->record.cluster,
                       .plan = run->record.plan_id,
                       .run = run->record.id});
    }
    co_return co_await await_end(std::move(run), std::move(progress));
}

asio::awaitable<Reply> Program::follow(Request request, ProgressSink progress) {
    auto run = runs_.find(request.id);
    if (run) co_return co_await await_end(std::move(run), std::move(progress));
    co_return co_await recorded_run(request.id);
}

// A run of another time or process, from the journal.
asio::awaitable<Reply> Program::recorded_run(std::string id) {
    auto reported = co_await report(std::move(id));
    if (!reported) co_return failed(exit_status::usage, reported.error().detail);
    co_return Reply{
        .exit_status = exit_status_of(reported->run.outcome), .error = {}, .result = std::move(reported->told)};
}

asio::awaitable<Result<Program::ReportedRun>> Program::report(std::string id) {
    auto record = co_await recorded(std::move(id));
    if (!record) co_return std::unexpected(record.error());
    const auto plan = co_await in_journal([of = record->plan_id](Journal& journal) { return journal.plan(of); });
    if (!plan && !is_unreadable(plan.error())) co_return std::unexpected(plan.error());
    const auto steps = co_await in_journal([of = record->id](Journal& journal) { return journal.steps(of); });
    if (!steps) co_return std::unexpected(steps.error());
    auto told = report_of(*record, *steps, plan.value_or(std::nullopt));
    co_return ReportedRun{.run = std::move(*record), .told = std::move(told)};
}

asio::awaitable<Reply> Program::runs(Request request) {
    nlohmann::json list = nlohmann::json::array();
    const auto add = [&](const RunRecord& record, nlohmann::json extra) {
        auto entry = json_of(record);
        const auto active = runs_.find(record.id);
        entry["running"] = active != nullptr && !active->ended;
        entry.update(extra);
        list.push_back(std::move(entry));
    };
    if (!request.id.empty()) {
        const auto reported = co_await report(request.id);
        if (!reported) co_return failed(exit_status::usage, reported.error().detail);
        add(reported->run, {{"masters", reported->told["masters"]}, {"steps", reported->told["steps"]}});
    } else {
        const auto records = co_await in_journal([](Journal& journal) { return journal.runs(runs_shown_max); });
        if (!records) co_return failed(exit_status::usage, records.error().detail);
        for (const auto& record : *records) add(record, nlohmann::json::object());
    }
    co_return Reply{.exit_status = exit_status::good, .error = {}, .result = {{"runs", std::move(list)}}};
}

// Whether another process is at work: it holds the lease as long as its run goes on. Dropped again at once, the run
// itself takes it.
asio::awaitable<Result<void>> Program::runs_are_free() {
    auto lease = co_await in_journal([](Journal& journal) { return journal.lease(); });
    if (!lease) co_return std::unexpected(lease.error());
    co_return Result<void>();
}

// Under the lease, and by what the journal says then: nobody else is at it, and nobody has ended it meanwhile.
asio::awaitable<void> Program::end_stranded(RunRecord record, std::optional<remediate::Plan> plan,
                                            std::vector<remediate::Missing> missing) {
    const auto now = wall_clock();
    const auto end = [=](Journal& journal) -> Result<std::optional<RunRecord>> {
        const auto lease = journal.lease();
        if (!lease) return std::unexpected(lease.error());
        const auto run = journal.run(record.id);
        if (!run) return std::unexpected(run.error());
        if (!*run || !(*run)->outcome.empty()) return std::nullopt;
        const auto steps = journal.steps(record.id);
        if (!steps) return std::unexpected(steps.error());
        const auto stranded = remediate::end_of_stranded(**run, plan, *steps, missing);
        const auto done = journal.finish_run(record.id, stranded.outcome, stranded.why, stranded.next, now);
        if (!done) return std::unexpected(done.error());
        return journal.run(record.id);
    };
    const auto ended = co_await in_journal(end);
    if (!ended) {
        log_error("a run that nobody can take up cannot be ended",
                  {{"run", record.id}, {"cluster", record.cluster}, {"error", ended.error().detail}});
        co_return;
    }
    if (!*ended) co_return;
    record = **ended;
    log_error("a run that nobody can take up is ended", {{"run", record.id},
                                                         {"cluster", record.cluster},
                                                         {"outcome", record.outcome},
                                                         {"why", record.why},
                                                         {"next", record.next}});
    co_await note({.action = "run-ended",
                   .cluster = record.cluster,
                   .plan = record.plan_id,
                   .run = record.id,
                   .outcome = record.outcome,
                   .text = record.why});
    note_run_end(record);
}

asio::awaitable<bool> Program::reconcile() {
    auto unfinished = co_await in_journal([](Journal& journal) { return journal.unfinished(); });
    if (!unfinished) {
        log_error("the journal cannot be read", {{"error", unfinished.error().detail}});
        co_return false;
    }
    for (const auto& record : *unfinished) {
        if (stopping_) co_return false;
        if (!co_await runs_are_free()) co_return false;
        auto plan = co_await in_journal([id = record.plan_id](Journal& journal) { return journal.plan(id); });
        if (!plan && !is_unreadable(plan.error())) {
            log_error("the journal cannot be read", {{"error", plan.error().detail}});
            co_return false;
        }
        const auto cluster = find_cluster(record.cluster);
        if (runs_.going_on(record.cluster)) continue;  // it began while the journal was read
        const auto known = plan.value_or(std::nullopt);
        if (auto missing = missing_for(known, cluster.get(), options_.standalone); !missing.empty()) {
            co_await end_stranded(record, known, std::move(missing));
            continue;
        }
        if (!cluster || !cluster->ssh) continue;  // of another configuration (standalone)
        auto run = std::make_shared<ActiveRun>(executor_, cluster);
        run->probe = config_.probe;
        run->remediation = config_.remediation;
        run->record = record;
        run->plan = *known;
        run->reconciles = true;
        runs_.start(run);
        co_await Runs::follow(run, [](const nlohmann::json&) {});
    }
    co_return true;
}

// While another process holds the runs (a standalone apply), its run is its own.
asio::awaitable<void> Program::keep_reconciling() {
    asio::steady_timer timer(executor_);
    while (!stopping_) {
        // Not only once: a run that broke off, or whose cluster came with a reload, must not wait for the next start.
        const bool done = !runs_.any_going_on() && co_await reconcile();
        timer.expires_after(done ? reconcile_again : reconcile_pause);
        co_await timer.async_wait(asio::use_awaitable);
    }
}

}  // namespace aggmedic::daemon
