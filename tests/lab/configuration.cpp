#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <ctime>

#include "tests/lab/lab_spec.hpp"

// What a lab hands to aggmedic and to kubectl.
namespace aggmedic::lab {
namespace {

namespace fs = std::filesystem;

std::string known_hosts(const World& world) {
    std::string text;
    for (std::size_t i = 0; i < world.masters.size(); ++i) {
        for (const char* type : {"ed25519", "rsa"})
            text += world.masters[i].address + " " +
                    read_file(world.master_directory(i) / fmt::format("ssh/ssh_host_{}_key.pub", type));
    }
    return text;
}

std::string seconds(double wanted) {
    return fmt::format("{}s", std::max(1, static_cast<int>(wanted + 0.5)));
}

std::string masters_block(const World& world) {
    std::string text;
    for (const auto& master : world.masters)
        text += fmt::format("      - {{name: {}, address: {}, api_port: 8443, server_name: {}}}\n", master.name,
                            master.address, cluster_name);
    return text;
}

std::string accepted_risks(const LabSpec& spec, const World& world) {
    if (!spec.accept_shared_ca) return {};
    const std::time_t end = std::time(nullptr) + 30L * 24 * 3600;
    std::tm parts{};
    gmtime_r(&end, &parts);
    const std::string fingerprint = read_file(world.pki("ca.sha256")).substr(0, 64);
    return fmt::format("    accept_risk: [{{id: shared-ca, ca_sha256: \"{}\", cn: {}, until: {:04}-{:02}-{:02}}}]\n",
                       fingerprint, cluster_name, parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday);
}

const char* probe_token(const LabSpec& spec) {
    return spec.has("credential-invalid") ? "expired.token" : "probe.token";
}

std::string configuration(const LabSpec& spec, const World& world) {
    const std::string at = world.directory.string();
    const double scale = world.time_scale;
    return fmt::format(
        R"(# Made by `lab up`; addresses exist only inside the lab: lab exec --dir {0} -- aggmedicd --config {0}/aggmedic.yml
listen: 127.0.0.1:10797
control_socket: {0}/aggmedic/control.sock
state_dir: {0}/aggmedic/state
probe: {{interval: {1}, timeout: 3s, attempts: 5, master_interval: {2}}}
remediation:
  mode: approve
  plan_ttl: 15m
  verify_timeout: {{bosh: {3}, systemd: {3}, kubeadm: {3}}}
  settle: {4}
  readyz_hold: {5}
  cooldown: {6}
  configmap_watch: {11}
clusters:
  - name: demo
    server: https://{7}
    certificate_authority_file: {0}/pki/ca.pem
    credentials:
      probe: {{token_file: {0}/pki/{10}}}
      canary: {{token_file: {0}/pki/canary.token}}
      repair: {{token_file: {0}/pki/repair.token}}
    platform: {12}
    masters:
{8}    ssh: {{user: vcap, private_key_file: {0}/pki/ssh.key, known_hosts_file: {0}/known_hosts}}
    after_repair: [{{restart_pods: {{namespace: catalog, selector: release=catalog}}}}]
    verify: [{{get: /apis/servicecatalog.k8s.io/v1beta1/clusterserviceclasses}}]
{9})",
        at, seconds(30 * scale), seconds(300 * scale), seconds(60 + 120 * scale), seconds(15 * scale),
        seconds(10 * scale), seconds(60 * scale), world.balancer.text(), masters_block(world),
        accepted_risks(spec, world), probe_token(spec), seconds(120 * scale), spec.platform);
}

std::string kubeconfig(const World& world, const std::string& user, const std::string& token_file) {
    const std::string pki = world.pki("").string();
    return fmt::format(
        "apiVersion: v1\nkind: Config\nclusters:\n- name: demo\n  cluster:\n    server: https://{0}\n    "
        "tls-server-name: {1}\n    certificate-authority: {2}ca.pem\n"
        "users:\n- name: {3}\n  user:\n    token: {4}\ncontexts:\n- name: demo\n  context: {{cluster: demo, user: "
        "{3}}}\ncurrent-context: demo\n",
        world.balancer.text(), cluster_name, pki, user, read_file(world.pki(token_file)));
}

}  // namespace

void write_configuration(const LabSpec& spec, const World& world) {
    fs::create_directories(spec.directory / "aggmedic/state");
    write_file(world.pki("expired.token"), "lab-probe-of-last-year");
    write_file(spec.directory / "known_hosts", known_hosts(world));
    write_file(spec.directory / "aggmedic.yml", configuration(spec, world));
    write_file(spec.directory / "kubeconfig", kubeconfig(world, "dev", "dev.token"));
    write_file(spec.directory / "kubeconfig-admin", kubeconfig(world, "admin", "admin.token"));
    write_file(spec.directory / "kubeconfig-probe", kubeconfig(world, "probe", probe_token(spec)));
    for (const char* secret : {"kubeconfig", "kubeconfig-admin", "kubeconfig-probe", "pki/probe.token",
                               "pki/expired.token", "pki/canary.token", "pki/repair.token", "pki/ssh.key"})
        ::chmod((spec.directory / secret).c_str(), 0600);
}

}  // namespace aggmedic::lab
