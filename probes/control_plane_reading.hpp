#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "net/result.hpp"
#include "probes/control_plane.hpp"
#include "probes/webhook_rules.hpp"

// Reads what the core API says of the control plane. Missing fields are taken as absent. Errors: malformed_reply,
// too_large.
namespace aggmedic::probes {

// Of a ComponentStatusList the etcd members: each kube-apiserver asks every one of its --etcd-servers by itself
// (deprecated since 1.19, and there still). Those of other components say nothing of use.
Result<std::vector<EtcdMember>> parse_etcd_members(std::string_view component_statuses);

// The addresses of an Endpoints object that are ready.
Result<std::vector<std::string>> parse_addresses(std::string_view endpoints);

// The holder that a Lease names (kube-controller-manager and kube-scheduler since 1.14 at the earliest, by default
// since 1.20), or the annotation of an Endpoints object (before; both from 1.17 to 1.19). Empty: nobody.
Result<std::string> parse_lease_holder(std::string_view lease);
Result<std::string> parse_endpoints_holder(std::string_view endpoints);

Result<Labels> parse_labels(std::string_view object);

// The host of an identity: client-go's are HOSTNAME_UUID.
std::string host_of_holder(std::string_view identity);

}  // namespace aggmedic::probes
