#include <algorithm>
#include <array>

#include "probes/finding.hpp"

namespace aggmedic::probes {

namespace {

constexpr auto critical = Severity::critical;
constexpr auto warning = Severity::warning;
constexpr auto info = Severity::info;

// The one table: labels, docs/causes/, alerts and tests are checked against it. Ids never change; rows are never
// removed.
constexpr std::array<Cause, 41> table{{
    {"cn-not-allowed", "AGG-01", critical,
     "The proxy-client certificate is valid, but its CN is not among the published allowed names.",
     "Reissue the proxy-client certificate with an allowed CN, or add exactly this CN on every master, one at a time: "
     "aggmedic plan CLUSTER shows the change."},
    {"identity-collapse", "AGG-02", critical,
     "An extension API server takes the proxy for an ordinary client: callers act as the proxy-client certificate's "
     "identity.",
     "Give the front proxy a CA of its own and a certificate that only it uses; allowing the CN is a stop-gap that "
     "lets every "
     "holder of such a certificate speak for anybody."},
    {"open-door", "AGG-03", warning,
     "The allowed names are empty and the CA is shared: every client certificate may speak for anybody.",
     "Set the allowed names to the CN of the certificate in use, then separate the CAs."},
    {"apiserver-refuses-start", "AGG-04", critical,
     "Kubernetes 1.35 and later refuse to start with a shared CA and empty allowed names.",
     "Set the allowed names to the CN that is really used (read it, do not guess), or separate the CAs."},
    {"proxy-cert-wrong-issuer", "AGG-05", critical,
     "The proxy-client certificate does not lead to the published requestheader CA.",
     "Reissue the certificate from the front-proxy CA, or publish the CA that issued it; the list of names is never "
     "reached."},
    {"stale-ca-in-extension", "AGG-06", critical,
     "An extension API server still trusts what it read before the CA or the names changed.",
     "Restart the extension API server's pods one at a time; older ones read the published configuration only at their "
     "start."},
    {"last-writer-wins", "AGG-07", warning,
     "Up to Kubernetes 1.16 the master that started last decides what is published.",
     "Make the masters' flags equal, restart them one at a time, then restart the extension API servers."},
    {"masters-differ", "AGG-08", critical,
     "The masters do not present the same trust: one address works where another does not.",
     "Give all masters the same front-proxy CA, an equivalent certificate and the same flags."},
    {"proxy-cert-expired", "AGG-09", critical, "The proxy-client certificate is outside its validity period.",
     "Renew the proxy-client certificate (kubeadm certs renew front-proxy-client, or the platform's rotation)."},
    {"clock-skew", "AGG-10", warning, "The clocks disagree, so that a certificate is not yet valid for one side.",
     "Synchronise the clocks and wait."},
    {"wrong-key-usage", "AGG-11", critical,
     "The proxy-client certificate has an extended key usage without clientAuth.",
     "Reissue the certificate with clientAuth."},
    {"no-proxy-client-cert", "AGG-12", critical,
     "kube-apiserver has no proxy-client certificate and reaches extension API servers as nobody.",
     "Create the certificate and key and set --proxy-client-cert-file and --proxy-client-key-file."},
    {"flag-typo-or-key-mismatch", "AGG-13", critical,
     "The proxy-client flags do not name a usable pair of certificate and key.",
     "Correct the two flags: each once, readable by the process, the key belonging to the certificate."},
    {"no-requestheader-ca", "AGG-14", critical,
     "No requestheader CA is published, so no extension API server believes a front proxy.",
     "Set --requestheader-client-ca-file to a CA that is not the client CA."},
    {"header-names-missing", "AGG-15", critical,
     "The names of the identity headers are not published, so an extension API server finds no user in a request.",
     "Set --requestheader-username-headers, --requestheader-group-headers and --requestheader-extra-headers-prefix."},
    {"no-auth-reader-binding", "AGG-16", critical,
     "The extension API server may not read the published authentication configuration.",
     "Bind its service account to the role extension-apiserver-authentication-reader in kube-system."},
    {"auth-configmap-gone", "AGG-17", critical, "The published authentication configuration does not exist.",
     "kube-apiserver writes it again within about a minute; if it does not, look at its log for storage or permission "
     "errors."},
    {"no-auth-delegator", "AGG-18", critical,
     "The extension API server may not ask kube-apiserver what its callers are allowed to do.",
     "Bind its service account to the cluster role system:auth-delegator."},
    {"noise-shared-ca-log", "AGG-19", info,
     "Components' certificates are tried as front proxies first and leave log lines; nothing fails.",
     "Nothing, or separate the CAs. Never allow the names that the log mentions."},
    {"no-backend", "AGG-20", critical,
     "Nothing serves the aggregated API: no service, port, endpoint or listening process.",
     "Repair the extension API server's deployment, its service's selector or its port name."},
    {"master-to-pod-blocked", "AGG-21", critical, "A master cannot reach the extension API server's pods.",
     "Open the way from the masters to the pods' port (firewall, network policy, host routing)."},
    {"no-service-routing", "AGG-22", critical, "A master cannot reach service addresses.",
     "Run kube-proxy or the network plugin on the masters, or set --enable-aggregator-routing=true."},
    {"http-proxy-env", "AGG-23", critical,
     "kube-apiserver sends aggregated requests through an HTTP proxy of its environment.",
     "Add the service and pod networks to no_proxy and restart kube-apiserver."},
    {"serving-cert-untrusted", "AGG-24", critical,
     "kube-apiserver does not trust the extension API server's serving certificate.",
     "Reissue the serving certificate for <service>.<namespace>.svc, or put its CA into the APIService's caBundle."},
    {"stale-http2-pool", "AGG-25", warning, "kube-apiserver keeps using a dead connection to an extension API server.",
     "Wait a minute, else restart that kube-apiserver; Kubernetes 1.36 drops such connections by itself."},
    {"egress-tunnel-down", "AGG-26", critical, "The tunnel from the control plane to the nodes is down.",
     "Repair the tunnel's agents (konnectivity, or the distribution's own)."},
    {"backend-slow-or-node-dead", "AGG-27", critical, "The extension API server answers too late, or its node is gone.",
     "Evict or scale the extension API server; look at its node."},
    {"wrong-discovery-answer", "AGG-28", critical,
     "The extension API server answers its discovery path with something else.",
     "Repair or upgrade the extension API server."},
    {"dns-or-webhook-of-extension", "AGG-29", critical,
     "The extension API server fails because something that it needs fails.",
     "Read the extension API server's log and repair what it depends on."},
    {"orphan-apiservice", "AGG-30", critical, "The APIService is left over from something that was removed.",
     "Delete the APIService, after making sure that nobody serves it any more."},
    {"backend-scrape-401", "AGG-31", info,
     "A 401 in an extension API server's log comes from a kubelet, not from the aggregation layer.",
     "Repair the extension's own access to kubelets; nothing is wrong between it and kube-apiserver."},
    {"extension-restart-storm", "AGG-32", warning,
     "Extension API servers restart themselves because the published configuration changed.",
     "Wait; nothing else is wrong."},
    {"anonymous-discovery-hardening", "AGG-33", info, "Only unauthenticated requests are refused, on purpose.",
     "Give the health check a credential."},
    {"our-own-401", "AGG-34", critical, "The probe's own credential is refused, also where nothing is aggregated.",
     "Renew the probe's credential; nothing can be said about aggregated APIs until then."},
    {"pending-restart", "", warning,
     "A master's arguments file differs from the arguments that its kube-apiserver runs with.",
     "Restart this kube-apiserver in a window, or take the change out of the file: the next restart activates it."},
    {"shared-ca", "", warning,
     "A requestheader CA also issues client certificates: whoever gets one with an allowed CN speaks for anybody.",
     "Give the front proxy a CA of its own."},
    {"unexplained-trust", "", warning,
     "Names or CAs are published for front proxies that no master's arguments account for.",
     "Find out who added them; what nobody needs has to be taken out of the ConfigMap, for nothing shrinks it."},
    {"superfluous-name", "", info, "A name is still allowed that no proxy-client certificate carries any more.",
     "Take the name out of the masters' arguments and of the permanent fix, then out of the ConfigMap."},
    {"fix-only-on-vm", "", warning,
     "The name that aggregated APIs live on was added on the VM alone: BOSH renders the file without it at the next "
     "recreate.",
     "Put the name into the ops-file or the runtime config as well: aggmedic bosh ops-file CLUSTER, or aggmedic bosh "
     "runtime-config CLUSTER where the manifest is not yours."},
    {"certificate-ends-soon", "", warning, "A certificate of the front proxy ends within 30 days.",
     "Renew it before it ends; from then on every aggregated API is refused."},
    {"intermittent", "", warning, "An aggregated API fails at some attempts and works at most, over many cycles.",
     "Compare the backends behind its service (one bad replica, one lossy node); nothing on the masters needs a "
     "change."},
}};

}  // namespace

std::span<const Cause> causes() {
    return table;
}

const Cause* find_cause(std::string_view id) {
    const auto at = std::ranges::find(table, id, &Cause::id);
    return at == table.end() ? nullptr : &*at;
}

}  // namespace aggmedic::probes
