#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "probes/master_view.hpp"
#include "probes/observation.hpp"

// Which backends of failing aggregated APIs a master has to dial itself, for what its kube-apiserver cannot reach to be
// told from what does not answer.
namespace aggmedic::probes {

struct BackendPlace {
    std::vector<std::string> apiservices;  // that this place serves
    std::string address;                   // IP:port or [IPv6]:port, canonical
    std::string kind;                      // cluster-ip, pod
    bool operator==(const BackendPlace&) const = default;
};

// Of the APIs that fail on the way to their backend, and of no others: a service's address before its pods, every
// service before the second pod of one, eight in all.
std::vector<BackendPlace> backends_to_dial(const Observation& observation);

// `IP:port` of a backend, from an API that may be hostile; empty: no place that a master may be sent to.
std::string place_of(std::string_view host, int port);

// What a look brought of these places, with the API and kind of each; what was not asked for is dropped.
void name_backends(const std::vector<BackendPlace>& asked, MasterView& view);

}  // namespace aggmedic::probes
