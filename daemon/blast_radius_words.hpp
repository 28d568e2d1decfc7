#pragma once

#include <nlohmann/json_fwd.hpp>

#include "probes/blast_radius.hpp"

namespace aggmedic::daemon {

// What the failing aggregated APIs cost in this cluster, as it was seen: "namespaces_terminating", "autoscalers_frozen"
// and "pods_crash_looping", each {"count","at_least","unexplained","names"} or null, "unobserved" with the reasons, and
// "text", the same in sentences. Null where it was not asked for. Pure; everything is made printable.
nlohmann::json blast_radius_json(const probes::Seen<probes::BlastRadius>& seen);

}  // namespace aggmedic::daemon
