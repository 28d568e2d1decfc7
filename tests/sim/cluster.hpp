#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "net/http_message.hpp"
#include "net/remote_host.hpp"
#include "tests/model/auth_config_map.hpp"
#include "tests/model/extension_auth.hpp"
#include "tests/model/generation.hpp"
#include "tests/sim/agenda.hpp"
#include "tests/sim/dice.hpp"
#include "tests/sim/master.hpp"

namespace aggmedic::sim {

// What kind of cluster a seed gets; a plan is made once for each.
struct ClusterKind {
    int masters = 3;
    int minor = 20;
    model::ExtensionKind extension = model::ExtensionKind::reloads;
    bool shared_ca = true;
    bool after_repair = false;
    auto operator<=>(const ClusterKind&) const = default;
};

// The aggregated API that the cluster offers: one extension API server.
struct Extension {
    std::vector<std::string> known;  // the names that it enforces
    int pod = 0;
    bool runs = true;
    Ms down_until{0};
    bool available = true;  // the APIService's condition, shared by all masters
};

enum class Through { no_answer, starting, not_found, unavailable, rejected, as_caller, masked };

// The cluster as the models of tests/model say: masters with monit and kube-apiserver, the published ConfigMap, an
// extension API server. Knows nothing of aggmedic but what its helper is told.
class Cluster {
  public:
    Cluster(ClusterKind kind, Dice& dice);
    Cluster(const Cluster&) = delete;
    Cluster& operator=(const Cluster&) = delete;

    const ClusterKind kind;
    Agenda agenda;
    std::vector<Master> masters;
    std::vector<std::string> names;  // that are published
    int resource_version = 100;
    Extension extension;
    Ms writes_blocked_until{0};  // by a webhook that fails closed
    Ms etcd_member_lost_until{0};
    Ms balancer_bad_until{0};
    bool trusts_any_token = false;                   // sabotage: the helper's fence is open
    std::function<void(const std::string&)> told;    // one line of the history; empty: nobody listens
    std::function<void(const std::string&)> broken;  // an invariant of the cluster itself

    Ms now() const { return agenda.now(); }
    Master& master(const std::string& name);
    bool reachable(const Master& master) const { return master.up && now() >= master.cut_until; }
    bool is_ready(const Master& master) const;
    bool answers(const Master& master) const;  // to any request
    bool is_registered(const Master& master) const;
    bool may_not_come_back() const {  // whoever is restarted now
        return now() < writes_blocked_until || now() < etcd_member_lost_until;
    }
    Through ask_extension(const Master& master) const;
    void note_readiness();  // keeps `unready_since` and `down_by_us`

    // What somebody does.
    VerbReply call_helper(Master& master, const VerbCall& call);
    void restart_by_hand(Master& master);
    void crash(Master& master);
    void reboot(Master& master, Ms takes);
    void edit_by_hand(Master& master, Hand how);
    void restart_extension();
    void take_backend_down(Ms duration);
    void second_daemon();
    // A GET (an empty patch) or a merge PATCH of the ConfigMap that is bound to its resourceVersion.
    HttpReply serve_config_map(const std::string& patch, bool dry_run);

  private:
    void tell(const std::string& line) const {
        if (told) told(line);
    }
    void wake_monit(Master& master, Ms in);
    void tick_monit(Master& master);
    void start_process(Master& master);
    void end_process(Master& master, std::int64_t pid);
    void publish(Master& master, std::int64_t pid);
    void spread();  // the ConfigMap was written: who watches it hears of it
    void read_names();
    void check_availability_soon();
    model::Seconds since_start(const Master& master) const;
    model::ApiserverStart pace(const Master& master) const;
    model::AuthDecision authenticate() const;

    // helper.cpp
    VerbReply verb_lock(Master& master, const VerbCall& call);
    VerbReply verb_unlock(Master& master, const VerbCall& call);
    VerbReply verb_restart(Master& master, const VerbCall& call);
    VerbReply verb_swap(Master& master, const VerbCall& call);
    VerbReply verb_restore(Master& master, const VerbCall& call);
    std::string want_ours(Master& master, const VerbCall& call);

    model::Generation generation_;
    std::optional<model::ConfigMapData> data_;
    std::string added_mark_;  // the annotation aggmedic/added
    Dice& dice_;
};

}  // namespace aggmedic::sim
