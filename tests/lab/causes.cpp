#include "tests/lab/causes.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace aggmedic::lab {
namespace {

constexpr std::array<Cause, 65> causes = {{
    {"cn-not-allowed", How::config, "", "", -1,
     "allowed names `aggregator`, proxy certificate demo.pks.ik.am, shared CA: 401, 503, or a masked 200"},
    {"separate-ca", How::config, "", "", -1, "the same with a client CA of its own: 401 or 503 everywhere"},
    {"proxy-cert-expired", How::config, "", "", -1, "the proxy-client certificate ended yesterday"},
    {"proxy-cert-wrong-issuer", How::config, "", "", -1, "the proxy-client certificate comes from another CA"},
    {"proxy-cert-empty-cn", How::config, "", "", -1, "the proxy-client certificate has no CN"},
    {"proxy-cert-server-eku", How::config, "", "", -1, "the proxy-client certificate is for servers only"},
    {"proxy-cert-no-masters", How::config, "", "", -1,
     "its identity has no rights: with cn-not-allowed a 403 that names the CN"},
    {"hostile-cn", How::config, "", "", -1,
     "a CN with comma, quote, newline and dots: cn-not-allowed that must never be planned"},
    {"empty-names", How::config, "", "", -1, "allowed names empty; 1.35 refuses to start with that under a shared CA"},
    {"no-anonymous", How::config, "", "", -1, "--anonymous-auth=false"},
    {"one-master-differs", How::config, "", "", 1, "one master presents a certificate of another CA: the API flaps"},
    {"one-master-other-cn", How::config, "", "", 1, "one master presents another CN"},
    {"bad-ca-bundle", How::bundle, "", "", -1, "the APIServices' caBundle does not fit the extension servers"},
    {"no-backend", How::lab_switch, "no-backend", "", -1, "the services have no endpoints"},
    {"extension-down", How::lab_switch, "extension-down", "", -1, "the extension servers refuse connections"},
    {"stopped-master", How::master_switch, "stopped", "", 2, "one master's apiserver is stopped by monit and stays so"},
    {"dead-master", How::master_switch, "power", "off", 2, "one master is switched off"},
    {"slow-restart", How::master_switch, "start", "slow:30", 0, "the next starts take 30 s longer"},
    {"failing-restart", How::master_switch, "start", "fail", 0, "the apiserver exits when it is started again"},
    {"second-restart-fails", How::master_switch, "start", "fail", 1, "as failing-restart, on the second master"},
    {"monit-lies", How::master_switch, "monit-lies", "", 0, "monit says yes and does nothing"},
    {"no-monit", How::master_switch, "no-monit", "", 0, "the monit daemon is not running"},
    {"disk-full", How::master_switch, "disk-full", "", 0, "no room on /var/vcap/data"},
    {"changed-host-key", How::master_switch, "changed-host-key", "", 0, "sshd shows another host key"},
    {"endless-output", How::master_switch, "sudo", "endless", 0, "sudo prints without end"},
    {"garbage-output", How::master_switch, "sudo", "garbage", 0, "sudo prints garbage"},
    {"no-output", How::master_switch, "sudo", "nothing", 0, "sudo prints nothing and says 0"},
    {"hanging-sudo", How::master_switch, "sudo", "hang", 0, "sudo never ends"},
    {"slow-drip", How::master_switch, "hostile", "slow-drip", 0, "the apiserver answers five bytes a second"},
    {"endless-body", How::master_switch, "hostile", "endless", 0, "the apiserver answers with 1 GiB"},
    {"many-apiservices", How::master_switch, "many-apiservices", "10000", -1, "the apiserver lists 10000 APIServices"},
    {"pending-restart", How::master_switch, "pending-restart", "", 0, "the file is patched, the process is not"},
    {"stale-ca-in-extension", How::config_beside_pods, "", "", -1,
     "the front-proxy CA was rotated, and servers that read once still hold the old one"},
    {"last-writer-wins", How::config, "", "", 2,
     "one master's flags lack the name, and it writes last: up to 1.16 the ConfigMap is its"},
    {"proxy-cert-renewed-late", How::config, "", "", -1,
     "the proxy-client certificate was renewed, and up to 1.19 the process still holds the expired one"},
    {"clock-skew", How::config, "", "", -1,
     "masters 40 minutes ahead, and a proxy-client certificate that begins in 30"},
    {"no-proxy-client-cert", How::config, "", "", -1, "no --proxy-client-cert-file and no --proxy-client-key-file"},
    {"proxy-key-twice", How::config, "", "", -1, "the key's flag given twice, the certificate's not at all"},
    {"proxy-key-mismatch", How::config, "", "", 1, "the key is not the certificate's: from 1.15 on no start"},
    {"no-requestheader-ca", How::config, "", "", -1, "no --requestheader-client-ca-file"},
    {"header-names-missing", How::config, "", "", -1, "none of the three --requestheader-*-headers flags"},
    {"other-header-names", How::config, "", "", -1, "--requestheader-username-headers=X-Other-User"},
    {"front-proxy-ca", How::config, "", "", -1, "no fault: a requestheader CA of its own, as it should be"},
    {"no-auth-reader", How::pods_switch, "no-auth-reader", "", -1,
     "the extension servers may not read the ConfigMap: a crash loop"},
    {"auth-configmap-gone", How::config_map, "gone", "", -1, "the ConfigMap is deleted and nobody writes it again"},
    {"auth-configmap-empty", How::config_map, "empty", "", -1, "the ConfigMap holds no keys and nobody writes them"},
    {"no-auth-delegator", How::lab_switch, "no-delegator", "", -1,
     "the extension servers may not ask for SubjectAccessReviews: 500 but for system:masters"},
    {"noise-in-log", How::lab_switch, "ext-noise", "", -1,
     "no fault: component certificates named in the log of a shared CA"},
    {"one-dead-backend", How::lab_switch, "no-backend", "api", -1, "one service of many has no endpoints"},
    {"master-to-pod-blocked", How::lab_switch, "ext-blocked", "", -1, "pods are ready, and no SYN to them is answered"},
    {"no-service-routing", How::config, "", "", -1,
     "no --enable-aggregator-routing, and the ClusterIP does not answer on a master"},
    {"http-proxy-env", How::config, "", "", -1, "https_proxy in the environment, the services not in no_proxy"},
    {"stale-http2-pool", How::master_switch, "http2-lost", "", 1, "one master's connections to the pods are dead"},
    {"egress-tunnel-down", How::config, "", "", -1, "an egress selector whose tunnel has no agent (1.18 and later)"},
    {"backend-slow", How::lab_switch, "ext-slow", "", -1, "lists take longer than a probe waits"},
    {"node-dead", How::lab_switch, "ext-blocked", "", -1, "the pods' nodes are gone, their endpoints not yet"},
    {"discovery-404", How::lab_switch, "ext-404", "", -1, "discovery of the extension servers says 404"},
    {"discovery-redirects", How::lab_switch, "ext-redirect", "", -1, "discovery of the extension servers says 302"},
    {"discovery-no-list", How::lab_switch, "ext-not-a-list", "", -1, "discovery is a 200 that is no APIResourceList"},
    {"extension-dependency", How::lab_switch, "ext-dependency", "", -1, "their own DNS fails: every list is a 500"},
    {"orphan-apiservice", How::lab_switch, "namespace-gone", "", -1, "namespace and service are gone"},
    {"kubelet-401-in-log", How::lab_switch, "ext-kubelet-401", "", -1,
     "no fault of ours: a kubelet refuses the extension server"},
    {"restart-storm", How::lab_switch, "restart-storm", "", -1, "all extension servers leave as the ConfigMap moves"},
    {"credential-invalid", How::credential, "", "", -1, "the probe's token is no longer accepted"},
    {"flaky-backend", How::lab_switch, "ext-flaky", "", -1, "one request in five is cut off"},
}};

// What a cause does beside its own row.
struct Also {
    const char* cause;
    Deed deed;
};
constexpr std::array<Also, 7> companions = {{
    {"restart-storm", {How::config_map, "touched", ""}},
    {"clock-skew", {How::master_switch, "clock", "2400"}},
    {"no-service-routing", {How::lab_switch, "no-service-routing", ""}},
    {"egress-tunnel-down", {How::master_switch, "tunnel-down", ""}},
    {"node-dead", {How::lab_switch, "node-dead", ""}},
    {"auth-configmap-gone", {How::lab_switch, "no-publisher", ""}},
    {"auth-configmap-empty", {How::lab_switch, "no-publisher", ""}},
}};

}  // namespace

const Cause& cause_of(const std::string& name) {
    const auto found = std::ranges::find_if(causes, [&](const Cause& cause) { return name == cause.name; });
    if (found != causes.end()) return *found;
    std::string all;
    for (const Cause& cause : causes) all += std::string(all.empty() ? "" : ", ") + cause.name;
    throw std::runtime_error("there is no way to break called " + name + "; there are " + all);
}

std::vector<Deed> deeds_of(const std::string& name) {
    const Cause& cause = cause_of(name);
    std::vector<Deed> deeds;
    for (const Also& also : companions) {
        if (name == also.cause) deeds.push_back(also.deed);
    }
    deeds.push_back({cause.how, cause.key, cause.value});
    return deeds;
}

Break parse_break(const std::string& text, int master) {
    const auto at = text.find('@');
    const Cause& cause = cause_of(text.substr(0, at));
    const int where = at != std::string::npos ? static_cast<int>(master_index(text.substr(at + 1)))
                      : master >= 0           ? master
                                              : cause.master;
    return {.cause = cause.name, .master = where};
}

std::size_t master_index(const std::string& name) {
    const auto digits = name.find_first_of("0123456789");
    if (digits == std::string::npos)
        throw std::runtime_error("\"" + name + "\" is no master; they are called master/0, master/1, ...");
    return std::stoul(name.substr(digits));
}

void list_causes(std::ostream& out) {
    for (const Cause& cause : causes)
        out << fmt::format("{:<24} {}{}\n", cause.name, cause.meaning,
                           cause.master < 0 ? "" : fmt::format(" (master/{} unless said otherwise)", cause.master));
}

}  // namespace aggmedic::lab
