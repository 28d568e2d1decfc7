#include "daemon/program.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/stat.h>

#include <algorithm>
#include <boost/asio/use_awaitable.hpp>

#include "daemon/log.hpp"
#include "net/redact.hpp"
#include "net/ssh_worker.hpp"
#include "net/text.hpp"
#include "remediate/run_lease.hpp"

namespace aggmedic::daemon {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t looks_max = 32;   // SSH sessions for looking, of all clusters together
constexpr std::size_t checks_max = 16;  // clusters that one `check` asks at the same time
constexpr auto stagger = 200ms;         // between the first cycles of two clusters

std::function<std::unique_ptr<HostConnector>()> connector_maker(const asio::any_io_executor& executor,
                                                                const Service::Options& options) {
    if (options.connect) return options.connect;
    return [executor, program = options.program] { return std::make_unique<SshWorker>(executor, program); };
}

// Nobody else's business: plans name what may be changed where. What goes wrong here is said by who opens a file there.
void make_state_dir(const std::filesystem::path& folder) {
    std::error_code ignored;
    std::filesystem::create_directories(folder.parent_path(), ignored);
    ::mkdir(folder.c_str(), 0700);
}

// The cycles use the watch: their coroutine holds it.
asio::awaitable<void> keep_watching(std::shared_ptr<ClusterWatch> watch, milliseconds first_delay) {
    co_await watch->run(first_delay);
}

}  // namespace

Reply failed(int exit_status, std::string error) {
    return {.exit_status = exit_status, .error = std::move(error), .result = nullptr};
}

Result<std::shared_ptr<Service>> Service::create(asio::any_io_executor executor, Config config, Options options) {
    auto program = std::make_shared<Program>(std::move(executor), std::move(config), std::move(options));
    if (auto opened = program->open_journal(); !opened) return std::unexpected(opened.error());
    return program;
}

Program::Program(asio::any_io_executor executor, Config config, Options options)
    : executor_(std::move(executor)),
      config_(std::move(config)),
      options_(std::move(options)),
      look_places_(executor_, looks_max),
      check_places_(executor_, checks_max),
      probe_durations_({0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10}),
      step_durations_({0.1, 0.5, 1, 5, 10, 20, 30, 60, 120, 180, 300, 600}),
      tasks_(std::make_shared<TaskGroup>(executor_)),
      runs_({.executor = executor_,
             .journal = nullptr,
             .journal_thread = nullptr,
             .connect = connector_maker(executor_, options_),
             .step_durations = &step_durations_,
             .record = [this](remediate::AuditRecord what) { return record(std::move(what)); },
             .ended = [this](const ActiveRun& run) { note_run_end(run.record); }}),
      reloaded_at_(wall_clock()) {
    for (auto& cluster : config_.clusters)
        clusters_.push_back(std::make_shared<const ClusterConfig>(std::move(cluster)));
    config_.clusters.clear();
    reader_ = connector_maker(executor_, options_)();
}

Program::~Program() {
    if (journal_thread_) journal_thread_->join();
}

Result<void> Program::open_journal() {
    if (config_.state_dir.empty()) return {};
    make_state_dir(config_.state_dir);
    if (!options_.standalone) {
        auto lease = remediate::take_lease(config_.state_dir / "daemon.lock");
        if (!lease && lease.error().code == Errc::refused) {
            return fail(Errc::refused, "another aggmedicd works with state_dir " + config_.state_dir.string());
        }
        if (!lease) return std::unexpected(lease.error());
        only_daemon_ = std::move(*lease);
    }
    auto journal = remediate::Journal::open(config_.state_dir);
    if (!journal) return std::unexpected(journal.error());
    journal_ = std::move(*journal);
    const auto holder = journal_->holder();
    if (!holder) return std::unexpected(holder.error());
    auto audit = remediate::AuditLog::open(config_.state_dir, *holder);
    if (!audit) return std::unexpected(audit.error());
    audit_ = std::move(*audit);
    journal_thread_ = std::make_unique<asio::thread_pool>(1);
    runs_.use(*journal_, *journal_thread_);
    return {};
}

std::shared_ptr<const ClusterConfig> Program::find_cluster(std::string_view name) const {
    const auto found =
        std::ranges::find_if(clusters_, [&](const auto& cluster) { return cluster->target.name == name; });
    return found == clusters_.end() ? nullptr : *found;
}

Result<Program::Clusters> Program::select(const std::vector<std::string>& names) const {
    if (names.empty()) return clusters_;
    Clusters selected;
    for (const auto& name : names) {
        auto cluster = find_cluster(name);
        if (!cluster) {
            std::vector<std::string> known;
            for (const auto& each : clusters_) known.push_back(each->target.name);
            return fail(Errc::invalid_argument, fmt::format("there is no cluster '{}'; configured: {}",
                                                            printable(name, 100), fmt::join(known, ", ")));
        }
        if (std::ranges::find(selected, cluster) == selected.end()) selected.push_back(std::move(cluster));
    }
    return selected;
}

asio::awaitable<Reply> Program::handle(Request request, ProgressSink progress) {
    const auto self = shared_from_this();
    const auto command = request.command;
    if (!progress) progress = [](const nlohmann::json&) {};
    std::string fault;
    try {
        auto reply = co_await dispatch(std::move(request), std::move(progress));
        reply.error = without_marked_secrets(reply.error);
        co_return reply;
    } catch (const boost::system::system_error& error) {
        if (error.code() == asio::error::operation_aborted) throw;
        fault = error.what();
    } catch (const std::exception& error) {
        fault = error.what();
    }
    log_error("a command failed in an unforeseen way", {{"command", command}, {"error", fault}});
    co_return failed(exit_status::usage, "this is a fault of aggmedic itself: " + fault);
}

asio::awaitable<Reply> Program::dispatch(Request request, ProgressSink progress) {
    const auto command = request.command;  // a copy: the request moves on
    if (command == "check" || command == "explain" || command == "preflight") {
        auto clusters = select(request.clusters);
        if (!clusters) co_return failed(exit_status::usage, clusters.error().detail);
        if (command == "preflight") co_return co_await preflight(std::move(*clusters), std::move(progress));
        co_return co_await check(std::move(*clusters),
                                 {.explain = command == "explain", .canary_timing = request.canary_timing},
                                 std::move(progress));
    }
    if (command == "bundle") co_return co_await bundle(std::move(request), std::move(progress));
    if (command == "findings") co_return findings();
    if (command == "reload") co_return reload_command(request.uid);
    if (command == "status") {
        if (journal_) co_await read_holds();
        co_return status();
    }
    if (!journal_)
        co_return failed(exit_status::usage, command + " needs a state directory; name a configuration with --config");
    if (command == "plan") co_return co_await plan(std::move(request), std::move(progress));
    if (command == "revert") co_return co_await revert(std::move(request), std::move(progress));
    if (command == "plans") co_return co_await plans();
    if (command == "apply") co_return co_await apply(std::move(request), std::move(progress));
    if (command == "abort") co_return co_await abort(std::move(request), std::move(progress));
    if (command == "follow") co_return co_await follow(std::move(request), std::move(progress));
    if (command == "audit") co_return co_await audit(std::move(request));
    if (command == "runs") co_return co_await runs(std::move(request));
    if (command == "pause" || command == "resume") co_return co_await pause(std::move(request), command == "pause");
    co_return failed(exit_status::usage, "'" + printable(command, 64) + "' is no command of this version");
}

WatchTools Program::watch_tools() {
    return {.executor = executor_,
            .connector = reader_.get(),
            .looks = &look_places_,
            .journal = journal_.get(),
            .journal_thread = journal_thread_.get(),
            .probe_durations = &probe_durations_,
            .is_being_changed = [this](std::string_view cluster) { return runs_.going_on(cluster) != nullptr; },
            .cycle_ended = [this](const ClusterWatch& watch) { cycle_ended(watch); }};
}

void Program::start_watching() {
    const auto share = config_.probe.interval / std::max<std::int64_t>(static_cast<std::int64_t>(clusters_.size()), 1);
    const auto step = std::min<milliseconds>(stagger, share);
    milliseconds delay{0};
    auto former = std::exchange(watched_, {});
    for (const auto& cluster : clusters_) {
        const auto& name = cluster->target.name;
        const auto known = former.find(name);
        if (known != former.end() && known->second.watch->is_for(*cluster, config_.probe)) {
            watched_.insert(former.extract(known));
            continue;
        }
        auto watch = std::make_shared<ClusterWatch>(watch_tools(), cluster, config_.probe);
        if (known != former.end()) watch->take_over(*known->second.watch);
        auto cycles = std::make_shared<TaskGroup>(executor_);
        cycles->spawn("watch " + name, keep_watching(watch, delay));
        watched_[name] = {.watch = std::move(watch), .cycles = std::move(cycles)};
        delay += step;
    }
    for (const auto& [name, gone] : former) gone.cycles->cancel();
    // A plan is bound to the configuration that it was made under.
    std::erase_if(repairs_, [&](const auto& entry) { return !watched_.contains(entry.first); });
    for (const auto& [name, repair] : repairs_) {
        repair->plan.reset();
        repair->plan_not_before = {};
        repair->start_refusals.clear();
    }
}

asio::awaitable<void> Program::run() {
    const auto self = shared_from_this();
    if (stopping_) co_return;
    running_ = true;
    ticked_ = std::chrono::steady_clock::now();
    tasks_->spawn("tick", tick());
    if (journal_) {
        co_await read_holds();
        // Watching goes on meanwhile; begin() lets no run start before it is done.
        tasks_->spawn("reconcile", keep_reconciling());
    }
    if (!stopping_) start_watching();
    co_await tasks_->wait();
}

asio::awaitable<void> Program::tick() {
    asio::steady_timer timer(executor_);
    for (;;) {
        ticked_ = std::chrono::steady_clock::now();
        timer.expires_after(1s);
        co_await timer.async_wait(asio::use_awaitable);
    }
}

asio::awaitable<void> Program::stop() {
    const auto self = shared_from_this();
    stopping_ = true;
    if (options_.standalone) {
        runs_.abort();
    } else {
        runs_.stop();
    }
    for (const auto& [name, watched] : watched_) watched.cycles->cancel();
    tasks_->cancel();
    for (const auto& [name, watched] : std::map(watched_)) co_await watched.cycles->wait();
    co_await runs_.wait();
    co_await tasks_->wait();
}

Result<void> Program::reload(Result<Config> config) {
    return reload_for(-1, std::move(config));
}

Result<void> Program::reload_for(std::int64_t uid, Result<Config> config) {
    auto done = config ? swap(std::move(*config)) : Result<void>(std::unexpected(config.error()));
    reload_successful_ = done.has_value();
    if (done) reloaded_at_ = wall_clock();
    if (audit_ && !stopping_) {
        tasks_->spawn("audit", note({.uid = uid,
                                     .action = "reload",
                                     .outcome = done ? "" : "refused",
                                     .text = done ? "" : done.error().detail}));
    }
    return done;
}

Result<void> Program::swap(Config config) {
    if (config.state_dir != config_.state_dir || config.control_socket != config_.control_socket ||
        config.listen_host != config_.listen_host || config.listen_port != config_.listen_port) {
        return fail(Errc::invalid_argument,
                    "the old configuration stays: listen, control_socket and state_dir cannot change while the daemon "
                    "runs; restart it");
    }
    Clusters clusters;
    for (auto& cluster : config.clusters) clusters.push_back(std::make_shared<const ClusterConfig>(std::move(cluster)));
    config.clusters.clear();
    clusters_ = std::move(clusters);
    config_ = std::move(config);
    if (running_ && !stopping_) start_watching();
    log_info("the configuration is reloaded", {{"clusters", std::to_string(clusters_.size())}});
    return {};
}

Reply Program::reload_command(std::int64_t uid) {
    if (!options_.reload) return failed(exit_status::usage, "there is nothing to reload here");
    const auto done = reload_for(uid, options_.reload());
    if (!done) return failed(exit_status::usage, done.error().detail);
    return {.exit_status = exit_status::good, .error = {}, .result = {{"reloaded", true}}};
}

std::string Program::metrics() {
    Metrics shown;
    for (const auto& [name, watched] : watched_) {
        auto cluster = watched.watch->metrics();
        cluster.run_in_progress = runs_.going_on(name) != nullptr || watched.watch->is_changed_elsewhere();
        cluster.paused = is_paused(name);
        if (const auto repair = repairs_.find(name); repair != repairs_.end()) {
            const auto& known = *repair->second;
            cluster.plan_waits = known.plan && known.plan->expires > wall_clock();
            for (const auto& refusal : known.start_refusals) cluster.start_guards.insert(refusal.gate);
            for (const auto& refusal : known.plan_refusals) cluster.plan_gates.insert(refusal.gate);
            for (const auto& drift : known.drift) cluster.drifted.insert(drift.master);
        }
        shown.clusters.push_back(std::move(cluster));
    }
    shown.probe_durations = &probe_durations_;
    shown.step_durations = &step_durations_;
    shown.suspended = holds_.suspension.has_value();
    shown.reload_successful = reload_successful_;
    shown.reloaded_at = reloaded_at_;
    shown.process = read_process();
    return render(shown);
}

bool Program::ready() const {
    return running_ && watched_.size() == clusters_.size() &&
           std::ranges::all_of(watched_, [](const auto& entry) { return entry.second.watch->observed(); });
}

bool Program::alive() const {
    // A stopping daemon ends the step of a run; that is no hang.
    const bool turning = std::chrono::steady_clock::now() - ticked_ < 15s;
    const auto watches = [](const auto& entry) { return !entry.second.cycles->empty(); };
    return stopping_ || (running_ && turning && std::ranges::all_of(watched_, watches));
}

bool Program::is_paused(const std::string& cluster) const {
    return holds_.pause_of(cluster) != nullptr;
}

void Program::note_run_end(const remediate::RunRecord& run) {
    if (const auto repair = repairs_.find(run.cluster); repair != repairs_.end())
        repair->second->plan.reset();  // it was this one, or moved under it
    const auto found = watched_.find(run.cluster);
    if (found == watched_.end()) return;
    auto& watch = *found->second.watch;
    if (!run.outcome.empty()) watch.metrics().counters.count(run);
    // A refused run touched nothing: what fails now is news.
    if (run.outcome == "refused") {
        watch.hurry();
    } else {
        watch.run_ended();
    }
}

}  // namespace aggmedic::daemon
