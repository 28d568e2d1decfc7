#include "daemon/planning.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "net/text.hpp"
#include "probes/diagnose.hpp"

namespace aggmedic::daemon {

remediate::PlanInput plan_input(const ClusterConfig& cluster, const RemediationConfig& remediation, View view,
                                const std::string& method, TimePoint now) {
    remediate::PlanInput input;
    input.assessment = probes::diagnose(view.observation, now);
    input.observation = std::move(view.observation);
    input.sources = std::move(view.sources);
    input.masters = master_names(cluster);
    input.accepted = cluster.accept_risk;
    input.after_repair = cluster.after_repair;
    input.verify_requests = cluster.verify;
    input.has_repair_credential = !cluster.repair.empty();
    input.plan_ttl = remediation.plan_ttl;
    const auto timeout = remediation.verify_timeout.find(input.observation.platform);
    if (timeout != remediation.verify_timeout.end()) input.verify_timeout = timeout->second;
    input.settle = remediation.settle;
    input.readyz_hold = remediation.readyz_hold;
    input.withdrawn_watch = remediation.configmap_watch;
    input.method = method;
    input.configuration_sha256 = cluster.digest;
    input.quiet = remediation.start.quiet;
    input.now = now;
    return input;
}

std::vector<remediate::AcceptedRisk> accepted_by(const std::vector<std::string>& ids, std::int64_t uid,
                                                 const remediate::PlanInput& input) {
    std::vector<remediate::AcceptedRisk> accepted;
    for (auto& risk : remediate::acceptable_risks(input)) {
        if (std::ranges::find(ids, risk.id) == ids.end()) continue;
        risk.by = fmt::format("uid={}", uid);
        accepted.push_back(std::move(risk));
    }
    return accepted;
}

std::vector<remediate::AcceptedRisk> accepted_in(const remediate::Plan& plan) {
    auto accepted = plan.accepted;
    std::erase_if(accepted, [](const remediate::AcceptedRisk& risk) { return !risk.by.starts_with("uid="); });
    return accepted;
}

std::string risk_id_fault(const std::string& id) {
    if (id == "shared-ca" || id == "single-master") return {};
    return fmt::format("'{}' is no risk that can be accepted; there are shared-ca and single-master",
                       printable(id, 64));
}

}  // namespace aggmedic::daemon
