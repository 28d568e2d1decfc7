#pragma once

#include <string>

#include "remediate/journal.hpp"
#include "remediate/plan.hpp"

namespace aggmedic::remediate {

// Why nothing of this run can be gone on with, in one sentence with what to do instead; empty: something can.
// `approved` is the plan of the run.
std::string why_not_resumed(const RunRecord& run, const Plan& approved);

// Why `rest`, a plan made just now, is not what `approved` left to do; empty: it is. Then each of its masters gets
// exactly the line that was approved for it, and every other master of the approved plan holds what the run wrote.
std::string why_not_the_rest(const Plan& rest, const RunRecord& run, const Plan& approved);

}  // namespace aggmedic::remediate
