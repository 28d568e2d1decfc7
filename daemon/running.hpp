#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "daemon/config.hpp"
#include "daemon/metrics.hpp"
#include "daemon/service.hpp"
#include "daemon/task_group.hpp"
#include "net/remote_host.hpp"
#include "remediate/audit.hpp"
#include "remediate/run.hpp"

namespace aggmedic::daemon {

// A run of this process, from its beginning until long after its end, so that whoever comes late can follow it.
struct ActiveRun {
    ActiveRun(const asio::any_io_executor& executor, std::shared_ptr<const ClusterConfig> of);

    std::shared_ptr<const ClusterConfig> cluster;  // as it was configured when the run began
    ProbeConfig probe;
    RemediationConfig remediation;
    remediate::Plan plan;
    remediate::RunRecord record;
    bool reconciles = false;  // ends what a dead process left
    std::shared_ptr<remediate::RunControl> control = std::make_shared<remediate::RunControl>();

    std::vector<nlohmann::json> progress;
    std::optional<remediate::RunResult> result;
    std::string fault;  // why there is no result
    bool ended = false;
    asio::steady_timer changed;  // cancelled when something of the above is new
};

// The runs of this process. Each has an SSH worker of its own, which knows that cluster's key only.
class Runs {
  public:
    struct Tools {
        asio::any_io_executor executor;
        remediate::Journal* journal = nullptr;
        asio::thread_pool* journal_thread = nullptr;
        std::function<std::unique_ptr<HostConnector>()> connect;
        Durations* step_durations = nullptr;
        std::function<asio::awaitable<Result<void>>(remediate::AuditRecord)> record;
        std::function<void(const ActiveRun&)> ended;
    };
    explicit Runs(Tools tools);

    void use(remediate::Journal& journal, asio::thread_pool& thread);  // before the first start
    void start(std::shared_ptr<ActiveRun> run);
    std::shared_ptr<ActiveRun> find(std::string_view id) const;  // or a prefix of at least 8 characters
    std::shared_ptr<ActiveRun> going_on(std::string_view cluster) const;
    bool any_going_on() const;

    // Everything that was told so far, then what is told, until the run ends. Cancelling it leaves the run alone.
    static asio::awaitable<void> follow(std::shared_ptr<ActiveRun> run, ProgressSink progress);

    // After the current step (the journal is readable, the next start goes on), or after the current master.
    void stop();
    void abort();
    asio::awaitable<void> wait();

  private:
    asio::awaitable<void> carry_out(std::shared_ptr<ActiveRun> run);
    void note_end(ActiveRun& run);

    Tools tools_;
    std::shared_ptr<TaskGroup> tasks_;
    std::vector<std::shared_ptr<ActiveRun>> runs_;  // oldest first
};

nlohmann::json to_json(const remediate::Progress& progress);

// Sorts as time does; also a word of the helper's grammar and a name of a file.
std::string make_run_id(TimePoint now);

}  // namespace aggmedic::daemon
