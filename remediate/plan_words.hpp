#pragma once

#include "remediate/guard.hpp"
#include "remediate/plan.hpp"

// The words of a plan: what a person reads before saying yes.
namespace aggmedic::remediate {

std::vector<Risk> describe_risks(const Facts& facts, const Plan& plan);
std::vector<PlanStep> describe_steps(const Plan& plan, const MasterPlan& master, bool is_canary);
std::vector<PlanStep> describe_list_steps(const Plan& plan);  // on the ConfigMap; none for the method args
std::vector<std::string> describe_after(const Plan& plan);
std::vector<std::string> describe_verify(const Plan& plan);
std::vector<std::string> describe_not_undone(const Facts& facts, const Plan& plan);

// Whether the published list is a union that nothing shrinks (>= 1.17, and where the version is not known).
bool only_grows(const std::string& kubernetes);

}  // namespace aggmedic::remediate
