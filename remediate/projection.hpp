#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "probes/observation.hpp"
#include "remediate/plan.hpp"

namespace aggmedic::remediate {

// What a run sees of the masters and the ConfigMap right before it touches the next one.
struct FreshView {
    std::map<std::string, probes::Seen<probes::MasterView>> masters;
    std::map<std::string, probes::Seen<probes::Answer>> readyz;
    probes::Seen<probes::PublishedAuth> published;
};

// Pure. What differs from the state that the plan projects after `repaired` (design 6.2): these masters run the new
// arguments, all others are as bound, every one is ready, and the ConfigMap holds the old names (before the first) or
// the old and the new one.
std::vector<Refusal> differs_from_projection(const Plan& plan, std::span<const std::string> repaired,
                                             const FreshView& seen);

// The part of it about one master, also used at the end of a run: its file, its arguments, its supervisor.
std::vector<Refusal> differs_from_repaired(const MasterPlan& master, const probes::MasterView& view);

const MasterPlan* find_master(const Plan& plan, std::string_view name);
// Of the files beside the one that an edit changes: path, owner, mode and bytes of each; empty where there are none.
std::string digest_of_others(const probes::MasterView& view);

const probes::ServiceState* apiserver_service(const probes::MasterView& view);  // nullptr: the supervisor did not say
bool all_services_run(const probes::MasterView& view);

}  // namespace aggmedic::remediate
