#pragma once

#include <functional>

#include "remediate/journal.hpp"
#include "tests/sim/watch.hpp"

namespace aggmedic::sim {

// A journal whose disk may be full and whose daemon may be killed right before or after a write reached it.
class WatchedJournal : public remediate::Journal {
  public:
    template <class T>
    using R = Result<T>;
    using Run = std::string_view;

    WatchedJournal(remediate::Journal& kept, Watch& watch, std::function<bool()> before, std::function<void()> after)
        : kept_(kept), watch_(watch), before_(std::move(before)), after_(std::move(after)) {}
    bool forgets_intents = false;  // sabotage

    R<void> begin_run(const remediate::RunRecord& run) override {
        return written<R<void>>([&] { return kept_.begin_run(run); });
    }
    R<std::int64_t> intend(Run run, const remediate::Action& action, TimePoint at) override {
        return written<R<std::int64_t>>([&] {
            auto made = kept_.intend(run, action, at);
            if (made && !forgets_intents) watch_.intended(action);
            return made;
        });
    }
    R<void> complete(Run run, std::int64_t sequence, remediate::StepOutcome outcome, std::string_view detail,
                     TimePoint at) override {
        return written<R<void>>([&] {
            watch_.completed(outcome);
            return kept_.complete(run, sequence, outcome, detail, at);
        });
    }
    R<void> finish_run(Run run, remediate::RunOutcome outcome, std::string_view why, std::string_view next,
                       TimePoint at) override {
        return written<R<void>>([&] { return kept_.finish_run(run, outcome, why, next, at); });
    }

    R<void> store_plan(const remediate::Plan& plan) override { return kept_.store_plan(plan); }
    R<std::optional<remediate::Plan>> plan(Run id) override { return kept_.plan(id); }
    R<std::vector<remediate::Plan>> plans(Run cluster, std::size_t limit) override {
        return kept_.plans(cluster, limit);
    }
    R<std::vector<remediate::RunRecord>> runs(std::size_t limit) override { return kept_.runs(limit); }
    R<std::vector<remediate::RunRecord>> runs_of(Run cluster, std::size_t limit) override {
        return kept_.runs_of(cluster, limit);
    }
    R<std::optional<remediate::RunRecord>> run(Run id) override { return kept_.run(id); }
    R<std::vector<remediate::StepRecord>> steps(Run run) override { return kept_.steps(run); }
    R<std::vector<remediate::RunRecord>> unfinished() override { return kept_.unfinished(); }
    R<void> pause(const remediate::Pause& pause) override { return kept_.pause(pause); }
    R<void> resume(Run cluster, TimePoint at) override { return kept_.resume(cluster, at); }
    R<void> suspend(const remediate::Suspension& suspension) override { return kept_.suspend(suspension); }
    R<remediate::Holds> holds() override { return kept_.holds(); }
    R<void> store_history(Run cluster, Run json) override { return kept_.store_history(cluster, json); }
    R<std::optional<std::string>> history(Run cluster) override { return kept_.history(cluster); }
    R<std::string> holder() override { return kept_.holder(); }
    R<remediate::RunLease> lease() override { return kept_.lease(); }

  private:
    template <class T, class F>
    T written(F write) {
        if (!before_()) return fail(Errc::io_failed, "database or disk is full");
        T made = write();
        after_();
        return made;
    }

    remediate::Journal& kept_;
    Watch& watch_;
    std::function<bool()> before_;  // false: the disk is full; may throw to kill the daemon
    std::function<void()> after_;   // likewise
};

}  // namespace aggmedic::sim
