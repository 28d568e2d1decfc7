#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "daemon/automatic_repair.hpp"
#include "daemon/cluster_watch.hpp"
#include "daemon/limiter.hpp"
#include "daemon/looking.hpp"
#include "daemon/metrics.hpp"
#include "daemon/moment.hpp"
#include "daemon/running.hpp"
#include "daemon/service.hpp"
#include "daemon/task_group.hpp"
#include "net/blocking.hpp"
#include "remediate/audit_log.hpp"
#include "remediate/start_guard.hpp"
#include "remediate/stranded_run.hpp"

namespace aggmedic::daemon {

// The service itself. One thread runs all of it, so nothing here is locked; a second one runs SQLite. The commands are
// in files by subject: commands_look.cpp, commands_plan.cpp, commands_run.cpp, commands_fleet.cpp, auditing.cpp,
// repairing.cpp.
class Program : public Service, public std::enable_shared_from_this<Program> {
  public:
    Program(asio::any_io_executor executor, Config config, Options options);
    ~Program() override;
    Result<void> open_journal();

    asio::awaitable<Reply> handle(Request request, ProgressSink progress) override;
    asio::awaitable<void> run() override;
    asio::awaitable<void> stop() override;
    Result<void> reload(Result<Config> config) override;
    std::string metrics() override;
    bool ready() const override;
    bool alive() const override;

  private:
    using Clusters = std::vector<std::shared_ptr<const ClusterConfig>>;
    struct Watched {
        std::shared_ptr<ClusterWatch> watch;
        std::shared_ptr<TaskGroup> cycles;
    };

    asio::awaitable<Reply> dispatch(Request request, ProgressSink progress);

    // commands_look.cpp
    struct Asked {
        bool explain = false, canary_timing = false, blast_radius = false;
    };
    asio::awaitable<Reply> check(Clusters clusters, Asked asked, ProgressSink progress);
    asio::awaitable<Reply> preflight(Clusters clusters, ProgressSink progress);
    Looking looking_at(std::shared_ptr<const ClusterConfig> cluster, ProgressSink progress, Asked asked);
    asio::awaitable<View> look(std::shared_ptr<const ClusterConfig> cluster, ProgressSink progress, Asked asked);
    asio::awaitable<void> check_one(std::shared_ptr<const ClusterConfig> cluster, Asked asked, ProgressSink progress,
                                    nlohmann::json& result);
    asio::awaitable<void> preflight_one(std::shared_ptr<const ClusterConfig> cluster, ProgressSink progress,
                                        nlohmann::json& result);
    Moment moment_of(const ClusterConfig& cluster, probes::Observation observation) const;
    asio::awaitable<Reply> bundle(Request request, ProgressSink progress);

    // commands_plan.cpp
    asio::awaitable<Reply> plan(Request request, ProgressSink progress);
    asio::awaitable<Reply> revert(Request request, ProgressSink progress);
    asio::awaitable<Reply> make_and_store(Request request, std::shared_ptr<const ClusterConfig> cluster,
                                          std::optional<remediate::RevertOf> reverts, ProgressSink progress);
    asio::awaitable<Result<remediate::RevertOf>> what_to_revert(std::string id, std::string& cluster);
    struct PlannedRun {
        remediate::RunRecord run;
        remediate::Plan plan;
    };
    asio::awaitable<Result<remediate::RunRecord>> recorded(std::string id);
    asio::awaitable<Result<PlannedRun>> planned_run(std::string id);
    asio::awaitable<Result<std::vector<remediate::Refusal>>> what_hinders(std::string cluster);
    // The same, once what a dead process left is ended where no daemon ever will (--standalone).
    asio::awaitable<Result<std::vector<remediate::Refusal>>> what_still_hinders(std::string cluster,
                                                                                ProgressSink progress);
    // Looks at everything, makes the plan and stores it if it has an id.
    struct PlanWish {
        std::string method = "args";
        std::optional<remediate::RevertOf> reverts{};  // with the method revert
        std::vector<std::string> accept_risk;
        std::int64_t uid = -1;
        std::vector<remediate::AcceptedRisk> accepted{};  // earlier, by a person, exactly as they stand here
    };
    asio::awaitable<Result<remediate::Plan>> make_plan_of(std::shared_ptr<const ClusterConfig> cluster, PlanWish wish,
                                                          ProgressSink progress);

    // commands_run.cpp
    asio::awaitable<Reply> apply(Request request, ProgressSink progress);
    asio::awaitable<Reply> apply_rest(Request request, ProgressSink progress);
    asio::awaitable<Reply> start(Request request, remediate::Plan plan, ProgressSink progress);
    asio::awaitable<Reply> abort(Request request, ProgressSink progress);
    asio::awaitable<Reply> follow(Request request, ProgressSink progress);
    asio::awaitable<Reply> runs(Request request);
    struct ReportedRun {
        remediate::RunRecord run;
        nlohmann::json told;  // run_report.hpp
    };
    asio::awaitable<Result<ReportedRun>> report(std::string id);
    asio::awaitable<Reply> recorded_run(std::string id);
    asio::awaitable<Reply> await_end(std::shared_ptr<ActiveRun> run, ProgressSink progress);
    // Who starts a run: a person, or the daemon by itself with what the alert gate answered.
    struct Start {
        std::string trigger = "person";
        std::optional<Result<std::vector<std::string>>> alerts{};
    };
    asio::awaitable<Result<std::shared_ptr<ActiveRun>>> begin(Request request, remediate::Plan plan, Start start);
    asio::awaitable<Result<void>> runs_are_free();
    asio::awaitable<bool> reconcile();  // false: another process holds the runs
    asio::awaitable<void> end_stranded(remediate::RunRecord record, std::optional<remediate::Plan> plan,
                                       std::vector<remediate::Missing> missing);
    asio::awaitable<void> keep_reconciling();

    // repairing.cpp
    void cycle_ended(const ClusterWatch& watch);
    asio::awaitable<void> consider(std::string name, std::shared_ptr<AutomaticRepair> repair,
                                   std::shared_ptr<const probes::Observation> seen);
    asio::awaitable<void> look_for_drift(std::string name, AutomaticRepair& repair, const probes::Observation& seen);
    std::optional<std::string> meltdown_now() const;
    asio::awaitable<bool> suspend_in_a_meltdown();
    asio::awaitable<void> keep_suspended();
    asio::awaitable<void> plan_by_itself(std::shared_ptr<const ClusterConfig> cluster, AutomaticRepair& repair);
    asio::awaitable<void> start_by_itself(std::shared_ptr<const ClusterConfig> cluster, AutomaticRepair& repair);
    asio::awaitable<Result<remediate::StartFacts>> start_facts(std::shared_ptr<const ClusterConfig> cluster,
                                                               const remediate::Plan& plan, const Start& start);
    nlohmann::json repair_of(const std::string& cluster) const;

    // auditing.cpp
    asio::awaitable<Result<void>> record(remediate::AuditRecord record);
    asio::awaitable<void> note(remediate::AuditRecord record);  // where nothing hangs on it
    asio::awaitable<Reply> audit(Request request);

    // commands_fleet.cpp
    Reply status() const;
    asio::awaitable<Reply> pause(Request request, bool paused);
    asio::awaitable<Result<void>> read_holds();
    Reply findings() const;
    asio::awaitable<Reply> plans();
    Reply reload_command(std::int64_t uid);
    Result<void> reload_for(std::int64_t uid, Result<Config> config);
    Result<void> swap(Config config);
    nlohmann::json status_of(const ClusterConfig& cluster) const;

    // program.cpp
    WatchTools watch_tools();
    void start_watching();  // again after a reload: clusters that did not change go on as they are
    asio::awaitable<void> tick();
    std::shared_ptr<const ClusterConfig> find_cluster(std::string_view name) const;
    Result<Clusters> select(const std::vector<std::string>& names) const;
    bool is_paused(const std::string& cluster) const;
    void note_run_end(const remediate::RunRecord& run);

    // `work` gets the journal, on its thread.
    template <class F>
    auto in_journal(F work) {
        return run_blocking(*journal_thread_,
                            [journal = journal_.get(), work = std::move(work)] { return work(*journal); });
    }

    asio::any_io_executor executor_;
    Config config_;  // clusters are moved into clusters_
    Clusters clusters_;
    Options options_;
    remediate::RunLease only_daemon_;  // of this state directory
    std::unique_ptr<asio::thread_pool> journal_thread_;
    std::unique_ptr<remediate::Journal> journal_;  // none: nothing is stored
    std::unique_ptr<remediate::AuditLog> audit_;
    std::unique_ptr<HostConnector> reader_;  // the worker that looks, for all clusters
    Limiter look_places_;
    Limiter check_places_;
    Durations probe_durations_;
    Durations step_durations_;
    std::map<std::string, Watched> watched_;
    std::map<std::string, std::shared_ptr<AutomaticRepair>> repairs_;
    std::shared_ptr<TaskGroup> tasks_;
    Runs runs_;
    remediate::Holds holds_;  // as the journal was read last: for metrics and status
    bool running_ = false, stopping_ = false;
    bool reload_successful_ = true;
    std::optional<TimePoint> reloaded_at_;
    std::chrono::steady_clock::time_point ticked_{};
};

Reply failed(int exit_status, std::string error);

// healthy, findings or unknown: raised findings make the state; healthy is only what the last cycle saw whole, without
// a finding that is yet to be raised, and lately.
std::string_view state_of(const ClusterWatch& watch, milliseconds interval);

// Exit statuses of design 5.1.
namespace exit_status {
constexpr int good = 0, findings = 1, usage = 2, unobserved = 3, rolled_back = 4, refused = 5, needs_person = 6,
              detached = 7;
}
int exit_status_of(std::string_view outcome);

}  // namespace aggmedic::daemon
