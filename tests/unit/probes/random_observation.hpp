#pragma once

#include <random>

#include "probes/observation.hpp"

namespace aggmedic::probes {

// Any observation at all, every field and alternative reached over the seeds; texts hold any bytes.
Observation random_observation(std::mt19937_64& random);

}  // namespace aggmedic::probes
