#include "daemon/advice.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "net/text.hpp"

namespace aggmedic::daemon {
namespace {

using Commands = std::vector<std::string>;

const Commands look_at_backend{"kubectl -n NAMESPACE get service SERVICE -o wide",
                               "kubectl -n NAMESPACE get endpoints,pods -o wide"};
const Commands look_at_logs{"kubectl -n NAMESPACE get pods -o wide",
                            "kubectl -n NAMESPACE logs --since=15m deploy/SERVICE"};
const Commands look_at_reach{
    "kubectl -n NAMESPACE get endpoints SERVICE",
    "curl -sk -m 5 -o /dev/null -w '%{http_code}\\n' https://ADDRESS/   # on a master; ADDRESS of the "
    "endpoints; 000: no way"};
const Commands look_at_config_map{"kubectl -n kube-system get configmap extension-apiserver-authentication -o yaml"};
const Commands look_at_proxy_certificate{
    "openssl x509 -noout -subject -issuer -dates -ext extendedKeyUsage -in FILE   # on the master; FILE of "
    "--proxy-client-cert-file"};

const std::map<std::string_view, Commands>& table() {
    static const std::map<std::string_view, Commands> commands{
        {"proxy-cert-wrong-issuer", look_at_proxy_certificate},
        {"proxy-cert-expired", look_at_proxy_certificate},
        {"wrong-key-usage", look_at_proxy_certificate},
        {"flag-typo-or-key-mismatch", look_at_proxy_certificate},
        {"no-proxy-client-cert", look_at_proxy_certificate},
        {"clock-skew", {"timedatectl status   # on each master and each node of the extension API server"}},
        {"stale-ca-in-extension",
         {"kubectl -n NAMESPACE get pods -o wide   # started before the CA changed?",
          "kubectl -n NAMESPACE rollout restart deploy/SERVICE"}},
        {"auth-configmap-gone", look_at_config_map},
        {"no-requestheader-ca", look_at_config_map},
        {"header-names-missing", look_at_config_map},
        {"last-writer-wins", look_at_config_map},
        {"open-door", look_at_config_map},
        {"no-auth-reader-binding",
         {"kubectl -n kube-system get rolebindings -o wide   # one to extension-apiserver-authentication-reader for "
          "its "
          "ServiceAccount?",
          "kubectl -n NAMESPACE logs --previous deploy/SERVICE"}},
        {"no-auth-delegator",
         {"kubectl get clusterrolebindings -o wide   # one to system:auth-delegator for its ServiceAccount?"}},
        {"no-backend", look_at_backend},
        {"orphan-apiservice",
         {"kubectl get namespace NAMESPACE",
          "kubectl get apiservice APISERVICE -o yaml   # delete it where nobody needs it"}},
        {"master-to-pod-blocked", look_at_reach},
        {"no-service-routing", look_at_reach},
        {"backend-slow-or-node-dead", look_at_backend},
        {"intermittent", look_at_backend},
        {"stale-http2-pool", look_at_reach},
        {"egress-tunnel-down", {"kubectl -n kube-system get pods -o wide   # konnectivity-agent on every node?"}},
        {"http-proxy-env",
         {"tr '\\0' '\\n' < /proc/$(pidof kube-apiserver)/environ | grep -i _proxy   # on the master, as root; the "
          "service and "
          "pod networks belong into no_proxy",
          "kubectl -n NAMESPACE get service SERVICE -o wide"}},
        {"serving-cert-untrusted",
         {"kubectl get apiservice APISERVICE -o jsonpath='{.spec.caBundle}' | base64 -d | openssl x509 -noout -subject "
          "-dates",
          "kubectl -n NAMESPACE get endpoints SERVICE"}},
        {"wrong-discovery-answer",
         {"kubectl get --raw /apis/GROUP/VERSION", "kubectl -n NAMESPACE get service SERVICE -o yaml"}},
        {"dns-or-webhook-of-extension", look_at_logs},
        {"backend-scrape-401", look_at_logs},
        {"extension-restart-storm", look_at_logs},
        {"fix-only-on-vm",
         {"aggmedic bosh ops-file CLUSTER   # shows the permanent fix; changes nothing",
          "aggmedic bosh runtime-config CLUSTER   # where a broker owns the manifest"}},
        {"our-own-401",
         {"kubectl --server https://SERVER --token \"$(cat TOKEN-FILE)\" get --raw /api   # with the probe's own token",
          "kubectl -n aggmedic create token aggmedic-probe   # a new one, for token_file; it is read again by itself"}},
    };
    return commands;
}

// As far as it can be typed: object names, groups, host names.
bool is_typeable(std::string_view word) {
    const auto allowed = [](char character) {
        return (character >= 'a' && character <= 'z') || (character >= '0' && character <= '9') || character == '.' ||
               character == '-' || character == ':';
    };
    return !word.empty() && word.size() <= 253 && word.front() != '-' && std::ranges::all_of(word, allowed);
}

void fill(std::string& command, std::string_view place, const std::string& value) {
    if (!is_typeable(value)) return;
    for (auto at = command.find(place); at != std::string::npos; at = command.find(place, at + value.size())) {
        command.replace(at, place.size(), value);
    }
}

const probes::ApiService* find_api(const probes::Observation& observation, std::string_view name) {
    const auto* list = observation.apiservices();
    if (list == nullptr) return nullptr;
    const auto found = std::ranges::find(*list, name, &probes::ApiService::name);
    return found == list->end() ? nullptr : &*found;
}

}  // namespace

std::vector<std::string> blast_radius(const std::vector<std::string>& failing, std::size_t listed) {
    if (failing.empty()) return {};
    std::vector<std::string> sentences{
        fmt::format("{} of {} aggregated APIs; what is not aggregated (pods, secrets, nodes) is not affected",
                    failing.size(), std::max(listed, failing.size())),
        "namespaces that are deleted now stay Terminating, and garbage collection waits, until their discovery works "
        "again"};
    const auto any = [&](std::string_view group) {
        return std::ranges::any_of(failing, [&](const std::string& api) {
            return api.substr(api.find('.') + 1) == group;  // after the version
        });
    };
    if (any("metrics.k8s.io"))
        sentences.emplace_back("HorizontalPodAutoscalers keep their last size; kubectl top fails");
    if (any("custom.metrics.k8s.io") || any("external.metrics.k8s.io"))
        sentences.emplace_back("autoscaling by custom or external metrics stands still");
    if (any("servicecatalog.k8s.io"))
        sentences.emplace_back(
            "service instances and bindings are neither provisioned nor removed; its controller-manager may "
            "crash-loop");
    return sentences;
}

std::vector<std::string> next_commands(std::string_view cause, std::string_view apiservice,
                                       const probes::Observation& observation) {
    const auto found = table().find(cause);
    if (found == table().end()) return {};
    auto commands = found->second;
    for (auto& command : commands) {
        if (const auto* api = find_api(observation, apiservice); api != nullptr) {
            fill(command, "APISERVICE", api->name);
            fill(command, "NAMESPACE", api->service_namespace);
            fill(command, "SERVICE", api->service_name);
            fill(command, "GROUP", api->group);
            fill(command, "VERSION", api->version);
        }
        fill(command, "CLUSTER", observation.cluster);
        if (!observation.apiservers.empty()) fill(command, "SERVER", observation.apiservers.front().address);
    }
    return commands;
}

}  // namespace aggmedic::daemon
