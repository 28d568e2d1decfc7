#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "net/text.hpp"
#include "probes/causes/rules.hpp"

// The way from a master to pods that are ready: blocked, not routed, through an HTTP proxy, through a tunnel.
namespace aggmedic::probes {

namespace {

bool has_ready_pods(const Workload& workload) {
    return workload.pods && std::ranges::any_of(*workload.pods, [](const PodFacts& pod) {
               return pod.ready && (!pod.node_ready || *pod.node_ready);
           });
}

// `refused` comes from the pod's own node, or from a firewall that says so: the way may be open, and nobody listens.
struct Reach {
    int tried = 0, connected = 0, unanswered = 0;
    bool is_closed() const { return tried > 0 && unanswered == tried; }
};
Reach reach(const MasterView& master, const std::string& apiservice, std::string_view kind) {
    Reach found;
    if (!master.backends) return found;
    for (const auto& backend : *master.backends) {
        if (backend.apiservice != apiservice || backend.kind != kind) continue;
        ++found.tried;
        if (backend.outcome == "connected") ++found.connected;
        if (backend.outcome == "timeout" || backend.outcome == "no-route") ++found.unanswered;
    }
    return found;
}

// With --enable-aggregator-routing kube-apiserver dials pods itself, and a service's address that is silent is no fault
// (CFCR's masters run no kube-proxy). A process that was not seen may have it.
bool needs_service_addresses(const MasterView& master) {
    if (!master.process) return false;
    const auto& flags = master.process->arguments.flags;
    const auto found = flags.find("enable-aggregator-routing");
    if (found == flags.end() || found->second.empty()) return true;
    const auto& value = found->second.back();
    return value == "false" || value == "False" || value == "FALSE" || value == "f" || value == "F" || value == "0";
}

// With an egress selector kube-apiserver goes to pods through a tunnel: what the master itself reaches is beside the
// point.
bool may_use_tunnel(const MasterView& master) {
    return !master.process || master.process->arguments.flags.contains("egress-selector-config-file");
}

// The cause that a master's own connections tell, while pods are ready.
std::string_view blocked_way(const MasterView& master, const std::string& apiservice) {
    if (may_use_tunnel(master)) return {};
    const auto service = reach(master, apiservice, "cluster-ip"), pods = reach(master, apiservice, "pod");
    if (pods.is_closed()) return "master-to-pod-blocked";
    if (pods.connected > 0 && service.is_closed() && needs_service_addresses(master)) return "no-service-routing";
    return {};
}

// An address of either family in network order; empty: none.
std::vector<std::uint8_t> bytes_of(const std::string& text) {
    std::vector<std::uint8_t> bytes(16);
    if (inet_pton(AF_INET6, text.c_str(), bytes.data()) == 1) return bytes;
    bytes.resize(4);
    if (inet_pton(AF_INET, text.c_str(), bytes.data()) == 1) return bytes;
    return {};
}

bool have_equal_bits(const std::vector<std::uint8_t>& a, const std::vector<std::uint8_t>& b, int bits) {
    for (std::size_t i = 0; i < a.size() && bits > 0; ++i, bits -= 8) {
        const int shift = std::max(0, 8 - bits);
        if ((a[i] >> shift) != (b[i] >> shift)) return false;
    }
    return true;
}

// One entry of no_proxy as Kubernetes reads it: an address, a CIDR, a domain, or everything.
bool covers(const std::string& entry, const std::string& address) {
    if (entry == "*" || entry == address) return true;
    const auto host = bytes_of(address);
    const auto slash = entry.find('/');
    if (slash == std::string::npos) return !host.empty() && bytes_of(entry) == host;
    int bits = -1;
    const auto digits = entry.substr(slash + 1);
    const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), bits);
    const auto network = bytes_of(entry.substr(0, slash));
    const bool is_read = parsed.ec == std::errc() && parsed.ptr == digits.data() + digits.size() && !network.empty() &&
                         bits >= 0 && static_cast<std::size_t>(bits) <= 8 * network.size();
    if (!is_read || host.empty()) return false;
    return network.size() == host.size() && have_equal_bits(network, host, bits);
}

// Whether the master's environment sends requests to this service address through an HTTP proxy.
bool goes_through_proxy(const MasterView& master, const std::string& address) {
    if (!master.proxy_environment || address.empty()) return false;
    const auto& environment = *master.proxy_environment;
    const bool has_proxy = environment.contains("https_proxy") && !environment.at("https_proxy").empty();
    if (!has_proxy) return false;
    const auto at = environment.find("no_proxy");
    std::string entry;
    for (const char c : (at == environment.end() ? std::string() : at->second) + ",") {
        if (c != ',') {
            if (c != ' ') entry += c;
            continue;
        }
        if (covers(entry, address)) return false;
        entry.clear();
    }
    return true;
}

// What this master dials for the aggregated API: the service's address, or with aggregator routing each ready endpoint.
std::vector<std::string> dialled_by(const MasterView& master, const Workload& workload) {
    if (!master.process) return {};
    if (needs_service_addresses(master)) {
        if (!workload.service) return {};
        return {workload.service->cluster_ip};
    }
    std::vector<std::string> hosts;
    if (!workload.endpoints) return hosts;
    for (const auto& place : workload.endpoints->ready) {
        auto host = place.substr(0, place.rfind(':'));
        if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
        hosts.push_back(std::move(host));
    }
    return hosts;
}

bool is_transport(Symptom symptom) {
    return symptom == Symptom::no_status || symptom == Symptom::timed_out || symptom == Symptom::refused ||
           symptom == Symptom::no_route || symptom == Symptom::no_tls || symptom == Symptom::unavailable;
}

void propose(const ApiCase& api, std::string_view cause, const std::string& master, std::string fact,
             Assessment& assessment) {
    auto finding = make_finding(cause, Confidence::certain, AllowList::wrong);
    finding.apiservice = api.apiservice->name;
    finding.master = master;
    add_evidence(finding, std::move(fact), "ssh", master);
    add_api_evidence(finding, api);
    rule_out(finding, "cn-not-allowed", "the extension API server was not reached");
    rule_out(finding, "our-own-401", "/api answers 200 to the same credential");
    assessment.findings.push_back(std::move(finding));
}

void judge_masters_ways(const Case& seen, const ApiCase& api, const Workload& workload, Assessment& assessment) {
    for (const auto& [name, master] : seen.observation.masters) {
        if (!master) continue;
        const auto dialled = dialled_by(*master, workload);
        const auto proxied =
            std::ranges::find_if(dialled, [&](const auto& host) { return goes_through_proxy(*master, host); });
        if (proxied != dialled.end()) {
            propose(api, "http-proxy-env", name,
                    "https_proxy is set for kube-apiserver, and no_proxy does not cover " + printable(*proxied, 64),
                    assessment);
        }
        if (!is_transport(api.symptom()) || !has_ready_pods(workload)) continue;
        const auto cause = blocked_way(*master, api.apiservice->name);
        if (cause == "master-to-pod-blocked") {
            propose(api, cause, name, "pods are ready, and no connection from this master reaches one", assessment);
        } else if (cause == "no-service-routing") {
            propose(api, cause, name, "this master reaches the pods and not the service's address", assessment);
        }
    }
}

// A dead connection that one master keeps, while the others get through to ready pods.
void judge_lost_connection(const ApiCase& api, const Workload* workload, Assessment& assessment) {
    const Through* lost = nullptr;
    int working = 0;
    for (const auto& through : api.through) {
        if (through.apiserver->master.empty()) continue;
        if (!through.fails()) working += through.known() ? 1 : 0;
        if (through.fails() && (lost != nullptr || through.main_symptom() != Symptom::lost_http2)) return;
        if (through.fails()) lost = &through;
    }
    if (lost == nullptr || working == 0) return;
    auto finding = make_finding("stale-http2-pool", Confidence::probable, AllowList::wrong);
    finding.apiservice = api.apiservice->name;
    finding.master = lost->apiserver->master;
    if (workload != nullptr && has_ready_pods(*workload)) {
        finding.confidence = Confidence::certain;
        add_evidence(finding, "pods are ready, and other masters reach them", "workload");
    }
    add_api_evidence(finding, api);
    assessment.findings.push_back(std::move(finding));
}

}  // namespace

void judge_ways(const Case& seen, Assessment& assessment) {
    for (const auto& api : seen.apis) {
        if (!api.fails()) continue;
        const auto* workload = seen.observation.workload(api.apiservice->name);
        judge_lost_connection(api, workload, assessment);
        if (workload == nullptr) continue;
        const bool no_agent = !workload->logs && workload->logs.why().reason == "no-agent";
        if (no_agent && (is_transport(api.symptom()) || api.symptom() == Symptom::no_agent)) {
            propose(api, "egress-tunnel-down", "", "reading a pod's log fails too: the tunnel has no agent",
                    assessment);
        }
        // A proxy that ends TLS itself shows its own certificate.
        if (is_transport(api.symptom()) || api.symptom() == Symptom::untrusted)
            judge_masters_ways(seen, api, *workload, assessment);
    }
}

}  // namespace aggmedic::probes
