#pragma once

#include "tests/lab/lab_spec.hpp"

namespace aggmedic::lab {

// Whether some of the breaks are in the masters' files.
bool has_config_break(const LabSpec& spec);

// Renders the masters' files again and restarts those whose files moved, or all; returns when those that can start
// answer. The last writer of the ConfigMap is the last to start. To be called inside the lab's network.
void apply_config(const LabSpec& spec, const Running& running, bool all);

}  // namespace aggmedic::lab
