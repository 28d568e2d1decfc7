#pragma once

#include "daemon/config_files.hpp"
#include "daemon/yaml_reader.hpp"

namespace aggmedic::daemon {

// What automatic repair keeps to: windows, cooldown, attempts, hold_cycles, quiet_after_change, canary_cluster,
// meltdown and alert_gate of `remediation`.
void read_automatic(MapReader& remediation_map, NamedFiles& files, RemediationConfig& remediation);

// What needs to know all clusters: the canary cluster is one of them.
void check_automatic(const Config& config, const std::optional<Setting>& canary, Faults& faults);

}  // namespace aggmedic::daemon
