#pragma once

#include "probes/observation.hpp"

namespace aggmedic::probes {

// Takes what may be a secret out of every text of an observation that others wrote: bodies, messages, reasons. Called
// where an observation enters the program, before anything judges, keeps or prints it.
void take_out_secrets(Observation& observation);
void take_out_secrets(ControlPlane& seen);

}  // namespace aggmedic::probes
