#pragma once

#include <chrono>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "net/result.hpp"
#include "remediate/hold.hpp"
#include "remediate/journal.hpp"
#include "remediate/meltdown.hpp"
#include "remediate/plan.hpp"
#include "remediate/repair_window.hpp"

// Whether a run may start now. The gates of guard.hpp judge a plan by what was seen of the cluster; these judge the
// moment, by what people said, by the clock, by the journal and by the rest of the fleet.
namespace aggmedic::remediate {

// What automatic repair keeps to, from the configuration.
struct StartSettings {
    std::vector<RepairWindow> windows;  // none: at any time
    std::chrono::milliseconds cooldown{std::chrono::minutes(30)};
    int attempts = 3;                                           // automatic runs on one cluster within a day
    int hold_cycles = 3;                                        // in a row, in which the finding must be certain
    std::chrono::milliseconds quiet{std::chrono::minutes(15)};  // since something of a master changed
    std::string canary_cluster;                                 // empty: none goes first
    bool has_alert_gate = false;
};

bool ended_well(const RunRecord& run);
// Of these, newest first, the newest that may have changed a master (a refused run did not); null: none. Points into
// `runs`.
const RunRecord* last_that_touched(const std::vector<RunRecord>& runs);

// What the cluster that goes first looks like.
struct CanaryCluster {
    bool known = false;         // seen whole, and lately
    bool needs_repair = false;  // a repairable finding stands there
    std::optional<RunRecord> last_run;
};

struct StartFacts {
    TimePoint now{};
    bool automatic = false;  // else a person asks
    std::string cluster;
    std::string mode;  // observe, approve, auto
    StartSettings settings;
    Holds holds;
    std::size_t masters = 0;  // configured
    int held_cycles = 0;      // in a row, the last one included
    std::optional<TimePoint> watched_since, changed;
    std::string what_changed;
    std::vector<RunRecord> runs;          // of this cluster, newest first
    std::vector<RunRecord> unfinished;    // of the whole fleet
    std::optional<CanaryCluster> canary;  // where one is configured that is not this cluster
    // The alerts that fire, by name, as the gate's server answered; nullopt: it was not asked (yet).
    std::optional<Result<std::vector<std::string>>> alerts;
    std::chrono::milliseconds expected{};  // how long the run would take
};

// Pure; says no with a reason that ends with what would lift it. What is not known refuses.
struct StartGuard {
    std::string_view id;
    bool binds_persons;  // else only what starts by itself
    std::optional<Refusal> (*ask)(const StartFacts&);
};
std::span<const StartGuard> start_guards();
std::vector<Refusal> ask_start_guards(const StartFacts& facts);

std::optional<Refusal> guard_mode(const StartFacts&);
std::optional<Refusal> guard_paused(const StartFacts&);
std::optional<Refusal> guard_suspended(const StartFacts&);
std::optional<Refusal> guard_several_masters(const StartFacts&);
std::optional<Refusal> guard_finding_held(const StartFacts&);
std::optional<Refusal> guard_window(const StartFacts&);
std::optional<Refusal> guard_changed_lately(const StartFacts&);
std::optional<Refusal> guard_last_run(const StartFacts&);
std::optional<Refusal> guard_cooldown(const StartFacts&);
std::optional<Refusal> guard_attempts(const StartFacts&);
std::optional<Refusal> guard_one_cluster(const StartFacts&);
std::optional<Refusal> guard_canary_cluster(const StartFacts&);
std::optional<Refusal> guard_alerts(const StartFacts&);

}  // namespace aggmedic::remediate
