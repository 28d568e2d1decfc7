#include "remediate/control_plane.hpp"

#include "net/text.hpp"
#include "probes/apiservice.hpp"
#include "probes/control_plane_reading.hpp"

namespace aggmedic::remediate {
namespace {

Refusal refusal(std::string gate, const std::string& subject, std::string reason) {
    return {.gate = std::move(gate), .subject = subject, .reason = std::move(reason)};
}

// Empty: the names are none that Kubernetes gives, and must not stand in a command that somebody runs.
std::string endpoints_path(const std::string& backend) {
    const auto space = backend.substr(0, backend.find('/')), service = backend.substr(backend.find('/') + 1);
    if (!probes::is_path_word(space) || !probes::is_path_word(service)) return {};
    return "/api/v1/namespaces/" + space + "/endpoints/" + service;
}

bool holds(const probes::Seen<std::string>& lease, const std::string& hostname) {
    return lease && !lease->empty() && probes::host_of_holder(*lease) == hostname;
}

}  // namespace

std::string host_of(const std::string& address) {
    std::string host = address.substr(0, address.rfind(':'));
    if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
    return host;
}

Refusal unknown_refusal(const char* gate, const std::string& subject, const std::string& what,
                        const probes::Unobserved& why, const std::string& grant, const std::string& path) {
    const bool is_forbidden = why.reason == "forbidden";
    const std::string words = why.reason + (why.detail.empty() ? "" : ": " + why.detail);
    const std::string lifted = is_forbidden ? "let the probe " + grant + ", as probes/rbac.yaml grants."
                                            : "see what `kubectl get --raw " + path + "` says, and plan again.";
    return {.gate = gate,
            .subject = subject,
            .reason = what + " is not known (" + printable(words, 256) + "): " + lifted,
            .unknown = true};
}

std::optional<Refusal> etcd_refusal(const probes::ControlPlane& seen, const std::string& master) {
    const auto asked = seen.etcd.find(master);
    if (asked == seen.etcd.end() || !asked->second) {
        const auto why = asked == seen.etcd.end() ? probes::Unobserved{} : asked->second.why();
        return unknown_refusal("etcd", master,
                               "Whether it finds every etcd member healthy (its /readyz says nothing of a lost one)",
                               why, "get and list componentstatuses", "/api/v1/componentstatuses");
    }
    if (asked->second->empty()) {
        auto refused = refusal("etcd", master,
                               "Its componentstatuses name no etcd member, so none is known to be healthy: see what "
                               "`kubectl get --raw /api/v1/componentstatuses` says through it.");
        refused.unknown = true;
        return refused;
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
        return unknown_refusal("webhooks", cluster,
                               "Whether a webhook that fails closed would block what a starting kube-apiserver writes",
                               seen.webhooks.why(), "list validating and mutating webhook configurations",
                               "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations");
    }
    constexpr const char* exempt = "exempt the namespaces kube-system and default by its namespaceSelector";
    for (const auto& webhook : *seen.webhooks) {
        const std::string what =
            "The " + printable(webhook.name, 256) + " fails closed and is called for " + printable(webhook.covers, 128);
        if (webhook.backend.empty()) {
            auto refused = refusal("webhooks", cluster,
                                   what + ", at a URL of which nobody here can see whether it answers: " + exempt +
                                       ", or let it fail open.");
            refused.unknown = true;
            return refused;
        }
        const std::string backend = printable(webhook.backend, 128);
        const auto path = endpoints_path(webhook.backend);
        if (path.empty()) {
            auto refused = refusal("webhooks", cluster,
                                   what + ", and its service " + backend +
                                       " has a name that is none in Kubernetes: mend the webhook, or " + exempt + ".");
            refused.unknown = true;
            return refused;
        }
        if (!webhook.ready) {
            auto refused = unknown_refusal(
                "webhooks", cluster, what + ", and whether its backend " + backend + " is ready", webhook.ready.why(),
                "get endpoints there by a RoleBinding to aggmedic-probe-backend", path);
            refused.reason += std::string(" Or ") + exempt + ".";
            return refused;
        }
        if (*webhook.ready > 0) continue;
        if (!webhook.unread.empty()) {
            auto refused = refusal("webhooks", cluster,
                                   what + ", unless its selectors leave that out, which is not known (" +
                                       printable(webhook.unread, 256) + "), and its backend " + backend +
                                       " has no ready address: let the probe read those labels, as probes/rbac.yaml "
                                       "grants, or bring its pods back.");
            refused.unknown = true;
            return refused;
        }
        return refusal("webhooks", cluster,
                       what + ", and its backend " + backend +
                           " has no ready address: a starting kube-apiserver could publish neither its names nor "
                           "itself. Bring its pods back, or " +
                           exempt + ".");
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
