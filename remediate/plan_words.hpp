#pragma once

#include "remediate/guard.hpp"
#include "remediate/plan.hpp"

// The words of a plan: what a person reads before saying yes.
namespace aggmedic::remediate {

std::vector<Risk> describe_risks(const Facts& facts, const Plan& plan);
std::vector<PlanStep> describe_steps(const Plan& plan, const MasterPlan& master, bool is_canary);
std::vector<std::string> describe_after(const Plan& plan);
std::vector<std::string> describe_verify(const Plan& plan);
std::vector<std::string> describe_not_undone(const Plan& plan);

}  // namespace aggmedic::remediate
