#pragma once

#include <string>

#include "probes/look.hpp"
#include "remediate/plan.hpp"
#include "tests/sim/cluster.hpp"

// What aggmedic sees of the simulated cluster.
namespace aggmedic::sim {

inline constexpr std::int64_t epoch_ms = 1796083200000;  // 2026-12-01, inside the recorded certificates' validity
TimePoint wall(Ms now);

std::string look_text(const Cluster& cluster, const Master& master);  // of the helper's `look`
// The same without the text: what parse_look() makes of each file and process is read once and kept.
probes::Look look_at(const Cluster& cluster, const Master& master);

probes::PublishedAuth published_auth(const Cluster& cluster);
probes::ApiServiceAttempts ask_api(const Cluster& cluster, const Master& master);
probes::Answer ask_readyz(const Cluster& cluster, const Master& master);

// A fresh look at everything. One that cannot be reached is unobserved.
remediate::PlanInput observe(const Cluster& cluster);
remediate::Plan plan_for(const ClusterKind& kind);  // made once for each kind; on a cluster where nothing happened yet

}  // namespace aggmedic::sim
