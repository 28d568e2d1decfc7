#pragma once

#include <nlohmann/json_fwd.hpp>

#include "daemon/moment.hpp"

namespace aggmedic::daemon {

// Adds to the JSON of one checked cluster what `explain` shows beside the findings (service.hpp). Pure; everything from
// the network is made printable.
void add_explanation(nlohmann::json& checked, const Moment& moment);

}  // namespace aggmedic::daemon
