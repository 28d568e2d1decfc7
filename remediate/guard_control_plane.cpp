#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <map>
#include <utility>

#include "net/text.hpp"
#include "probes/control_plane_reading.hpp"
#include "remediate/control_plane.hpp"
#include "remediate/guard.hpp"

// Gates about what stands around the masters: etcd, webhooks, the endpoints of default/kubernetes, the leases. They are
// asked where a kube-apiserver is to be restarted.
namespace aggmedic::remediate {
namespace {

Refusal refusal(std::string_view gate, const std::string& subject, std::string reason) {
    return {.gate = std::string(gate), .subject = subject, .reason = std::move(reason)};
}

// Nothing was asked: every part is as unknown as all of it.
const probes::ControlPlane& seen_of(const Facts& facts) {
    static const probes::ControlPlane nothing;
    const auto& seen = facts.input.observation.control_plane;
    return seen ? *seen : nothing;
}

bool restarts_any(const Facts& facts) {
    return std::ranges::any_of(facts.input.masters,
                               [&](const std::string& master) { return facts.is_to_change(master); });
}

bool is_ready(const Facts& facts, const std::string& master) {
    const auto* apiserver = facts.apiserver(master);
    return apiserver != nullptr && apiserver->readyz && apiserver->readyz->status == 200;
}

std::string flag_of(const Facts& facts, const std::string& master, const std::string& flag) {
    const auto* view = facts.view(master);
    if (view == nullptr || !view->process) return {};
    const auto& flags = view->process->arguments.flags;
    const auto found = flags.find(flag);
    return found == flags.end() || found->second.empty() ? std::string() : found->second.back();
}

std::vector<std::string> masters_called(const Facts& facts, const std::string& hostname) {
    std::vector<std::string> found;
    for (const auto& master : facts.input.masters) {
        const auto* view = facts.view(master);
        if (view != nullptr && !hostname.empty() && view->hostname == hostname) found.push_back(master);
    }
    return found;
}

std::array<std::pair<std::string, const probes::Seen<std::string>*>, 2> leases_of(const probes::ControlPlane& seen) {
    return {{{"kube-controller-manager", &seen.controller_manager}, {"kube-scheduler", &seen.scheduler}}};
}

}  // namespace

std::string advertised_address(const Facts& facts, const std::string& master) {
    const auto text = flag_of(facts, master, "advertise-address");
    std::array<unsigned char, sizeof(in6_addr)> bytes{};
    std::array<char, INET6_ADDRSTRLEN> written{};
    for (const int family : {AF_INET, AF_INET6}) {
        if (inet_pton(family, text.c_str(), bytes.data()) != 1) continue;
        return inet_ntop(family, bytes.data(), written.data(), written.size());
    }
    return {};
}

std::optional<Refusal> gate_etcd(const Facts& facts, const std::string& master) {
    // Of one that is not ready, master-ready says so.
    if (!restarts_any(facts) || !is_ready(facts, master)) return std::nullopt;
    return etcd_refusal(seen_of(facts), master);
}

std::optional<Refusal> gate_webhooks(const Facts& facts) {
    if (!restarts_any(facts)) return std::nullopt;
    return webhook_refusal(seen_of(facts), facts.input.observation.cluster);
}

// Clients within the cluster go where default/kubernetes says. Each master by its address or the one that it
// advertises; where the endpoints know them by other addresses, there have to be as many.
std::optional<Refusal> gate_endpoints(const Facts& facts) {
    if (!restarts_any(facts)) return std::nullopt;
    const auto& masters = facts.input.masters;
    const auto is_kept_by_hand = [&](const std::string& master) {
        return flag_of(facts, master, "endpoint-reconciler-type") == "none";
    };
    if (std::ranges::all_of(masters, is_kept_by_hand)) return std::nullopt;
    const auto& endpoints = seen_of(facts).endpoints;
    if (!endpoints) {
        return unknown_refusal("endpoints", facts.input.observation.cluster,
                               "Whether default/kubernetes lists every master", endpoints.why(),
                               "get the endpoints kubernetes in the namespace default",
                               "/api/v1/namespaces/default/endpoints/kubernetes");
    }
    const auto lists = [&](const std::string& address) {
        return !address.empty() && std::ranges::find(*endpoints, address) != endpoints->end();
    };
    const auto is_listed = [&](const std::string& master) {
        const auto* apiserver = facts.apiserver(master);
        return (apiserver != nullptr && lists(host_of(apiserver->address))) || lists(advertised_address(facts, master));
    };
    const bool by_other_addresses = std::ranges::none_of(masters, is_listed);
    if (by_other_addresses && endpoints->size() >= masters.size()) return std::nullopt;
    for (const auto& master : masters) {
        if (!is_ready(facts, master) || is_listed(master)) continue;
        return refusal("endpoints", master,
                       "The endpoints of default/kubernetes list " + std::to_string(endpoints->size()) +
                           " addresses for " + std::to_string(masters.size()) +
                           " masters, and it is not among them, so that clients within the cluster have nowhere to go "
                           "while another restarts: find out why it is missing.");
    }
    return std::nullopt;
}

std::optional<Refusal> gate_lease_holders(const Facts& facts) {
    const auto& masters = facts.input.masters;
    const auto changed =
        std::ranges::count_if(masters, [&](const std::string& master) { return facts.is_to_change(master); });
    if (changed < 2) return std::nullopt;  // there is no order
    const auto& seen = seen_of(facts);
    for (const auto& [component, lease] : leases_of(seen)) {
        if (*lease) continue;
        return unknown_refusal("lease-holders", facts.input.observation.cluster,
                               "Who holds the lease of " + component + ", whose master goes last,", lease->why(),
                               "get the leases and endpoints of that name in kube-system",
                               "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/" + component);
    }
    if (seen.controller_manager->empty() && seen.scheduler->empty()) return std::nullopt;
    for (const auto& master : masters) {
        const auto* view = facts.view(master);
        if (view == nullptr || !view->hostname.empty()) continue;  // unseen: refused by master-seen
        return Refusal{.gate = "lease-holders",
                       .subject = master,
                       .reason =
                           "Its host name was not told, so it is not known whether it holds the lease of "
                           "kube-controller-manager or kube-scheduler: install the helper of this version.",
                       .unknown = true};
    }
    for (const auto& [component, lease] : leases_of(seen)) {
        const auto hosts = masters_called(facts, probes::host_of_holder(**lease));
        if (hosts.size() < 2) continue;
        return Refusal{.gate = "lease-holders",
                       .subject = hosts.front(),
                       .reason = "It and " + hosts.back() + " tell one host name, that of the holder of the lease of " +
                                 component + ", so it is not known which of them goes last: give each its own.",
                       .unknown = true};
    }
    return std::nullopt;
}

std::vector<std::string> leases_held_elsewhere(const Facts& facts) {
    std::vector<std::string> elsewhere;
    for (const auto& [component, lease] : leases_of(seen_of(facts))) {
        if (!*lease || (*lease)->empty()) continue;
        const auto host = probes::host_of_holder(**lease);
        if (masters_called(facts, host).empty()) elsewhere.push_back(component + " (" + printable(host, 128) + ")");
    }
    return elsewhere;
}

std::vector<std::string> restart_order(const Facts& facts) {
    std::map<int, std::vector<std::string>> by_rank;
    for (const auto& master : facts.input.masters) {
        const auto* view = facts.view(master);
        by_rank[view == nullptr ? 0 : restart_rank(seen_of(facts), view->hostname)].push_back(master);
    }
    std::vector<std::string> order;
    for (const auto& [rank, masters] : by_rank) order.insert(order.end(), masters.begin(), masters.end());
    return order;
}

}  // namespace aggmedic::remediate
