#include <nlohmann/json.hpp>

#include "daemon/config_cluster.hpp"
#include "net/text.hpp"
#include "net/time.hpp"

namespace aggmedic::daemon {
namespace {

using nlohmann::json;

json facts_of(const probes::Credential& credential) {
    // What is renewed at its source is another secret of the same identity: plans and watches outlive it.
    if (credential.source) return {{"source", credential.source->identity()}};
    return {{"token", sha256_hex(credential.bearer_token)},
            {"certificate", sha256_hex(credential.client_certificate_pem)},
            {"key", sha256_hex(credential.client_key_pem)}};
}

json facts_of(const probes::MasterAddress& master) {
    return {{"name", master.name},
            {"address", master.address},
            {"api_port", master.api_port},
            {"server_name", master.server_name},
            {"ssh_address", master.ssh_address},
            {"ssh_port", master.ssh_port}};
}

json facts_of(const probes::ClusterTarget& target) {
    json masters = json::array();
    for (const auto& master : target.masters) masters.push_back(facts_of(master));
    return {{"name", target.name},
            {"host", target.server_host},
            {"port", target.server_port},
            {"server_name", target.server_name},
            {"ca", sha256_hex(target.ca_pem)},
            {"insecure", target.insecure_skip_tls_verify},
            {"probe", facts_of(target.probe)},
            {"canary", facts_of(target.canary)},
            {"include", target.include},
            {"exclude", target.exclude},
            {"platform", target.platform},
            {"masters", masters}};
}

json facts_of(const RemediationConfig& remediation) {
    json verify_timeout = json::object();
    for (const auto& [platform, timeout] : remediation.verify_timeout) verify_timeout[platform] = timeout.count();
    return {{"mode", remediation.mode},
            {"plan_ttl", remediation.plan_ttl.count()},
            {"verify_timeout", verify_timeout},
            {"settle", remediation.settle.count()},
            {"readyz_hold", remediation.readyz_hold.count()},
            {"configmap_watch", remediation.configmap_watch.count()}};
}

}  // namespace

std::string digest_of(const ClusterConfig& cluster, const RemediationConfig& remediation) {
    json facts{{"target", facts_of(cluster.target)},
               {"repair", facts_of(cluster.repair)},
               {"remediation", facts_of(remediation)}};
    if (cluster.ssh) {
        facts["ssh"] = {{"user", cluster.ssh->user},
                        {"key", sha256_hex(cluster.ssh->private_key_pem)},
                        {"known_hosts", sha256_hex(cluster.ssh->known_hosts)}};
        if (cluster.ssh->helper_installed) facts["ssh"]["helper"] = "installed";
    }
    for (const auto& risk : cluster.accept_risk) {
        const auto until = risk.until ? to_rfc3339(*risk.until) : std::string();
        facts["accept_risk"].push_back({risk.id, risk.ca_sha256, risk.cn, until});
    }
    for (const auto& pods : cluster.after_repair) facts["after_repair"].push_back({pods.namespace_, pods.selector});
    for (const auto& request : cluster.verify) {
        json wanted{request.get, request.expect_status};
        if (!request.json_path.empty()) {
            wanted.push_back(request.json_path);
            wanted.push_back(request.value);
        }
        facts["verify"].push_back(std::move(wanted));
    }
    // A file may hold bytes that are no UTF-8; only hashes of those enter, names are checked before.
    return sha256_hex(facts.dump(-1, ' ', false, json::error_handler_t::replace));
}

}  // namespace aggmedic::daemon
