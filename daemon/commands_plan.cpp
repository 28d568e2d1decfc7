#include <fmt/format.h>
#include <fmt/ranges.h>

#include <nlohmann/json.hpp>

#include "daemon/before_acting.hpp"
#include "daemon/log.hpp"
#include "daemon/planning.hpp"
#include "daemon/program.hpp"
#include "net/text.hpp"

namespace aggmedic::daemon {
namespace {

using remediate::Refusal;

Reply reply_of(const remediate::Plan& plan) {
    const int status = plan.refused() ? exit_status::unobserved
                       : plan.empty() ? exit_status::good
                                      : exit_status::findings;
    return {.exit_status = status, .error = {}, .result = remediate::to_json(plan)};
}

std::string risks_accepted(const std::vector<std::string>& ids) {
    return ids.empty() ? std::string() : fmt::format("accepted risks: {}", fmt::join(ids, ", "));
}

}  // namespace

// A run that goes on, or that a dead process left, makes what is seen now the wrong ground for a plan.
asio::awaitable<Result<std::vector<Refusal>>> Program::what_hinders(std::string cluster) {
    std::vector<Refusal> refusals;
    auto unfinished = co_await in_journal([](remediate::Journal& journal) { return journal.unfinished(); });
    if (!unfinished) co_return std::unexpected(unfinished.error());
    for (const auto& run : *unfinished) {
        if (run.cluster != cluster) continue;
        refusals.push_back(
            {.gate = "run-in-progress",
             .subject = cluster,
             .reason = fmt::format(
                 "Run {} has not ended. Watch it with aggmedic runs {} --follow, and plan again when it has.", run.id,
                 run.id)});
    }
    co_return refusals;
}

asio::awaitable<Result<std::vector<Refusal>>> Program::what_still_hinders(std::string cluster, ProgressSink progress) {
    auto hindered = co_await what_hinders(cluster);
    if (!options_.standalone || !hindered || hindered->empty()) co_return hindered;
    progress({{"text", "a run that a dead process left is ended first"}});
    co_await reconcile();
    co_return co_await what_hinders(cluster);
}

asio::awaitable<Result<remediate::Plan>> Program::make_plan_of(std::shared_ptr<const ClusterConfig> cluster,
                                                               PlanWish wish, ProgressSink progress) {
    const auto looking = looking_at(cluster, std::move(progress), {});
    auto view = co_await look_at_everything(looking);
    auto input = plan_input(*cluster, config_.remediation, std::move(view), wish.method, wall_clock());
    input.reverts = std::move(wish.reverts);
    if (const auto repair = repairs_.find(cluster->target.name); repair != repairs_.end()) {
        input.changed = repair->second->changes.changed();
        input.what_changed = repair->second->changes.what();
    }
    co_await ask_before_acting(looking, input);
    for (auto& risk : accepted_by(wish.accept_risk, wish.uid, input)) input.accepted.push_back(std::move(risk));
    for (auto& risk : wish.accepted) input.accepted.push_back(std::move(risk));
    auto plan = remediate::make_plan(input);
    if (!plan.id.empty()) {
        const auto stored =
            co_await in_journal([&plan](remediate::Journal& journal) { return journal.store_plan(plan); });
        if (!stored) co_return std::unexpected(stored.error());
    }
    co_return plan;
}

asio::awaitable<Reply> Program::plan(Request request, ProgressSink progress) {
    if (request.clusters.size() != 1) co_return failed(exit_status::usage, "plan needs the name of one cluster");
    if (request.method != "args" && request.method != "configmap")
        co_return failed(exit_status::usage, fmt::format("there is no method {}: plan with args or configmap",
                                                         printable(request.method, 64)));
    const auto selected = select(request.clusters);
    if (!selected) co_return failed(exit_status::usage, selected.error().detail);
    const auto cluster = selected->front();
    co_return co_await make_and_store(std::move(request), cluster, std::nullopt, std::move(progress));
}

asio::awaitable<Result<remediate::RunRecord>> Program::recorded(std::string id) {
    auto record = co_await in_journal([id](remediate::Journal& journal) { return journal.run(id); });
    if (!record) co_return std::unexpected(record.error());
    if (*record) co_return std::move(**record);
    co_return fail(Errc::invalid_argument,
                   fmt::format("there is no run {}; aggmedic runs lists them", printable(id, 100)));
}

asio::awaitable<Result<Program::PlannedRun>> Program::planned_run(std::string id) {
    const auto refuse = [](std::string text) { return fail(Errc::invalid_argument, std::move(text)); };
    auto record = co_await recorded(std::move(id));
    if (!record) co_return std::unexpected(record.error());
    auto plan = co_await in_journal([of = record->plan_id](remediate::Journal& journal) { return journal.plan(of); });
    if (!plan) co_return std::unexpected(plan.error());
    if (!*plan) co_return refuse(fmt::format("the plan of run {} is not in the journal any more", record->id));
    co_return PlannedRun{.run = std::move(*record), .plan = std::move(**plan)};
}

// `cluster` receives the name of the cluster that the run changed.
asio::awaitable<Result<remediate::RevertOf>> Program::what_to_revert(std::string id, std::string& cluster) {
    const auto refuse = [](std::string text) { return fail(Errc::invalid_argument, std::move(text)); };
    const auto planned = co_await planned_run(std::move(id));
    if (!planned) co_return std::unexpected(planned.error());
    const auto& [run, plan] = *planned;
    if (run.outcome.empty())
        co_return refuse(
            fmt::format("run {} has not ended: aggmedic runs {} --follow shows it, aggmedic abort {} "
                        "stops it. One that a dead process left is ended by the daemon within a few "
                        "minutes",
                        run.id, run.id, run.id));
    if (!plan.reverts.empty())
        co_return refuse(fmt::format("run {} took back run {} itself; aggmedic plan {} plans the repair anew", run.id,
                                     plan.reverts, run.cluster));
    cluster = run.cluster;
    co_return remediate::revert_of(plan, run.id);
}

asio::awaitable<Reply> Program::revert(Request request, ProgressSink progress) {
    if (request.id.empty()) co_return failed(exit_status::usage, "revert needs the id of a run");
    std::string name;
    auto reverts = co_await what_to_revert(request.id, name);
    if (!reverts) co_return failed(exit_status::usage, reverts.error().detail);
    const auto cluster = find_cluster(name);
    if (!cluster)
        co_return failed(exit_status::usage,
                         fmt::format("cluster {} is not configured any more", printable(name, 100)));
    request.method = "revert";
    co_return co_await make_and_store(std::move(request), cluster, std::move(*reverts), std::move(progress));
}

asio::awaitable<Reply> Program::make_and_store(Request request, std::shared_ptr<const ClusterConfig> cluster,
                                               std::optional<remediate::RevertOf> reverts, ProgressSink progress) {
    for (const auto& id : request.accept_risk) {
        if (const auto fault = risk_id_fault(id); !fault.empty()) co_return failed(exit_status::usage, fault);
    }
    auto hindered = co_await what_still_hinders(cluster->target.name, progress);
    if (!hindered) co_return failed(exit_status::usage, hindered.error().detail);
    if (!hindered->empty()) {
        remediate::Plan refused;
        refused.cluster = cluster->target.name;
        refused.method = request.method;
        refused.created = refused.expires = wall_clock();
        refused.refusals = std::move(*hindered);
        co_return reply_of(refused);
    }
    PlanWish wish{.method = request.method,
                  .reverts = std::move(reverts),
                  .accept_risk = request.accept_risk,
                  .uid = request.uid};
    const auto made = co_await make_plan_of(cluster, std::move(wish), progress);
    if (!made)
        co_return failed(exit_status::usage,
                         "the plan could not be stored, so it cannot be applied: " + made.error().detail);
    const auto& plan = *made;
    co_await note({.uid = request.uid,
                   .action = plan.reverts.empty() ? "plan" : "revert",
                   .cluster = plan.cluster,
                   .plan = plan.id,
                   .run = plan.reverts,
                   .outcome = plan.refused() ? "refused" : "",
                   .text = risks_accepted(request.accept_risk)});
    log_info("a plan was asked for", {{"cluster", plan.cluster},
                                      {"method", plan.method},
                                      {"plan", plan.id},
                                      {"uid", std::to_string(request.uid)},
                                      {"refusals", std::to_string(plan.refusals.size())}});
    co_return reply_of(plan);
}

}  // namespace aggmedic::daemon
