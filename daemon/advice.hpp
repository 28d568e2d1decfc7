#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "probes/observation.hpp"

// What a person needs beside a finding. Pure; everything from the network is made printable or left out.
namespace aggmedic::daemon {

// What stands still while these aggregated APIs fail, as far as it follows from which they are.
std::vector<std::string> blast_radius(const std::vector<std::string>& failing, std::size_t listed);

// Commands to type for this cause, most useful first; a name that cannot stand in a command as it is stays a word in
// capitals. Empty: the remedy says it all.
std::vector<std::string> next_commands(std::string_view cause, std::string_view apiservice,
                                       const probes::Observation& observation);

}  // namespace aggmedic::daemon
