#pragma once

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "daemon/canary_timings.hpp"
#include "daemon/config.hpp"
#include "daemon/limiter.hpp"
#include "daemon/master_views.hpp"
#include "daemon/metrics.hpp"
#include "daemon/rare_answers.hpp"
#include "net/remote_host.hpp"
#include "probes/observe.hpp"
#include "probes/raised.hpp"
#include "probes/track.hpp"
#include "remediate/journal.hpp"

namespace aggmedic::daemon {

class ClusterWatch;

// What all watches use of the program; it outlives them.
struct WatchTools {
    asio::any_io_executor executor;
    HostConnector* connector = nullptr;  // the reading worker
    Limiter* looks = nullptr;
    remediate::Journal* journal = nullptr;  // none: the history is kept in memory only
    asio::thread_pool* journal_thread = nullptr;
    Durations* probe_durations = nullptr;
    std::function<bool(std::string_view cluster)> is_being_changed;  // by a run of this process; none: never
    std::function<void(const ClusterWatch&)> cycle_ended{};  // one that counts: no run changed the cluster during it
    // After a run, extension servers may restart themselves and conditions lag: what fails first then is no news.
    milliseconds settling = std::chrono::minutes(2);
};

// One cluster, looked at again and again: its connections, its last looks, its findings over time. It shares nothing
// with other clusters but the bound on SSH sessions, so that one that hangs costs the others nothing.
class ClusterWatch {
  public:
    ClusterWatch(WatchTools tools, std::shared_ptr<const ClusterConfig> cluster, ProbeConfig probe);

    // Cycles until cancelled. `first_delay` spreads the clusters of a fleet.
    asio::awaitable<void> run(milliseconds first_delay);

    void hurry();  // the next cycle begins now, or at the end of the one that goes on

    void
    run_ended();  // what was seen of the masters before or during it is not so any more: the next cycle looks at all

    const ClusterConfig& cluster() const { return *cluster_; }
    std::shared_ptr<const ClusterConfig> shared_cluster() const { return cluster_; }
    const std::optional<probes::Assessment>& assessment() const { return assessment_; }  // of the last cycle
    const std::vector<probes::RaisedCause>& findings() const { return findings_; }       // one for each cause
    const probes::History& history() const { return history_; }
    // What was seen last, by a cycle or by whoever asked; none before the first.
    const std::shared_ptr<const probes::Observation>& newest() const { return newest_; }
    void keep(probes::Observation observation);
    // What the canary's timing showed within the last hours, for an observation that somebody else made.
    const CanaryTimings& timings() const { return timings_; }
    bool observed() const { return assessment_.has_value(); }
    ClusterMetrics& metrics() { return metrics_; }
    bool is_changed_elsewhere() const {
        return changed_elsewhere_;
    }  // by a run of another process, as of the last cycle
    // The same settings: nothing to begin anew.
    bool is_for(const ClusterConfig& cluster, const ProbeConfig& probe) const {
        return cluster_->digest == cluster.digest && probe_ == probe;
    }
    void take_over(ClusterWatch& former);  // the history and counters of the same cluster before a reload

  private:
    asio::awaitable<void> guarded_cycle(milliseconds spread);
    asio::awaitable<void> cycle(milliseconds spread);
    asio::awaitable<void> look_where_due(probes::Observation& observation);
    asio::awaitable<void> time_where_due(const probes::Observation& observation);
    asio::awaitable<void> load_history();
    void conclude(const probes::Observation& observation);
    asio::awaitable<void> fold(const probes::Observation& observation);  // into the history
    void tell_changes(const std::vector<probes::RaisedCause>& before) const;
    bool is_being_changed() const;
    asio::awaitable<void> ask_for_runs();

    WatchTools tools_;
    std::shared_ptr<const ClusterConfig> cluster_;
    ProbeConfig probe_;
    std::shared_ptr<probes::ClusterConnections> connections_;
    MasterViews views_;
    CanaryTimings timings_;
    RareAnswers rare_;
    probes::History history_;
    std::string stored_history_;
    std::optional<probes::Assessment> assessment_;
    std::shared_ptr<const probes::Observation> newest_;
    std::vector<probes::RaisedCause> findings_;
    ClusterMetrics metrics_;
    std::minstd_rand random_;
    asio::steady_timer next_cycle_;
    bool hurried_ = false;
    bool changed_elsewhere_ = false;
    SteadyTime settled_{};  // from when on a finding that is new is raised
};

}  // namespace aggmedic::daemon
