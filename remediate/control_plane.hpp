#pragma once

#include <optional>
#include <string>
#include <vector>

#include "probes/control_plane.hpp"
#include "remediate/plan.hpp"

// What beside the masters speaks against restarting one of them (design 6.1 and 6.3). Pure; what is not known refuses,
// and says which grant or which deed would lift it.
namespace aggmedic::remediate {

// `what` is not known for the reason `why`. Where the probe may not ask it takes `grant`, else a person's look at
// `path`.
Refusal unknown_refusal(const char* gate, const std::string& subject, const std::string& what,
                        const probes::Unobserved& why, const std::string& grant, const std::string& path);

std::string host_of(const std::string& address);  // without the port and an IPv6 address's brackets

// Through this master every etcd member has to be healthy.
std::optional<Refusal> etcd_refusal(const probes::ControlPlane& seen, const std::string& master);

// No webhook that fails closed may stand between a starting kube-apiserver and what it writes without anybody to
// answer.
std::optional<Refusal> webhook_refusal(const probes::ControlPlane& seen, const std::string& cluster);

// Both, as they are asked again before each master.
std::vector<Refusal> control_plane_refusals(const probes::ControlPlane& seen, const std::vector<std::string>& masters,
                                            const std::string& cluster);

// How late a host is to be restarted: the leaders of the control plane last, as 20 s without an apiserver make a
// kube-controller-manager exit. 0: it holds no lease.
int restart_rank(const probes::ControlPlane& seen, const std::string& hostname);

}  // namespace aggmedic::remediate
