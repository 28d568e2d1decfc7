#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "net/blocking.hpp"
#include "remediate/replay.hpp"
#include "remediate/run.hpp"
#include "remediate/run_steps.hpp"

namespace aggmedic::remediate {

// One run from its guards to its outcome: asks the walk, journals the intent, does the step, journals the outcome.
class RunShell {
  public:
    RunShell(RunContext& context, Plan plan, RunRecord record, std::shared_ptr<RunControl> control);

    asio::awaitable<RunResult> run();
    asio::awaitable<RunResult> reconcile();

  private:
    struct DoneStep {
        std::optional<std::int64_t> sequence;  // the journal's line; nullopt: it could not even take the intent
        Action action;
        TimePoint intended;
        StepOutcome outcome;
        std::string detail;
        TimePoint completed;
    };

    asio::awaitable<std::string> begin();               // what speaks against the run; empty: it has begun
    asio::awaitable<std::string> ask_guards();          // likewise
    asio::awaitable<bool> prepare(std::int64_t token);  // holder, steps; false: the journal cannot say who we are
    asio::awaitable<void> walk_on();
    asio::awaitable<std::optional<std::int64_t>> intend(Action action);
    // False while the journal cannot take it: it is written before anything else is, as soon as there is room again.
    asio::awaitable<bool> complete(DoneStep step);
    asio::awaitable<bool> write_done_steps();
    asio::awaitable<bool> take_up(std::optional<StepRecord> in_flight);
    asio::awaitable<std::string> what_is_not_old();
    asio::awaitable<HelperAnswer> insist_on_lock(std::string master);
    asio::awaitable<bool> lock_again();
    asio::awaitable<RunResult> conclude(RunOutcome outcome, std::string why, std::string next);
    asio::awaitable<RunResult> result(bool finished);

    void tell(const Action& action, std::string state, std::string text);
    void mirror(const std::string& line);
    WalkOptions options() const { return walk_options(plan_, record_.canary_only); }

    RunContext& context_;
    std::shared_ptr<RunEdge> edge_;
    Plan plan_;
    RunRecord record_;
    std::shared_ptr<RunControl> control_;
    RunWalk walk_;
    RunLease lease_;
    std::unique_ptr<RunSteps> steps_;
    std::optional<std::int64_t> open_;  // the journal's line of a step that is taken up again
    std::deque<DoneStep> unwritten_;    // not in the journal yet; oldest first
    bool left_ = false;                 // the daemon stops: the run goes on after its next start
};

}  // namespace aggmedic::remediate
