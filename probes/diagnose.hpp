#pragma once

#include "net/time.hpp"
#include "probes/finding.hpp"
#include "probes/observation.hpp"

namespace aggmedic::probes {

// Judges one observation. Pure: the same observation and time give the same assessment, on any machine. Structure
// (certificate and CAs against the published ConfigMap) comes before status codes; answers and conditions are evidence
// beside it.
Assessment diagnose(const Observation& observation, TimePoint now);

}  // namespace aggmedic::probes
