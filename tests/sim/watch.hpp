#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>

#include "remediate/run.hpp"
#include "tests/sim/cluster.hpp"

namespace aggmedic::sim {

// What must hold of the cluster at every moment, and of what a run says at its end (design 6). It knows what really is;
// the run knows only what it was told.
class Watch {
  public:
    Watch(Cluster& cluster, const remediate::Plan& plan, std::string run);

    // What the daemon does.
    void sends(const Master& master, const VerbCall& call);
    void intended(const remediate::Action& action);
    void completed(remediate::StepOutcome outcome);
    void starts();  // whatever a life before it had in hand is open no longer

    void look();  // at every exchange and every write
    void ended(const remediate::RunResult& result);
    void stays_ended(const remediate::RunResult& result);  // some time later: what was said still holds

    void broken(const std::string& what);  // the first one is kept
    const std::optional<std::string>& violation() const { return violation_; }
    const std::string& step() const { return step_; }

  private:
    bool is_as_planned(const Master& master) const;
    void want_intent(const Master& master, const std::string& verb);
    void want_preconditions(const Master& target);
    void want_others_ready(const Master& target);
    void want_repaired(const Master& master, const std::string& said);
    void want_old(const Master& master, const std::string& said);
    void want_applied(const Master& master);
    void want_healed(const Master& master);
    bool was_lately(Ms at) const;
    bool was_disturbed(const Master& master) const;

    Cluster& cluster_;
    const remediate::Plan& plan_;
    std::string run_;
    std::optional<std::string> violation_;

    std::string step_, step_master_;  // that the journal holds open
    bool open_ = false;
    Ms step_began_{0}, check_began_{0};
    std::set<std::string> repaired_;
    std::map<std::string, Ms> differs_since_;  // from what the plan is bound to or projects
    Ms names_differ_since_{-1};
    Ms may_not_come_back_since_{-1};
};

}  // namespace aggmedic::sim
