#pragma once

#include <filesystem>
#include <string>

#include "tests/lab/lab_spec.hpp"

// How the same apiserver is started where it is no BOSH job: as a static pod, or as a unit of systemd.
namespace aggmedic::lab {

// What such a master has instead of a bpm.yml, below its own directory of the lab: `kubernetes` (its /etc/kubernetes)
// or `units` (its /etc/systemd/system). `bpm` is the text that a BOSH master would get.
void write_platform_files(const LabSpec& spec, std::size_t index, const std::string& bpm);

}  // namespace aggmedic::lab
