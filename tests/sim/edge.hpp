#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "probes/look.hpp"
#include "remediate/run_edge.hpp"
#include "tests/sim/look.hpp"
#include "tests/sim/schedule.hpp"
#include "tests/sim/watch.hpp"

namespace aggmedic::sim {

struct Killed {};  // thrown where the daemon dies

// Rules that are broken on purpose, to prove that the watch notices.
struct Sabotage {
    bool lies_ready = false;      // as if the walk had no step `ready`
    bool lies_planned = false;    // as if it had no step `check`
    bool lies_sound = false;      // as if no etcd member were ever lost and no webhook ever blocked
    bool lies_healed = false;     // as if it took any answer of the aggregated API for one to the caller
    bool lies_withdrawn = false;  // as if it neither asked whether the ConfigMap holds the name nor watched it
    bool no_fence = false;        // the helper takes any token
    bool no_restore = false;      // the helper says `restored` and does nothing
    bool no_journal = false;      // intents are not kept
};

// The network between the daemon and the cluster: every exchange may fail as the schedule says.
class Edge : public remediate::RunEdge, public HostConnector, public SshAccess {
  public:
    Edge(Cluster& cluster, const remediate::Plan& plan, Watch& watch, std::function<Trouble(Ms&)> trouble,
         Sabotage sabotage);

    asio::awaitable<probes::Seen<probes::Answer>> readyz(std::string master) override;
    asio::awaitable<probes::Seen<probes::PublishedAuth>> published(std::string master) override;
    asio::awaitable<probes::ApiServiceAttempts> apiservice(std::string master, probes::ApiService api) override;
    asio::awaitable<Result<HttpReply>> as_probe(std::string master, HttpRequest request) override;
    asio::awaitable<Result<HttpReply>> as_repair(HttpRequest request) override;
    asio::awaitable<void> sleep(Ms duration) override;
    SteadyTime now() override { return SteadyTime(cluster_.now()); }

    asio::awaitable<Result<std::unique_ptr<RemoteHost>>> connect(SshTarget target, Ms timeout) override;
    asio::awaitable<Result<SshTarget>> acquire(std::string master) override;
    asio::awaitable<void> release(std::string master) override;

    Result<VerbReply> call(const std::string& master, int boot, const VerbCall& call);
    Result<probes::Look> look(const std::string& master);

    bool reads_text = false;  // looks are written out and parsed, as over SSH
    int exchanges = 0;
    Ms end_by{0};  // a daemon's life that lasts longer does not end

  private:
    void pass(Ms duration);
    Trouble begin(Ms& delay);
    Result<HttpReply> serve_config_map(const HttpRequest& request, Trouble trouble, Ms delay);
    bool arrives(Master& master);  // false: nothing came back, and the time for it is over

    Cluster& cluster_;
    const remediate::Plan& plan_;
    Watch& watch_;
    std::function<Trouble(Ms&)> trouble_;
    Sabotage sabotage_;
    std::map<std::string, probes::Look> seen_before_check_;  // what lies_planned tells
};

}  // namespace aggmedic::sim
