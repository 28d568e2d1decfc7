#pragma once

#include <vector>

#include "daemon/config.hpp"
#include "daemon/looking.hpp"
#include "remediate/plan.hpp"

namespace aggmedic::daemon {

// What a plan is made from, put together from the configuration and what was just seen. Pure.
remediate::PlanInput plan_input(const ClusterConfig& cluster, const RemediationConfig& remediation, View view,
                                const std::string& method, TimePoint now);

// What a person accepts with --accept-risk, filled with what there is to accept now (which CA, which CN); and the same
// as a stored plan remembers it.
std::vector<remediate::AcceptedRisk> accepted_by(const std::vector<std::string>& ids, std::int64_t uid,
                                                 const remediate::PlanInput& input);
std::vector<remediate::AcceptedRisk> accepted_in(const remediate::Plan& plan);

// Why this is no id of a risk that can be accepted; empty: it is one.
std::string risk_id_fault(const std::string& id);

}  // namespace aggmedic::daemon
