#pragma once

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/thread_pool.hpp>

#include "fake_cluster.hpp"
#include "fake_journal.hpp"
#include "remediate/run.hpp"

namespace aggmedic::remediate {

struct Killed {};  // thrown where the daemon dies

// One fake cluster, one journal, and runs on them.
struct RunRig {
    explicit RunRig(int masters = 3) : cluster(masters) {}

    FakeCluster cluster;
    FakeJournal journal;
    std::shared_ptr<RunControl> control = std::make_shared<RunControl>();
    std::vector<Progress> progress;
    std::vector<std::string> mirrored;
    std::function<void(PlanInput&)> adjust;
    std::function<void(const Progress&)> on_progress;

    PlanInput input() {
        auto made = cluster.input();
        if (adjust) adjust(made);
        cluster.try_requests(made.verify_requests);
        return made;
    }
    Plan plan() {
        auto made = input();
        made.accepted.push_back(accepted_shared_ca(made));
        made.accepted.push_back({.id = "single-master", .ca_sha256 = {}, .cn = {}, .until = {}, .by = "uid=0"});
        return make_plan(made);
    }
    RunResult apply(const Plan& plan, bool canary_only = false) {
        RunRecord record;
        record.id = "run-1";
        record.trigger = "person";
        record.canary_only = canary_only;
        return drive([&](RunContext& context) { return run_plan(context, plan, record, control); });
    }
    // As a daemon that starts again would: with what the journal says.
    RunResult reconcile(const Plan& plan) {
        control = std::make_shared<RunControl>();
        const auto record = journal.stored_runs.back();
        return drive([&](RunContext& context) { return reconcile_run(context, plan, record, control); });
    }

    template <class F>
    RunResult drive(F start) {
        asio::io_context io(1);
        asio::thread_pool journal_thread(1);
        RunContext context{.executor = io.get_executor(),
                           .journal_thread = journal_thread.get_executor(),
                           .journal = journal,
                           .connector = cluster,
                           .access = cluster,
                           .connections = nullptr,
                           .target = {},
                           .repair = {},
                           .probing = {},
                           .now = [this] { return cluster.wall(); },
                           .observe = [this]() -> asio::awaitable<PlanInput> { co_return input(); },
                           .progress =
                               [this](const Progress& told) {
                                   progress.push_back(told);
                                   if (on_progress) on_progress(told);
                               },
                           .edge = std::shared_ptr<RunEdge>(std::shared_ptr<void>(), &cluster),
                           .mirror = [this](const std::string& line) { mirrored.push_back(line); }};
        std::optional<RunResult> result;
        std::exception_ptr thrown;
        asio::co_spawn(io, start(context), [&](std::exception_ptr error, RunResult made) {
            thrown = error;
            result = std::move(made);
        });
        io.run();
        if (thrown) std::rethrow_exception(thrown);
        return *result;
    }
};

}  // namespace aggmedic::remediate
