#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "net/result.hpp"
#include "net/time.hpp"
#include "remediate/hold.hpp"
#include "remediate/plan.hpp"
#include "remediate/run_walk.hpp"

namespace aggmedic::remediate {

struct RunRecord {
    std::string id, plan_id, cluster;
    std::string trigger;    // person, automatic, resumed
    std::int64_t uid = -1;  // who asked, from the socket's peer credentials
    std::string reason;
    bool canary_only = false;
    TimePoint started{};
    std::optional<TimePoint> finished{};
    std::string outcome;    // empty: not finished
    std::string why, next;  // next: the command to go on with
    bool operator==(const RunRecord&) const = default;
};
// The right to run, held over all processes that use this state directory until it is dropped.
using RunLease = std::shared_ptr<void>;

inline constexpr std::chrono::days plans_kept{7};  // one holds for a day at most

struct StepRecord {
    std::int64_t sequence = 0;
    std::string step, master;
    TimePoint intended{};
    std::optional<TimePoint> completed{};
    std::string outcome, detail;
};

// Plans, runs and their steps in SQLite (WAL, synchronous FULL, schema version checked and migrated). Blocking: every
// function may fsync; the daemon calls it on its own thread. Several processes may open it. Errors: io_failed with
// SQLite's text and the file; refused when the file was written by a newer version.
class Journal {
  public:
    static Result<std::unique_ptr<Journal>> open(const std::filesystem::path& state_dir);
    virtual ~Journal() = default;

    // Also drops the plans that were made `plans_kept` before it and that no run is of: they expired long ago.
    virtual Result<void> store_plan(const Plan& plan) = 0;
    virtual Result<std::optional<Plan>> plan(
        std::string_view id) = 0;  // a unique prefix of at least 8 characters will do
    virtual Result<std::vector<Plan>> plans(std::string_view cluster,
                                            std::size_t limit) = 0;  // newest first; empty: all

    // One with an outcome was refused, and is born ended. Any other needs the ballast (ballast.hpp): io_failed without
    // it.
    virtual Result<void> begin_run(const RunRecord& run) = 0;
    virtual Result<std::int64_t> intend(std::string_view run, const Action& action,
                                        TimePoint at) = 0;  // before the step
    virtual Result<void> complete(std::string_view run, std::int64_t sequence, StepOutcome outcome,
                                  std::string_view detail, TimePoint at) = 0;
    virtual Result<void> finish_run(std::string_view run, RunOutcome outcome, std::string_view why,
                                    std::string_view next, TimePoint at) = 0;

    virtual Result<std::vector<RunRecord>> runs(std::size_t limit) = 0;                               // newest first
    virtual Result<std::vector<RunRecord>> runs_of(std::string_view cluster, std::size_t limit) = 0;  // likewise
    virtual Result<std::optional<RunRecord>> run(std::string_view id) = 0;                            // prefix allowed
    virtual Result<std::vector<StepRecord>> steps(std::string_view run) = 0;
    virtual Result<std::vector<RunRecord>> unfinished() = 0;

    virtual Result<void> pause(const Pause& pause) = 0;  // one that is there stays as it is
    // Ends a pause; "" is the fleet's, and lifts a suspension too.
    virtual Result<void> resume(std::string_view cluster, TimePoint at) = 0;
    virtual Result<void> suspend(const Suspension& suspension) = 0;
    virtual Result<Holds> holds() = 0;

    virtual Result<void> store_history(std::string_view cluster, std::string_view json) = 0;  // of track()
    virtual Result<std::optional<std::string>> history(std::string_view cluster) = 0;

    virtual Result<std::string> holder() = 0;  // this state directory's UUID, made once
    // One run at a time: a lock on state_dir/run.lock that the kernel drops with the process. Errors: refused while
    // another process (or this one) holds it.
    virtual Result<RunLease> lease() = 0;
};

}  // namespace aggmedic::remediate
