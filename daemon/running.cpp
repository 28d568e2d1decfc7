#include "daemon/running.hpp"

#include <fmt/format.h>
#include <sys/random.h>

#include <algorithm>
#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "daemon/before_acting.hpp"
#include "daemon/configured_access.hpp"
#include "daemon/log.hpp"
#include "daemon/looking.hpp"
#include "daemon/planning.hpp"

namespace aggmedic::daemon {
namespace {

constexpr std::size_t ended_runs_max = 20;
constexpr std::size_t id_prefix_min = 8;
constexpr std::size_t sessions_max = 16;

// A fresh look at everything, as for a new plan, with what the plan's maker accepted.
asio::awaitable<remediate::PlanInput> look_for_run(Looking looking, std::shared_ptr<ActiveRun> run) {
    auto view = co_await look_at_everything(looking);
    auto input = plan_input(*run->cluster, run->remediation, std::move(view), run->plan.method, wall_clock());
    for (auto& risk : accepted_in(run->plan)) input.accepted.push_back(std::move(risk));
    if (!run->plan.reverts.empty()) input.reverts = remediate::revert_of(run->plan, run->plan.reverts);
    co_await ask_before_acting(looking, input);
    co_return input;
}

// Read for this run alone, and gone with it: its source keeps nothing. Without it a run that is taken up goes on: what
// it then may not do it says; a new one was refused before it began.
asio::awaitable<probes::Credential> repair_credential(std::shared_ptr<ActiveRun> run) {
    const auto& configured = run->cluster->repair;
    if (!configured.source) co_return configured;
    auto current = co_await configured.source->current(false);
    if (current) co_return std::move(*current);
    log_error("credentials.repair cannot be read; the run goes on without it",
              {{"run", run->record.id}, {"cluster", run->record.cluster}, {"error", current.error().detail}});
    co_return probes::Credential{};
}

void note_progress(ActiveRun& run, const remediate::Progress& progress) {
    run.progress.push_back(to_json(progress));
    run.changed.cancel();
    log_info("run", {{"run", progress.run},
                     {"master", progress.master},
                     {"step", progress.step},
                     {"state", progress.state},
                     {"text", progress.text}});
}

remediate::AuditRecord audit_of(const remediate::RunRecord& record, std::string action) {
    return {.action = std::move(action),
            .cluster = record.cluster,
            .plan = record.plan_id,
            .run = record.id,
            .outcome = record.outcome,
            .text = record.why};
}

remediate::AuditRecord ended_audit(const remediate::RunRecord& record, const std::string& fault) {
    auto audit = audit_of(record, "run-ended");
    if (!fault.empty()) audit.text = "it failed in an unforeseen way: " + fault;
    return audit;
}

}  // namespace

ActiveRun::ActiveRun(const asio::any_io_executor& executor, std::shared_ptr<const ClusterConfig> of)
    : cluster(std::move(of)), changed(executor, asio::steady_timer::time_point::max()) {}

Runs::Runs(Tools tools) : tools_(std::move(tools)), tasks_(std::make_shared<TaskGroup>(tools_.executor)) {}

void Runs::use(remediate::Journal& journal, asio::thread_pool& thread) {
    tools_.journal = &journal;
    tools_.journal_thread = &thread;
}

void Runs::start(std::shared_ptr<ActiveRun> run) {
    runs_.push_back(run);
    const auto is_ended = [](const std::shared_ptr<ActiveRun>& each) { return each->ended; };
    if (static_cast<std::size_t>(std::ranges::count_if(runs_, is_ended)) > ended_runs_max) {
        runs_.erase(std::ranges::find_if(runs_, is_ended));
    }
    const auto& record = run->record;
    log_info(run->reconciles ? "a run that a dead process left is taken up" : "a run begins",
             {{"run", record.id},
              {"plan", record.plan_id},
              {"cluster", record.cluster},
              {"uid", std::to_string(record.uid)},
              {"reason", record.reason}});
    tasks_->spawn("run " + record.id, carry_out(std::move(run)));
}

asio::awaitable<void> Runs::carry_out(std::shared_ptr<ActiveRun> run) {
    const auto connector = tools_.connect();
    ConfiguredAccess access(run->cluster);
    Limiter places(tools_.executor, sessions_max);
    const auto connections = probes::connect_cluster(tools_.executor, run->cluster->target);
    Looking looking{.cluster = run->cluster,
                    .connections = connections,
                    .probe = run->probe,
                    .connector = connector.get(),
                    .places = &places,
                    .told = {}};
    const auto repair = co_await repair_credential(run);
    probes::ProbeSettings probing;
    probing.timeout = run->probe.timeout;
    probing.attempts = run->probe.attempts;
    remediate::RunContext context{
        .executor = tools_.executor,
        .journal_thread = tools_.journal_thread->get_executor(),
        .journal = *tools_.journal,
        .connector = *connector,
        .access = access,
        .connections = connections,
        .target = run->cluster->target,
        .repair = repair,
        .probing = probing,
        .now = wall_clock,
        .observe = [&looking, run] { return look_for_run(looking, run); },
        .progress = [run](const remediate::Progress& progress) { note_progress(*run, progress); },
        .edge = {},
        .mirror = [](const std::string& line) { log_error(line); },
    };
    if (run->reconciles) co_await tools_.record(audit_of(run->record, "run-taken-up"));
    try {
        auto work = run->reconciles ? remediate::reconcile_run(context, run->plan, run->record, run->control)
                                    : remediate::run_plan(context, run->plan, run->record, run->control);
        run->result = co_await std::move(work);
    } catch (const std::exception& error) {
        run->fault = error.what();
        log_error("a run failed in an unforeseen way", {{"run", run->record.id}, {"error", run->fault}});
    }
    const auto& last = run->result ? run->result->record : run->record;
    // Without an outcome the daemon stops, and the next one takes the run up.
    if (!last.outcome.empty() || !run->fault.empty()) co_await tools_.record(ended_audit(last, run->fault));
    note_end(*run);
}

void Runs::note_end(ActiveRun& run) {
    if (run.result) {
        run.record = run.result->record;
        for (const auto& step : run.result->steps) {
            if (!step.completed || tools_.step_durations == nullptr) continue;
            const std::chrono::duration<double> took = *step.completed - step.intended;
            tools_.step_durations->observe(step.step, took.count());
        }
    }
    run.ended = true;
    run.changed.cancel();
    log_info("a run ended", {{"run", run.record.id},
                             {"cluster", run.record.cluster},
                             {"outcome", run.record.outcome},
                             {"why", run.record.why}});
    if (tools_.ended) tools_.ended(run);
}

std::shared_ptr<ActiveRun> Runs::find(std::string_view id) const {
    const auto matches = [&](const std::shared_ptr<ActiveRun>& run) {
        const std::string_view known = run->record.id;
        return known == id || (id.size() >= id_prefix_min && known.starts_with(id));
    };
    // The newest first, because a run that is taken up again keeps its id.
    const auto found = std::find_if(runs_.rbegin(), runs_.rend(), matches);
    return found == runs_.rend() ? nullptr : *found;
}

std::shared_ptr<ActiveRun> Runs::going_on(std::string_view cluster) const {
    const auto matches = [&](const std::shared_ptr<ActiveRun>& run) {
        return !run->ended && run->record.cluster == cluster;
    };
    const auto found = std::ranges::find_if(runs_, matches);
    return found == runs_.end() ? nullptr : *found;
}

bool Runs::any_going_on() const {
    return std::ranges::any_of(runs_, [](const std::shared_ptr<ActiveRun>& run) { return !run->ended; });
}

asio::awaitable<void> Runs::follow(std::shared_ptr<ActiveRun> run, ProgressSink progress) {
    std::size_t told = 0;
    for (;;) {
        for (; told < run->progress.size(); ++told) progress(run->progress[told]);
        if (run->ended) co_return;
        // A cancelled caller leaves at its next wait.
        co_await run->changed.async_wait(asio::as_tuple(asio::use_awaitable));
    }
}

void Runs::stop() {
    for (const auto& run : runs_) run->control->stop = true;
}

void Runs::abort() {
    for (const auto& run : runs_) run->control->abort = true;
}

asio::awaitable<void> Runs::wait() {
    co_await tasks_->wait();
}

nlohmann::json to_json(const remediate::Progress& progress) {
    nlohmann::json value{{"run", progress.run},   {"at", to_rfc3339(progress.at)}, {"master", progress.master},
                         {"step", progress.step}, {"state", progress.state},       {"text", progress.text},
                         {"left", nullptr}};
    if (progress.left) value["left"] = progress.left->count();
    return value;
}

std::string make_run_id(TimePoint now) {
    std::array<unsigned char, 4> bytes{};
    if (::getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) bytes = {};
    std::string time;
    for (const char character : to_rfc3339(std::chrono::floor<std::chrono::seconds>(now))) {
        if (character != ':' && character != '-') time += character;
    }
    return fmt::format("{}-{:02x}{:02x}{:02x}{:02x}", time, bytes[0], bytes[1], bytes[2], bytes[3]);
}

}  // namespace aggmedic::daemon
