#pragma once

#include <algorithm>
#include <map>

#include "remediate/journal.hpp"

namespace aggmedic::remediate {

// A journal in memory that can stop writing (a full disk) or die at any call.
class FakeJournal : public Journal {
  public:
    bool disk_is_full = false;
    int full_from_write = -1;     // the disk is full from the n-th write on
    int full_writes = 1'000'000;  // so many of them
    int writes = 0;
    std::function<void()> after_write;  // may throw to kill the daemon
    std::map<std::string, Plan> stored_plans;
    std::vector<RunRecord> stored_runs;
    std::map<std::string, std::vector<StepRecord>> stored_steps;
    Holds stored_holds;
    std::shared_ptr<int> lease_held = std::make_shared<int>(0);

    Result<void> store_plan(const Plan& plan) override {
        stored_plans[plan.id] = plan;
        return {};
    }
    Result<std::optional<Plan>> plan(std::string_view id) override {
        const auto found = stored_plans.find(std::string(id));
        return found == stored_plans.end() ? std::optional<Plan>() : std::optional(found->second);
    }
    Result<std::vector<Plan>> plans(std::string_view, std::size_t) override { return std::vector<Plan>{}; }

    Result<void> begin_run(const RunRecord& run) override {
        if (auto full = write(); !full) return full;
        stored_runs.push_back(run);
        return written();
    }
    Result<std::int64_t> intend(std::string_view run, const Action& action, TimePoint at) override {
        if (auto full = write(); !full) return std::unexpected(full.error());
        auto& steps = stored_steps[std::string(run)];
        steps.push_back({.sequence = ++sequence_,
                         .step = std::string(name(action.step)),
                         .master = action.master,
                         .intended = at,
                         .completed = {},
                         .outcome = {},
                         .detail = {}});
        const auto made = sequence_;
        if (auto done = written(); !done) return std::unexpected(done.error());
        return made;
    }
    Result<void> complete(std::string_view run, std::int64_t sequence, StepOutcome outcome, std::string_view detail,
                          TimePoint at) override {
        if (auto full = write(); !full) return full;
        for (auto& step : stored_steps[std::string(run)]) {
            if (step.sequence != sequence) continue;
            step.outcome = name(outcome);
            step.detail = detail;
            step.completed = at;
        }
        return written();
    }
    Result<void> finish_run(std::string_view run, RunOutcome outcome, std::string_view why, std::string_view next,
                            TimePoint at) override {
        if (auto full = write(); !full) return full;
        for (auto& each : stored_runs) {
            if (each.id != run) continue;
            each.outcome = name(outcome);
            each.why = why;
            each.next = next;
            each.finished = at;
        }
        return written();
    }
    Result<std::vector<RunRecord>> runs(std::size_t) override { return stored_runs; }
    Result<std::vector<RunRecord>> runs_of(std::string_view cluster, std::size_t) override {
        std::vector<RunRecord> found;
        for (const auto& each : stored_runs) {
            if (each.cluster == cluster) found.insert(found.begin(), each);
        }
        return found;
    }
    Result<std::optional<RunRecord>> run(std::string_view id) override {
        const auto found = std::ranges::find(stored_runs, id, &RunRecord::id);
        return found == stored_runs.end() ? std::optional<RunRecord>() : std::optional(*found);
    }
    Result<std::vector<StepRecord>> steps(std::string_view run) override { return stored_steps[std::string(run)]; }
    Result<std::vector<RunRecord>> unfinished() override {
        std::vector<RunRecord> open;
        for (const auto& each : stored_runs) {
            if (each.outcome.empty()) open.push_back(each);
        }
        return open;
    }
    Result<void> pause(const Pause& pause) override {
        stored_holds.pauses.push_back(pause);
        return {};
    }
    Result<void> resume(std::string_view cluster, TimePoint at) override {
        std::erase_if(stored_holds.pauses, [&](const Pause& pause) { return pause.cluster == cluster; });
        stored_holds.resumed[std::string(cluster)] = at;
        return {};
    }
    Result<void> suspend(const Suspension& suspension) override {
        stored_holds.suspension = suspension;
        return {};
    }
    Result<Holds> holds() override { return stored_holds; }
    Result<void> store_history(std::string_view, std::string_view) override { return {}; }
    Result<std::optional<std::string>> history(std::string_view) override { return std::optional<std::string>(); }
    Result<std::string> holder() override { return std::string("8d2b6a1e-3f0c-4f57-9a1e-0d4b5c6e7f80"); }
    Result<RunLease> lease() override {
        if (*lease_held > 0) return fail(Errc::refused, "another run is going on");
        ++*lease_held;
        return RunLease(nullptr, [held = lease_held](void*) { --*held; });
    }

  private:
    Result<void> write() {
        if (full_from_write >= 0) disk_is_full = writes >= full_from_write && writes - full_from_write < full_writes;
        ++writes;
        if (disk_is_full) return fail(Errc::io_failed, "database or disk is full");
        return {};
    }
    Result<void> written() {
        if (after_write) after_write();
        return {};
    }
    std::int64_t sequence_ = 0;
};

}  // namespace aggmedic::remediate
