#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "daemon/looking.hpp"
#include "net/deadline.hpp"
#include "probes/observation.hpp"

namespace aggmedic::daemon {

// When each master is to be looked at over SSH, and what the last look showed: rarely, and at once when something that
// can be seen from outside has changed. No clock, no socket.
class MasterViews {
  public:
    struct Timing {
        milliseconds interval{};         // of the cycles: a failed look is tried again after this, then more rarely
        milliseconds master_interval{};  // between looks
    };

    using Backends = std::vector<probes::BackendPlace>;

    // The masters to look at now, given what was just seen over HTTPS and which backends it leaves open. What was
    // dialled for a failure that has passed since is forgotten: it says nothing of the next one.
    std::vector<std::string> due(const probes::Observation& observation, const Backends& backends,
                                 const std::vector<std::string>& masters, Timing timing, SteadyTime now);
    void store(const probes::Observation& observation, const Backends& backends, Looks looks, SteadyTime now);
    // Fills observation.masters. A view that is too old, or from before a visible change, counts as unobserved.
    void merge_into(probes::Observation& observation, const std::vector<std::string>& masters, Timing timing,
                    SteadyTime now) const;
    void keep_only(const std::vector<std::string>& masters);

  private:
    struct Kept {
        probes::Seen<probes::MasterView> view;
        SteadyTime looked{};
        std::string outside;  // what could be seen of the master from outside at that time
        Backends dialled;     // then, and wanted in every cycle since
        int failures = 0;     // in a row
    };
    std::map<std::string, Kept> kept_;
};

// What a restart or a change of a master shows over HTTPS: readiness, version, serving certificate, and the ConfigMap.
std::string seen_from_outside(const probes::Observation& observation, const std::string& master);

}  // namespace aggmedic::daemon
