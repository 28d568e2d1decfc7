#include "remediate/start_guard.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "net/text.hpp"

namespace aggmedic::remediate {
namespace {

using std::chrono::milliseconds;

constexpr std::chrono::hours attempts_window{24};
constexpr std::size_t alerts_named_max = 5;

constexpr std::array<StartGuard, 13> guards{{
    {"mode", true, guard_mode},
    {"paused", true, guard_paused},
    {"suspended", false, guard_suspended},
    {"several-masters", false, guard_several_masters},
    {"finding-held", false, guard_finding_held},
    {"window", false, guard_window},
    {"changed-lately", false, guard_changed_lately},
    {"last-run", false, guard_last_run},
    {"cooldown", false, guard_cooldown},
    {"attempts", false, guard_attempts},
    {"one-cluster", false, guard_one_cluster},
    {"canary-cluster", false, guard_canary_cluster},
    {"alerts", false, guard_alerts},
}};

Refusal refusal(std::string_view gate, const StartFacts& facts, std::string reason) {
    return {.gate = std::string(gate), .subject = facts.cluster, .reason = std::move(reason)};
}

// 90 s, 15 min, 2 h: as coarse as a person reads it.
std::string in_words(milliseconds time) {
    const auto seconds = std::chrono::ceil<std::chrono::seconds>(time).count();
    if (seconds < 120) return fmt::format("{} s", seconds);
    if (seconds < 7200) return fmt::format("{} min", (seconds + 59) / 60);
    return fmt::format("{} h", (seconds + 3599) / 3600);
}

// A refused run touched nothing.
bool touched(const RunRecord& run) {
    return run.outcome != "refused";
}

}  // namespace

bool ended_well(const RunRecord& run) {
    return run.outcome == "applied" || run.outcome == "healed";
}
const RunRecord* last_that_touched(const std::vector<RunRecord>& runs) {
    const auto found = std::ranges::find_if(runs, touched);
    return found == runs.end() ? nullptr : &*found;
}

const Pause* Holds::pause_of(const std::string& cluster) const {
    const auto holds = [&](const Pause& pause) { return pause.cluster.empty() || pause.cluster == cluster; };
    const auto found = std::ranges::find_if(pauses, holds);
    return found == pauses.end() ? nullptr : &*found;
}

std::optional<TimePoint> Holds::resumed_at(const std::string& cluster) const {
    std::optional<TimePoint> latest;
    for (const auto& name : {std::string(), cluster}) {
        const auto found = resumed.find(name);
        if (found != resumed.end() && (!latest || *latest < found->second)) latest = found->second;
    }
    return latest;
}

std::span<const StartGuard> start_guards() {
    return guards;
}

std::vector<Refusal> ask_start_guards(const StartFacts& facts) {
    std::vector<Refusal> refusals;
    for (const auto& guard : guards) {
        if (!guard.binds_persons && !facts.automatic) continue;
        if (auto refused = guard.ask(facts)) refusals.push_back(std::move(*refused));
    }
    return refusals;
}

std::optional<Refusal> guard_mode(const StartFacts& facts) {
    if (facts.mode == "auto" || (facts.mode == "approve" && !facts.automatic)) return std::nullopt;
    if (facts.mode == "approve")
        return refusal("mode", facts, "remediation.mode is approve: a person applies the plan with aggmedic apply.");
    return refusal("mode", facts,
                   "remediation.mode is observe: nothing is applied until the configuration says approve or auto.");
}

std::optional<Refusal> guard_paused(const StartFacts& facts) {
    const auto* pause = facts.holds.pause_of(facts.cluster);
    if (pause == nullptr) return std::nullopt;
    const bool fleet = pause->cluster.empty();
    return refusal("paused", facts,
                   fmt::format("repairs of {} are paused since {} by uid {}{}; aggmedic resume{} lifts it.",
                               fleet ? "the whole fleet" : facts.cluster, to_rfc3339(pause->at), pause->uid,
                               pause->reason.empty() ? "" : " (" + printable(pause->reason, 200) + ")",
                               fleet ? "" : " " + facts.cluster));
}

std::optional<Refusal> guard_suspended(const StartFacts& facts) {
    const auto& suspension = facts.holds.suspension;
    if (!suspension) return std::nullopt;
    return refusal("suspended", facts,
                   fmt::format("Automatic repair suspended itself at {}: {}. Look for what these clusters share; "
                               "aggmedic resume (without a cluster) lifts it.",
                               to_rfc3339(suspension->at), suspension->why));
}

std::optional<Refusal> guard_several_masters(const StartFacts& facts) {
    if (facts.masters > 1) return std::nullopt;
    return refusal("several-masters", facts,
                   "Its one master's restart takes the whole API away, which never happens by itself: a person applies "
                   "the plan.");
}

std::optional<Refusal> guard_finding_held(const StartFacts& facts) {
    if (facts.held_cycles >= facts.settings.hold_cycles) return std::nullopt;
    return refusal("finding-held", facts,
                   fmt::format("The finding was certain in {} cycles in a row; {} lift this.",
                               std::max(facts.held_cycles, 0), facts.settings.hold_cycles));
}

std::optional<Refusal> guard_window(const StartFacts& facts) {
    const auto& windows = facts.settings.windows;
    if (windows.empty()) return std::nullopt;
    if (!is_any_open(windows, facts.now)) {
        const auto opening = next_opening(windows, facts.now);
        return refusal("window", facts,
                       "No repair window is open; " +
                           (opening ? "the next one opens at " + opening_in_words(windows, *opening) + "."
                                    : std::string("none opens within nine days.")));
    }
    if (is_open_throughout(windows, facts.now, facts.now + facts.expected)) return std::nullopt;
    const auto opening = next_opening(windows, facts.now);
    return refusal(
        "window", facts,
        fmt::format("The repair window closes before the run would end, which takes about {}; {}.",
                    in_words(facts.expected),
                    opening ? "the next one opens at " + opening_in_words(windows, *opening) : "no other one opens"));
}

std::optional<Refusal> guard_changed_lately(const StartFacts& facts) {
    const auto quiet = facts.settings.quiet;
    if (quiet == milliseconds(0)) return std::nullopt;
    if (!facts.watched_since || facts.now - *facts.watched_since < quiet) {
        const auto left = facts.watched_since ? quiet - (facts.now - *facts.watched_since) : quiet;
        return refusal("changed-lately", facts,
                       fmt::format("The masters have not been watched for long enough to know that no upgrade goes on: "
                                   "lifted in {}.",
                                   in_words(left)));
    }
    if (!facts.changed || facts.now - *facts.changed >= quiet) return std::nullopt;
    return refusal(
        "changed-lately", facts,
        fmt::format("A master changed at {} ({}): an upgrade or a recreate may be going on. Lifted in {} without "
                    "another change.",
                    to_rfc3339(*facts.changed), facts.what_changed, in_words(quiet - (facts.now - *facts.changed))));
}

// What a run could not end, or had to take back, is not tried again by the same judgement.
std::optional<Refusal> guard_last_run(const StartFacts& facts) {
    const auto* last = last_that_touched(facts.runs);
    // An automatic run that undid itself may be tried again; what a person took back stays so until a person says.
    const bool undid_itself = last != nullptr && last->outcome == "rolled-back" && last->trigger == "automatic";
    if (last == nullptr || ended_well(*last) || undid_itself) return std::nullopt;
    const auto resumed = facts.holds.resumed_at(facts.cluster);
    if (last->finished && resumed && *resumed > *last->finished) return std::nullopt;
    return refusal(
        "last-run", facts,
        fmt::format("Run {} {}: see aggmedic runs {}. A person's run that ends well lifts this, or aggmedic "
                    "resume {}.",
                    last->id, last->finished ? "ended as " + last->outcome : "has not ended", last->id, facts.cluster));
}

std::optional<Refusal> guard_cooldown(const StartFacts& facts) {
    const auto* last = last_that_touched(facts.runs);
    if (last == nullptr || !last->finished) return std::nullopt;
    const auto left = facts.settings.cooldown - (facts.now - *last->finished);
    if (left <= milliseconds(0)) return std::nullopt;
    return refusal("cooldown", facts,
                   fmt::format("Run {} ended a short time ago: lifted in {}.", last->id, in_words(left)));
}

std::optional<Refusal> guard_attempts(const StartFacts& facts) {
    const auto resumed = facts.holds.resumed_at(facts.cluster);
    const auto counts = [&](const RunRecord& run) {
        return run.trigger == "automatic" && touched(run) && facts.now - run.started < attempts_window &&
               (!resumed || run.started > *resumed);
    };
    const auto made = std::ranges::count_if(facts.runs, counts);
    if (made < facts.settings.attempts) return std::nullopt;
    return refusal("attempts", facts,
                   fmt::format("It was repaired by itself {} times within 24 h and is broken again: a person looks for "
                               "what takes the repair back. aggmedic resume {} lifts it.",
                               made, facts.cluster));
}

std::optional<Refusal> guard_one_cluster(const StartFacts& facts) {
    if (facts.unfinished.empty()) return std::nullopt;
    const auto& run = facts.unfinished.front();
    return refusal("one-cluster", facts,
                   fmt::format("Run {} on {} goes on: one cluster is repaired at a time. Lifted when it has ended.",
                               run.id, run.cluster));
}

std::optional<Refusal> guard_canary_cluster(const StartFacts& facts) {
    const auto& name = facts.settings.canary_cluster;
    if (name.empty() || name == facts.cluster) return std::nullopt;
    const auto& canary = facts.canary;
    if (!canary || !canary->known)
        return refusal(
            "canary-cluster", facts,
            fmt::format("What {}, which goes first, looks like is not known: lifted when it is seen whole.", name));
    if (canary->needs_repair)
        return refusal("canary-cluster", facts, fmt::format("{} goes first: lifted when it is repaired.", name));
    if (!canary->last_run || !touched(*canary->last_run)) return std::nullopt;
    const auto& last = *canary->last_run;
    if (!ended_well(last))
        return refusal("canary-cluster", facts,
                       fmt::format("{} goes first, and run {} there {}: lifted by a run there that ends well.", name,
                                   last.id, last.finished ? "ended as " + last.outcome : "has not ended"));
    const auto left = facts.settings.cooldown - (facts.now - last.finished.value_or(facts.now));
    if (left <= milliseconds(0)) return std::nullopt;
    return refusal("canary-cluster", facts,
                   fmt::format("{} goes first and was repaired a short time ago: lifted in {}, if it holds.", name,
                               in_words(left)));
}

std::optional<Refusal> guard_alerts(const StartFacts& facts) {
    if (!facts.settings.has_alert_gate) return std::nullopt;
    if (!facts.alerts)
        return refusal("alerts", facts, "The alert gate was not asked: it is, when no other guard refuses.");
    if (!*facts.alerts)
        return refusal("alerts", facts,
                       fmt::format("The alert gate could not be answered: {}. Lifted when its query is answered and "
                                   "nothing fires.",
                                   printable(facts.alerts->error().detail, 300)));
    if ((*facts.alerts)->empty()) return std::nullopt;
    std::string names;
    for (std::size_t index = 0; index < (*facts.alerts)->size() && index < alerts_named_max; ++index)
        names += (index == 0 ? "" : ", ") + printable((**facts.alerts)[index], 64);
    return refusal("alerts", facts,
                   fmt::format("{} alerts fire that the alert gate waits for ({}): lifted when none does.",
                               (*facts.alerts)->size(), names));
}

}  // namespace aggmedic::remediate
