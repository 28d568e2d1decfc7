#pragma once

#include "probes/observation.hpp"
#include "remediate/plan.hpp"

// What the recordings leave out of a look at a master and a plan asks for, so that only the judgement is left to
// refuse.
namespace aggmedic::probes {

void make_plannable(Observation& observation);

// The arguments file that says what the live process runs with.
std::string file_of(const MasterView& master);
std::map<std::string, std::string> files_of(const Observation& observation);

// Every risk accepted that anybody could accept, the shared CA only where `with_shared_ca`.
remediate::Plan plan_for(const Observation& observation, const Assessment& assessment,
                         const std::map<std::string, std::string>& files, bool with_shared_ca = true);

}  // namespace aggmedic::probes
