#pragma once

#include <string>

#include "daemon/cli/finding_groups.hpp"
#include "daemon/cli/render.hpp"

namespace aggmedic::cli {

// The chapter "What was seen" of explain: what all aggregated APIs of the group share, then each one's own; a fact that
// several masters show is said once.
std::string render_evidence(const FindingGroup& group, const View& view);

}  // namespace aggmedic::cli
