#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <functional>
#include <memory>
#include <string>

#include "net/remote_host.hpp"
#include "probes/observe.hpp"
#include "remediate/journal.hpp"
#include "remediate/plan.hpp"
#include "remediate/run_edge.hpp"
#include "remediate/run_hosts.hpp"

namespace aggmedic::remediate {

// What the shell of a run tells while it goes: printed live, kept for `runs --follow`.
struct Progress {
    std::string run;
    TimePoint at{};
    std::string master, step;
    std::string state;                         // started, ok, failed, unknown, note, finished
    std::string text;                          // printable
    std::optional<std::chrono::seconds> left;  // estimate of the time left of the run
};

// Everything a run needs from outside; the daemon fills it. All of it must outlive the run.
struct RunContext {
    asio::any_io_executor executor;
    asio::any_io_executor journal_thread;  // one thread: the journal is called only there
    Journal& journal;
    HostConnector& connector;  // this run's own worker process
    SshAccess& access;
    std::shared_ptr<probes::ClusterConnections> connections;
    probes::ClusterTarget target;
    probes::Credential repair;  // for restart_pods; empty: none
    probes::ProbeSettings probing;
    std::function<TimePoint()> now;
    std::function<asio::awaitable<PlanInput>()> observe;  // a fresh look at everything, as for a new plan
    std::function<void(const Progress&)> progress;
    std::shared_ptr<RunEdge> edge{};  // empty: made from the above; tests pass their own
    // What the journal could not take is told here (one line, printable); empty: standard error, which systemd keeps.
    std::function<void(const std::string&)> mirror{};
    LookAtMaster look{};  // empty: probes::look_at_master; the simulator's masters have no text to be read
};

// Asks a run to finish or undo the current master and stop (`abort`), or to stop after the current step (the daemon's
// own stop).
struct RunControl {
    bool abort = false;
    bool stop = false;
};

struct RunResult {
    RunRecord record;
    std::vector<StepRecord> steps;
    std::vector<std::pair<std::string, std::string>> masters;  // name, state
};
nlohmann::json to_json(const RunResult& result);  // the JSON of `apply` (design 5.1)

// Applies exactly this plan. Re-observes first: stale refuses and nothing is written anywhere. With control->stop set
// it leaves after the current step with the journal readable (outcome empty).
asio::awaitable<RunResult> run_plan(RunContext& context, Plan plan, RunRecord record,
                                    std::shared_ptr<RunControl> control);

// Ends a run that a dead daemon left: finishes or undoes the master it was at, by what that master really holds, and
// stops there.
asio::awaitable<RunResult> reconcile_run(RunContext& context, Plan plan, RunRecord record,
                                         std::shared_ptr<RunControl> control);

}  // namespace aggmedic::remediate
