#include "daemon/cluster_watch.hpp"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <nlohmann/json.hpp>

#include "daemon/log.hpp"
#include "daemon/looking.hpp"
#include "net/blocking.hpp"
#include "probes/diagnose.hpp"
#include "probes/redaction.hpp"
#include "probes/time_canary.hpp"

namespace aggmedic::daemon {
namespace {

using std::chrono::steady_clock;

constexpr std::size_t runs_asked = 20;
constexpr auto run_max = std::chrono::hours(2);  // one that did not end until then hides nothing any more

// Attempts fill this part of the interval: less where a timeout after the last of them would not end within it. Never
// 0, which would mean no limit at all.
milliseconds spread_of(const ProbeConfig& probe) {
    const auto room = probe.interval * 9 / 10 - probe.timeout;
    return std::clamp(room, probe.interval / 10, probe.interval * 6 / 10);
}

bool contains(const std::vector<probes::RaisedCause>& causes, const probes::RaisedCause& raised) {
    return std::ranges::any_of(causes, [&](const auto& other) { return other.finding.cause == raised.finding.cause; });
}

std::string listed(const std::vector<std::string>& names) {
    std::string text;
    for (const auto& each : names) text += (text.empty() ? "" : ",") + each;
    return text;
}

}  // namespace

ClusterWatch::ClusterWatch(WatchTools tools, std::shared_ptr<const ClusterConfig> cluster, ProbeConfig probe)
    : tools_(std::move(tools)),
      cluster_(std::move(cluster)),
      probe_(probe),
      connections_(probes::connect_cluster(tools_.executor, cluster_->target)),
      random_(std::random_device()()),
      next_cycle_(tools_.executor) {
    history_.cluster = cluster_->target.name;
    metrics_.name = cluster_->target.name;
}

void ClusterWatch::take_over(ClusterWatch& former) {
    history_ = former.history_;
    stored_history_ = former.stored_history_;
    findings_ = former.findings_;
    newest_ = former.newest_;
    settled_ = former.settled_;
    metrics_.counters = former.metrics_.counters;
    metrics_.findings = former.metrics_.findings;
    timings_ = former.timings_;
}

void ClusterWatch::keep(probes::Observation observation) {
    newest_ = std::make_shared<const probes::Observation>(std::move(observation));
}

void ClusterWatch::hurry() {
    hurried_ = true;
    next_cycle_.cancel();
}

void ClusterWatch::run_ended() {
    views_.keep_only({});
    settled_ = steady_clock::now() + tools_.settling;
    timings_.forget();
    hurry();
}

asio::awaitable<void> ClusterWatch::run(milliseconds first_delay) {
    next_cycle_.expires_after(first_delay);
    co_await next_cycle_.async_wait(asio::as_tuple(asio::use_awaitable));
    co_await load_history();
    // Nothing is known yet: the first cycle hurries, the later ones spread their attempts.
    hurried_ = true;
    for (;;) {
        const auto begun = steady_clock::now();
        co_await guarded_cycle(std::exchange(hurried_, false) ? milliseconds(0) : spread_of(probe_));
        if (hurried_) continue;
        // A twentieth of jitter, so that clusters do not fall into step.
        const auto jitter_max = std::max<std::int64_t>(probe_.interval.count() / 20, 1);
        std::uniform_int_distribution<std::int64_t> jitter(-jitter_max, jitter_max);
        next_cycle_.expires_at(begun + probe_.interval + milliseconds(jitter(random_)));
        // as_tuple: hurry() cancels the wait. A cancelled watch leaves at its next wait.
        co_await next_cycle_.async_wait(asio::as_tuple(asio::use_awaitable));
    }
}

// A cycle that fails costs one cycle.
asio::awaitable<void> ClusterWatch::guarded_cycle(milliseconds spread) {
    try {
        co_await cycle(spread);
    } catch (const boost::system::system_error& error) {
        if (error.code() == asio::error::operation_aborted) throw;
        log_error("a cycle failed", {{"cluster", cluster_->target.name}, {"error", error.what()}});
    } catch (const std::exception& error) {
        log_error("a cycle failed", {{"cluster", cluster_->target.name}, {"error", error.what()}});
    }
}

asio::awaitable<void> ClusterWatch::cycle(milliseconds spread) {
    probes::ProbeSettings settings;
    settings.timeout = probe_.timeout;
    settings.attempts = probe_.attempts;
    settings.spread = spread;
    if (spread.count() > 0) settings.cycle_max = probe_.interval;
    const auto begun = steady_clock::now();
    rare_.choose(settings, probe_.master_interval, begun);
    const bool was_being_changed = is_being_changed();
    auto observation = co_await observe_as_renewed(cluster_->target.name, connections_, settings);
    if (cluster_->ssh) co_await look_where_due(observation);
    rare_.fold(observation, probe_.master_interval, steady_clock::now());
    timings_.merge_into(observation, steady_clock::now());
    probes::take_out_secrets(observation);
    keep(std::move(observation));
    const auto seen = newest_;
    conclude(*seen);
    if (tools_.probe_durations != nullptr) {
        const std::chrono::duration<double> took = steady_clock::now() - begun;
        tools_.probe_durations->observe("cycle", took.count());
    }
    co_await ask_for_runs();
    // While a run restarts masters, what fails is expected, and announced by the run: findings stay as they are.
    if (was_being_changed || is_being_changed()) {
        views_.keep_only({});  // of a moment that has passed
        timings_.forget();
        co_return;
    }
    co_await fold(*seen);
    if (tools_.cycle_ended) tools_.cycle_ended(*this);
    if (!hurried_) co_await time_where_due(*seen);
}

// In the quiet part of the interval, where no attempt of ours disturbs it: the next cycle shows the result.
asio::awaitable<void> ClusterWatch::time_where_due(const probes::Observation& observation) {
    const auto place = timings_.due(observation, steady_clock::now());
    if (!place) co_return;
    const probes::TimingSettings settings{.timeout = probe_.timeout,
                                          .pause = probe_.interval / (5 * probes::timing_pairs_wanted),
                                          .limit = probe_.interval * 3 / 10};
    auto timing = co_await probes::time_canary(connections_, *place, settings);
    timings_.store(observation, *place, std::move(timing), steady_clock::now());
}

asio::awaitable<void> ClusterWatch::look_where_due(probes::Observation& observation) {
    const MasterViews::Timing timing{.interval = probe_.interval, .master_interval = probe_.master_interval};
    const auto masters = master_names(*cluster_);
    const auto backends = probes::backends_to_dial(observation);
    auto due = views_.due(observation, backends, masters, timing, steady_clock::now());
    if (!due.empty() && tools_.connector != nullptr) {
        const auto begun = steady_clock::now();
        auto looks = co_await look_at_masters(*tools_.connector, *tools_.looks, cluster_, std::move(due), backends);
        const std::chrono::duration<double> took = steady_clock::now() - begun;
        if (tools_.probe_durations != nullptr) tools_.probe_durations->observe("masters", took.count());
        views_.store(observation, backends, std::move(looks), steady_clock::now());
    }
    views_.merge_into(observation, masters, timing, steady_clock::now());
}

asio::awaitable<void> ClusterWatch::load_history() {
    if (tools_.journal == nullptr || !history_.findings.empty()) co_return;
    const auto read = [journal = tools_.journal, name = cluster_->target.name] { return journal->history(name); };
    auto stored = co_await run_blocking(*tools_.journal_thread, read);
    if (!stored) {
        log_error("the journal cannot be read", {{"error", stored.error().detail}});
    } else if (*stored) {
        stored_history_ = std::move(**stored);
        // A history that an older version wrote is begun anew.
        if (auto history = probes::parse_history(stored_history_)) history_ = std::move(*history);
    }
    history_.cluster = cluster_->target.name;
    // A restart of this process resolves nothing, also where a run keeps the first cycles from being folded.
    metrics_.findings = probes::raised_findings(history_);
    findings_ = probes::by_cause(metrics_.findings);
}

void ClusterWatch::conclude(const probes::Observation& observation) {
    assessment_ = probes::diagnose(observation, wall_clock());
    metrics_.last = facts_of(observation);
    metrics_.counters.count(observation);
    if (tools_.probe_durations != nullptr) observe_durations(*tools_.probe_durations, observation);
}

asio::awaitable<void> ClusterWatch::fold(const probes::Observation& observation) {
    const bool settling = steady_clock::now() < settled_;
    const auto assessment = settling ? probes::without_news(*assessment_, history_) : *assessment_;
    probes::CycleOfApis apis{.attempts = {}, .listed = probes::listed_apis(observation)};
    if (!settling) apis.attempts = probes::count_attempts(observation);
    auto tracked = probes::track(std::move(history_), assessment, wall_clock(), apis);
    history_ = std::move(tracked.history);
    const auto before = std::exchange(findings_, probes::by_cause(tracked.findings));
    tell_changes(before);
    metrics_.findings = std::move(tracked.findings);

    auto text = probes::to_json(history_).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    if (tools_.journal == nullptr || text == stored_history_) co_return;
    stored_history_ = text;
    const auto write = [journal = tools_.journal, name = cluster_->target.name, text = std::move(text)] {
        return journal->store_history(name, text);
    };
    const auto stored = co_await run_blocking(*tools_.journal_thread, write);
    if (!stored) log_error("the journal cannot be written", {{"error", stored.error().detail}});
}

bool ClusterWatch::is_being_changed() const {
    return changed_elsewhere_ || (tools_.is_being_changed && tools_.is_being_changed(cluster_->target.name));
}

// A run of another process (`apply --standalone`), or one that ended just before this process began, is known to the
// journal alone.
asio::awaitable<void> ClusterWatch::ask_for_runs() {
    if (tools_.journal == nullptr) co_return;
    const auto read = [journal = tools_.journal] { return journal->runs(runs_asked); };
    const auto runs = co_await run_blocking(*tools_.journal_thread, read);
    changed_elsewhere_ = false;
    if (!runs) co_return;
    const auto now = wall_clock();
    for (const auto& run : *runs) {
        if (run.cluster != cluster_->target.name || run.outcome == "refused") continue;
        if (!run.finished) {
            changed_elsewhere_ = changed_elsewhere_ || now - run.started < run_max;
            continue;
        }
        const auto left = tools_.settling - (now - *run.finished);
        if (left > milliseconds(0)) settled_ = std::max(settled_, steady_clock::now() + left);
    }
}

// One line for each cause, however many APIs and masters it concerns.
void ClusterWatch::tell_changes(const std::vector<probes::RaisedCause>& before) const {
    const auto tell = [&](std::string_view message, const probes::RaisedCause& raised) {
        log_warning(message, {{"cluster", cluster_->target.name},
                              {"cause", raised.finding.cause},
                              {"masters", listed(raised.masters)},
                              {"apiservices", listed(raised.apiservices)}});
    };
    for (const auto& raised : findings_) {
        if (!contains(before, raised)) tell("a finding is raised", raised);
    }
    for (const auto& raised : before) {
        if (!contains(findings_, raised)) tell("a finding is resolved", raised);
    }
}

}  // namespace aggmedic::daemon
