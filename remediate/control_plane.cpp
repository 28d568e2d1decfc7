#include "remediate/control_plane.hpp"

#include "net/text.hpp"
#include "probes/control_plane_reading.hpp"

namespace aggmedic::remediate {
namespace {

std::string words_of(const probes::Unobserved& why) {
    return printable(why.reason + (why.detail.empty() ? "" : ": " + why.detail), 256);
}

Refusal refusal(std::string gate, const std::string& subject, std::string reason) {
    return {.gate = std::move(gate), .subject = subject, .reason = std::move(reason)};
}

bool holds(const probes::Seen<std::string>& lease, const std::string& hostname) {
    return lease && !lease->empty() && probes::host_of_holder(*lease) == hostname;
}

}  // namespace

std::optional<Refusal> etcd_refusal(const probes::ControlPlane& seen, const std::string& master) {
    const auto asked = seen.etcd.find(master);
    if (asked == seen.etcd.end() || !asked->second) {
        const auto why = asked == seen.etcd.end() ? probes::Unobserved{} : asked->second.why();
        return refusal("etcd", master,
                       "Whether it finds every etcd member healthy is not known (" + words_of(why) +
                           "): let the probe get and list componentstatuses, as probes/rbac.yaml grants; its /readyz "
                           "says nothing of a lost member.");
    }
    if (asked->second->empty()) {
        return refusal("etcd", master,
                       "Its componentstatuses name no etcd member, so none is known to be healthy: see what "
                       "`kubectl get componentstatuses` says through it.");
    }
    for (const auto& member : *asked->second) {
        if (member.healthy) continue;
        return refusal("etcd", master,
                       "It finds the etcd member " + printable(member.name, 64) + " unhealthy (" +
                           printable(member.says, 256) + "): bring it back before a kube-apiserver is restarted.");
    }
    return std::nullopt;
}

std::optional<Refusal> webhook_refusal(const probes::ControlPlane& seen, const std::string& cluster) {
    if (!seen.webhooks) {
        return refusal("webhooks", cluster,
                       "Whether a webhook that fails closed would block what a starting kube-apiserver writes is not "
                       "known (" +
                           words_of(seen.webhooks.why()) +
                           "): let the probe list validating and mutating webhook configurations, as probes/rbac.yaml "
                           "grants.");
    }
    constexpr const char* exempt = "exempt the namespaces kube-system and default by its namespaceSelector";
    for (const auto& webhook : *seen.webhooks) {
        const std::string what =
            "The " + printable(webhook.name, 256) + " fails closed and is called for " + printable(webhook.covers, 128);
        if (webhook.backend.empty()) {
            return refusal("webhooks", cluster,
                           what + ", at a URL of which nobody here can see whether it answers: " + exempt +
                               ", or let it fail open.");
        }
        const std::string backend = printable(webhook.backend, 128);
        if (!webhook.ready) {
            return refusal("webhooks", cluster,
                           what + ", and whether its backend " + backend + " is ready is not known (" +
                               words_of(webhook.ready.why()) +
                               "): let the probe get endpoints in that namespace (the "
                               "role aggmedic-probe-backend of probes/rbac.yaml), or " +
                               exempt + ".");
        }
        if (*webhook.ready == 0) {
            return refusal("webhooks", cluster,
                           what + ", and its backend " + backend +
                               " has no ready address: a starting kube-apiserver could publish neither its names nor "
                               "itself. Bring its pods back, or " +
                               exempt + ".");
        }
    }
    return std::nullopt;
}

std::vector<Refusal> control_plane_refusals(const probes::ControlPlane& seen, const std::vector<std::string>& masters,
                                            const std::string& cluster) {
    std::vector<Refusal> refusals;
    for (const auto& master : masters) {
        if (auto refused = etcd_refusal(seen, master)) refusals.push_back(std::move(*refused));
    }
    if (auto refused = webhook_refusal(seen, cluster)) refusals.push_back(std::move(*refused));
    return refusals;
}

int restart_rank(const probes::ControlPlane& seen, const std::string& hostname) {
    if (hostname.empty()) return 0;
    return (holds(seen.controller_manager, hostname) ? 2 : 0) + (holds(seen.scheduler, hostname) ? 1 : 0);
}

}  // namespace aggmedic::remediate
