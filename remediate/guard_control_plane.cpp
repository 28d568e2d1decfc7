#include <algorithm>

#include "net/text.hpp"
#include "remediate/control_plane.hpp"
#include "remediate/guard.hpp"

// Gates about what stands around the masters: etcd, webhooks, the endpoints of default/kubernetes, the leases. They are
// asked where a kube-apiserver is to be restarted.
namespace aggmedic::remediate {
namespace {

Refusal refusal(std::string_view gate, const std::string& subject, std::string reason) {
    return {.gate = std::string(gate), .subject = subject, .reason = std::move(reason)};
}

std::string words_of(const probes::Unobserved& why) {
    return printable(why.reason + (why.detail.empty() ? "" : ": " + why.detail), 256);
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

std::string host_of(const std::string& address) {  // without the port and an IPv6 address's brackets
    std::string host = address.substr(0, address.rfind(':'));
    if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
    return host;
}

}  // namespace

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
        return refusal("endpoints", facts.input.observation.cluster,
                       "Whether default/kubernetes lists every master is not known (" + words_of(endpoints.why()) +
                           "): let the probe get the endpoints kubernetes in the namespace default, as "
                           "probes/rbac.yaml grants.");
    }
    const auto lists = [&](const std::string& address) {
        return !address.empty() && std::ranges::find(*endpoints, address) != endpoints->end();
    };
    const auto is_listed = [&](const std::string& master) {
        const auto* apiserver = facts.apiserver(master);
        return (apiserver != nullptr && lists(host_of(apiserver->address))) ||
               lists(flag_of(facts, master, "advertise-address"));
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
    for (const auto* lease : {&seen.controller_manager, &seen.scheduler}) {
        if (*lease) continue;
        return refusal("lease-holders", facts.input.observation.cluster,
                       std::string("Who holds the lease of ") +
                           (lease == &seen.scheduler ? "kube-scheduler" : "kube-controller-manager") +
                           " is not known (" + words_of(lease->why()) +
                           "), and its master goes last: let the probe get the leases and endpoints of both in "
                           "kube-system, as probes/rbac.yaml grants.");
    }
    if (seen.controller_manager->empty() && seen.scheduler->empty()) return std::nullopt;
    for (const auto& master : masters) {
        const auto* view = facts.view(master);
        if (view == nullptr || !view->hostname.empty()) continue;  // unseen: refused by master-seen
        return refusal("lease-holders", master,
                       "Its host name was not told, so it is not known whether it holds the lease of "
                       "kube-controller-manager or kube-scheduler: install the helper of this version.");
    }
    return std::nullopt;
}

std::vector<std::string> restart_order(const Facts& facts) {
    auto order = facts.input.masters;
    const auto rank = [&](const std::string& master) {
        const auto* view = facts.view(master);
        return view == nullptr ? 0 : restart_rank(seen_of(facts), view->hostname);
    };
    std::ranges::stable_sort(order, {}, rank);
    return order;
}

}  // namespace aggmedic::remediate
