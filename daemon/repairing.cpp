#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/use_awaitable.hpp>
#include <nlohmann/json.hpp>
#include <utility>

#include "daemon/alert_gate.hpp"
#include "daemon/log.hpp"
#include "daemon/program.hpp"
#include "remediate/guard.hpp"
#include "remediate/meltdown.hpp"
#include "remediate/start_guard.hpp"

// What the daemon does about a repairable finding without being asked: a plan in the modes approve and auto, its run in
// auto.
namespace aggmedic::daemon {
namespace {

using remediate::Journal;
using remediate::Refusal;
using remediate::RunRecord;

constexpr std::size_t runs_asked = 100;

class Busy {
  public:
    explicit Busy(std::shared_ptr<AutomaticRepair> repair) : repair_(std::move(repair)) { repair_->is_busy = true; }
    ~Busy() { repair_->is_busy = false; }
    Busy(const Busy&) = delete;
    Busy& operator=(const Busy&) = delete;

  private:
    std::shared_ptr<AutomaticRepair> repair_;
};

// Seen whole, and lately.
remediate::CanaryCluster canary_of(const ClusterWatch& watch, milliseconds interval) {
    remediate::CanaryCluster canary;
    if (!watch.assessment()) return canary;
    const auto& last = *watch.assessment();
    const auto blinds = [](const probes::UnobservedFact& fact) { return fact.causes.empty(); };
    canary.known = state_of(watch, interval) != "unknown" && std::ranges::none_of(last.unobserved, blinds);
    // A cause that is not certain yet may be the one.
    const auto is_it = [](const probes::Finding& finding) {
        return finding.cause == "cn-not-allowed" || remediate::is_repairable(finding);
    };
    canary.needs_repair =
        std::ranges::any_of(last.findings, is_it) ||
        std::ranges::any_of(watch.findings(), [&](const auto& raised) { return is_it(raised.finding); });
    return canary;
}

void tell_drift(const std::string& cluster, const std::vector<remediate::Drift>& before,
                const std::vector<remediate::Drift>& now) {
    for (const auto& drift : now) {
        const bool known = std::ranges::any_of(before, [&](const auto& each) { return each.master == drift.master; });
        if (!known)
            log_warning("a repaired master has drifted",
                        {{"cluster", cluster}, {"master", drift.master}, {"how", drift.how}});
    }
}

void tell_refusals(const std::string& cluster, std::vector<Refusal> refusals, AutomaticRepair& repair) {
    if (!same_refusals(repair.start_refusals, refusals))
        log_info(refusals.empty() ? "no start guard refuses" : "automatic repair waits",
                 {{"cluster", cluster},
                  {"guards", named(refusals)},
                  {"first", refusals.empty() ? "" : refusals.front().reason}});
    repair.start_refusals = std::move(refusals);
}

// Nothing is planned then, so that the other guards are not asked.
void tell_paused(const std::string& cluster, const remediate::Holds& holds, AutomaticRepair& repair) {
    remediate::StartFacts facts;
    facts.cluster = cluster;
    facts.holds = holds;
    if (auto refused = remediate::guard_paused(facts)) tell_refusals(cluster, {std::move(*refused)}, repair);
}

}  // namespace

void Program::cycle_ended(const ClusterWatch& watch) {
    if (stopping_ || !journal_ || !watch.assessment() || !watch.newest()) return;
    const auto& name = watch.cluster().target.name;
    auto& repair = repairs_[name];
    if (!repair) repair = std::make_shared<AutomaticRepair>();
    fold_cycle(*repair, *watch.assessment(), *watch.newest(), watch.findings(), wall_clock());
    // At every cycle, whatever can be repaired: what began first has left the window when a finding has held for long.
    if (meltdown_now()) tasks_->spawn("suspension", keep_suspended());
    if (watch.cluster().ssh && !repair->is_busy)
        tasks_->spawn("repair of " + name, consider(name, repair, watch.newest()));
}

asio::awaitable<void> Program::consider(std::string name, std::shared_ptr<AutomaticRepair> repair,
                                        std::shared_ptr<const probes::Observation> seen) {
    const auto& settings = config_.remediation;
    const auto step = [&] {
        return next_step(*repair, settings.mode, is_paused(name), settings.start.hold_cycles, wall_clock());
    };
    if (repair->is_busy) co_return;
    {
        const Busy busy(repair);
        co_await look_for_drift(name, *repair, *seen);
    }
    if (settings.mode == "observe" || repair->held_cycles < settings.start.hold_cycles) co_return;
    // What another process paused or resumed counts at once.
    if (auto read = co_await read_holds(); !read) {
        log_error("the journal cannot be read", {{"error", read.error().detail}});
        co_return;
    }
    if (!co_await suspend_in_a_meltdown()) co_return;
    if (settings.mode == "auto" && is_paused(name)) tell_paused(name, holds_, *repair);
    const auto next = step();
    const auto cluster = find_cluster(name);
    if (next == RepairStep::nothing || !cluster || !cluster->ssh || runs_.going_on(name)) co_return;
    const Busy busy(repair);
    if (next == RepairStep::make_plan) co_await plan_by_itself(cluster, *repair);
    if (next == RepairStep::ask_guards) co_await start_by_itself(cluster, *repair);
}

// Against what the last run that ended well gave the masters, as the journal tells it now: it may have been another
// process's.
asio::awaitable<void> Program::look_for_drift(std::string name, AutomaticRepair& repair,
                                              const probes::Observation& seen) {
    const auto runs = co_await in_journal([name](Journal& journal) { return journal.runs_of(name, runs_asked); });
    if (!runs) {
        log_error("the journal cannot be read", {{"error", runs.error().detail}});
        co_return;
    }
    const auto* last = remediate::last_that_touched(*runs);
    const auto id = last == nullptr ? std::string() : last->id + " " + last->outcome;
    if (repair.last_run != id) {
        auto repaired = co_await in_journal([&runs](Journal& journal) {
            return find_repaired(*runs, [&journal](const std::string& plan) { return journal.plan(plan); });
        });
        repair.last_run = repaired ? id : std::string();  // else it is asked again
        repair.repaired = repaired ? std::move(*repaired) : std::nullopt;
    }
    const auto before = std::exchange(repair.drift, {});
    if (repair.repaired) repair.drift = remediate::find_drift(repair.repaired->plan, repair.repaired->masters, seen);
    tell_drift(name, before, repair.drift);
}

// Why automatic repair is to suspend itself, by the holds as they were read last; nullopt: it is not, or it has.
std::optional<std::string> Program::meltdown_now() const {
    if (config_.remediation.mode != "auto" || holds_.suspension) return std::nullopt;
    std::vector<TimePoint> since;
    for (const auto& [name, watched] : watched_) {
        if (const auto began = broken_since(watched.watch->history())) since.push_back(*began);
    }
    return remediate::meltdown(since, clusters_.size(), config_.remediation.meltdown, holds_.resumed_at({}),
                               wall_clock());
}

// False: it is suspended now and the journal could not take it, so that nothing may start.
asio::awaitable<bool> Program::suspend_in_a_meltdown() {
    const auto why = meltdown_now();
    if (!why) co_return true;
    const remediate::Suspension suspension{.at = wall_clock(), .why = *why};
    holds_.suspension = suspension;
    // The cycles of several clusters may have come to it at the same time.
    const auto stored = co_await in_journal([suspension](Journal& journal) -> Result<bool> {
        const auto holds = journal.holds();
        if (!holds) return std::unexpected(holds.error());
        if (holds->suspension) return false;
        if (const auto done = journal.suspend(suspension); !done) return std::unexpected(done.error());
        return true;
    });
    if (stored && !*stored) co_return true;
    log_error("automatic repair suspends itself until a person resumes it", {{"why", *why}});
    if (!stored) {
        log_error("the journal cannot be written", {{"error", stored.error().detail}});
        co_return false;
    }
    co_await note({.action = "suspend", .cluster = "(all)", .text = *why});
    co_return true;
}

asio::awaitable<void> Program::keep_suspended() {
    // What another process suspended or lifted counts at once.
    if (auto read = co_await read_holds(); !read) {
        log_error("the journal cannot be read", {{"error", read.error().detail}});
        co_return;
    }
    co_await suspend_in_a_meltdown();
}

asio::awaitable<void> Program::plan_by_itself(std::shared_ptr<const ClusterConfig> cluster, AutomaticRepair& repair) {
    const auto& name = cluster->target.name;
    repair.plan_not_before = wall_clock() + config_.probe.master_interval;  // each attempt visits every master
    const auto hindered = co_await what_hinders(name);
    if (!hindered || !hindered->empty()) co_return;
    auto made = co_await make_plan_of(cluster, {}, [](const nlohmann::json&) {});
    if (!made) {
        log_error("a plan could not be stored", {{"cluster", name}, {"error", made.error().detail}});
        co_return;
    }
    const auto& plan = *made;
    if (!same_refusals(repair.plan_refusals, plan.refusals) && plan.refused())
        log_warning("no plan can be made",
                    {{"cluster", name}, {"gates", named(plan.refusals)}, {"first", plan.refusals.front().reason}});
    repair.plan_refusals = plan.refusals;
    repair.plan.reset();
    if (plan.id.empty()) co_return;
    repair.plan = OwnPlan{.id = plan.id, .expires = plan.expires};
    co_await note({.action = "plan", .cluster = name, .plan = plan.id, .text = "made by itself"});
    log_warning(config_.remediation.mode == "auto" ? "a plan is made by itself"
                                                   : "a plan is made by itself and waits for a person",
                {{"cluster", name}, {"plan", plan.id}, {"expires", to_rfc3339(plan.expires)}});
}

// The guards are asked twice, as the alert gate takes its time; begin() asks them once more, with its answer.
asio::awaitable<void> Program::start_by_itself(std::shared_ptr<const ClusterConfig> cluster, AutomaticRepair& repair) {
    const auto& name = cluster->target.name;
    auto plan = co_await in_journal([id = repair.plan->id](Journal& journal) { return journal.plan(id); });
    if (!plan || !*plan) co_return;
    Start start{.trigger = "automatic", .alerts = {}};
    auto facts = co_await start_facts(cluster, **plan, start);
    if (!facts) {
        log_error("the start guards cannot be asked", {{"cluster", name}, {"error", facts.error().detail}});
        co_return;
    }
    auto refusals = remediate::ask_start_guards(*facts);
    if (refusals.size() == 1 && refusals.front().gate == "alerts" && config_.remediation.alert_gate) {
        start.alerts = co_await ask_alert_gate(executor_, *config_.remediation.alert_gate);
        facts->alerts = start.alerts;
        refusals = remediate::ask_start_guards(*facts);
    }
    tell_refusals(name, std::move(refusals), repair);
    if (!repair.start_refusals.empty()) co_return;
    Request request;
    request.reason = "automatic repair";
    repair.plan.reset();  // whatever comes of it, the next one is made anew
    auto run = co_await begin(std::move(request), std::move(**plan), std::move(start));
    if (!run) {
        log_warning("automatic repair could not begin", {{"cluster", name}, {"error", run.error().detail}});
        co_return;
    }
    co_await Runs::follow(*run, [](const nlohmann::json&) {});
}

// Everything that the start guards judge, read anew; of the watch and the engine as they are when the reading is done.
asio::awaitable<Result<remediate::StartFacts>> Program::start_facts(std::shared_ptr<const ClusterConfig> cluster,
                                                                    const remediate::Plan& plan, const Start& start) {
    const auto& name = cluster->target.name;
    const auto canary = config_.remediation.start.canary_cluster;
    struct Read {
        remediate::Holds holds;
        std::vector<RunRecord> runs, unfinished, of_canary;
    };
    auto read = co_await in_journal([name, canary](Journal& journal) -> Result<Read> {
        Read all;
        const auto take = [](auto& to, auto from) -> Result<void> {
            if (!from) return std::unexpected(from.error());
            to = std::move(*from);
            return {};
        };
        if (auto done = take(all.holds, journal.holds()); !done) return std::unexpected(done.error());
        if (auto done = take(all.runs, journal.runs_of(name, runs_asked)); !done) return std::unexpected(done.error());
        if (auto done = take(all.unfinished, journal.unfinished()); !done) return std::unexpected(done.error());
        if (auto done = take(all.of_canary, journal.runs_of(canary, runs_asked)); !done)
            return std::unexpected(done.error());
        return all;
    });
    if (!read) co_return std::unexpected(read.error());
    holds_ = read->holds;
    remediate::StartFacts facts;
    facts.now = wall_clock();
    facts.automatic = start.trigger != "person";
    facts.cluster = name;
    facts.mode = config_.remediation.mode;
    facts.settings = config_.remediation.start;
    facts.holds = std::move(read->holds);
    facts.masters = cluster->target.masters.size();
    facts.runs = std::move(read->runs);
    facts.unfinished = std::move(read->unfinished);
    facts.alerts = start.alerts;
    facts.expected = expected_duration(plan);
    if (const auto repair = repairs_.find(name); repair != repairs_.end()) {
        facts.held_cycles = repair->second->held_cycles;
        facts.watched_since = repair->second->changes.watched_since();
        facts.changed = repair->second->changes.changed();
        facts.what_changed = repair->second->changes.what();
    }
    const auto watched = watched_.find(canary);
    if (!canary.empty() && canary != name && watched != watched_.end()) {
        facts.canary = canary_of(*watched->second.watch, config_.probe.interval);
        if (const auto* last = remediate::last_that_touched(read->of_canary)) facts.canary->last_run = *last;
    }
    co_return facts;
}

nlohmann::json Program::repair_of(const std::string& cluster) const {
    nlohmann::json value{{"plan", nullptr},
                         {"plan_expires", nullptr},
                         {"plan_refusals", nlohmann::json::array()},
                         {"start_refusals", nlohmann::json::array()},
                         {"drift", nlohmann::json::array()}};
    const auto found = repairs_.find(cluster);
    if (found == repairs_.end()) return value;
    const auto& repair = *found->second;
    if (repair.plan && repair.plan->expires > wall_clock()) {
        value["plan"] = repair.plan->id;
        value["plan_expires"] = to_rfc3339(repair.plan->expires);
    }
    const auto list = [&](const char* key, const std::vector<Refusal>& refusals) {
        for (const auto& refusal : refusals)
            value[key].push_back({{"gate", refusal.gate}, {"subject", refusal.subject}, {"reason", refusal.reason}});
    };
    list("plan_refusals", repair.plan_refusals);
    list("start_refusals", repair.start_refusals);
    for (const auto& drift : repair.drift) value["drift"].push_back({{"master", drift.master}, {"how", drift.how}});
    return value;
}

}  // namespace aggmedic::daemon
