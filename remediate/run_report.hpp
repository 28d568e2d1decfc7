#pragma once

#include <chrono>
#include <string>

#include "remediate/plan.hpp"
#include "remediate/run_walk.hpp"

// What a run tells people. Pure.
namespace aggmedic::remediate {

// What plans anew what this plan was for: the repair of its cluster, or the revert of its run.
std::string command_to_plan(const Plan& plan);

// How long what is left will take if all goes well.
std::chrono::seconds estimate_left(const Plan& plan, const RunWalk& walk);

// The command to go on with, and where a person is needed: what each master holds and how to take it back by hand.
std::string describe_next(const Plan& plan, const RunWalk& walk, RunOutcome outcome, const std::string& run);

}  // namespace aggmedic::remediate
