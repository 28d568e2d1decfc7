#include "remediate/stranded_run.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "net/text.hpp"
#include "remediate/replay.hpp"
#include "remediate/run_report.hpp"

namespace aggmedic::remediate {
namespace {

std::string what_is(Missing missing, const RunRecord& run) {
    const auto cluster = printable(run.cluster, 100);
    switch (missing) {
        case Missing::plan:
            return fmt::format("its plan {} cannot be read in the journal", printable(run.plan_id, 100));
        case Missing::cluster:
            return fmt::format("cluster {} is not in the configuration any more (removed or renamed)", cluster);
        case Missing::ssh:
            break;
    }
    return fmt::format("cluster {} has no ssh in the configuration any more", cluster);
}

std::string why_stranded(const RunRecord& run, const std::vector<Missing>& missing) {
    std::string all;
    for (const auto each : missing) all += (all.empty() ? "" : ", and ") + what_is(each, run);
    return "The daemon ended during this run, and nobody can take it up: " + all + ".";
}

// What has to be there again before any command can go on from this run.
std::string first(const RunRecord& run, const std::vector<Missing>& missing) {
    const auto lacks = [&](Missing what) { return std::ranges::find(missing, what) != missing.end(); };
    if (lacks(Missing::cluster))
        return fmt::format("configure cluster {} again, under that name and with its masters and ssh; then ",
                           printable(run.cluster, 100));
    if (lacks(Missing::ssh)) return fmt::format("give cluster {} its ssh again; then ", printable(run.cluster, 100));
    return {};
}

}  // namespace

StrandedEnd end_of_stranded(const RunRecord& run, const std::optional<Plan>& plan, std::span<const StepRecord> steps,
                            const std::vector<Missing>& missing) {
    StrandedEnd end{.why = why_stranded(run, missing), .next = first(run, missing)};
    auto replayed = plan ? replay(walk_options(*plan, run.canary_only), steps) : std::nullopt;
    if (!replayed) {
        end.next += fmt::format(
            "aggmedic runs {} shows its steps: look at every master's arguments file and process by hand, then "
            "aggmedic plan {}",
            run.id, printable(run.cluster, 100));
        return end;
    }
    auto& walk = replayed->walk;
    if (const auto next = walk.next(); !next) {
        end.outcome = walk.outcome();
        end.why = walk.why();
        end.next = {};
    } else if (replayed->in_flight || is_undo(next->step)) {
        walk.give_up(end.why);  // what it was at stays unknown
    }
    end.next += describe_next(*plan, walk, end.outcome, run.id);
    return end;
}

}  // namespace aggmedic::remediate
