#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "net/time.hpp"
#include "probes/observe.hpp"
#include "remediate/meltdown.hpp"
#include "remediate/plan.hpp"
#include "remediate/start_guard.hpp"

namespace aggmedic::daemon {

using std::chrono::milliseconds;

struct SshConfig {
    std::string user;
    std::string private_key_pem;    // read from private_key_file
    std::string known_hosts;        // text of known_hosts_file
    bool helper_installed = false;  // it is a file of the masters', not sent with each call
};

struct ClusterConfig {
    probes::ClusterTarget target;  // with credentials read from their files
    probes::Credential repair;     // its source alone: each run reads it for itself, and forgets it at its end
    std::optional<SshConfig> ssh;
    std::vector<remediate::AcceptedRisk> accept_risk;
    std::vector<remediate::RestartPods> after_repair;
    std::vector<remediate::VerifyRequest> verify;
    std::string digest;  // SHA-256 of what of this configuration a plan is bound to; it changes with every setting
                         // and secret of the cluster, and with what remediation says of the run itself
};

// The monitoring server that is asked before automatic repair begins.
struct AlertGateConfig {
    enum class Server { prometheus, alertmanager } server = Server::prometheus;
    std::string url;  // as it was written
    bool is_tls = false;
    std::string host;
    std::uint16_t port = 0;
    std::string path;                   // what stands before /api, without a slash at its end
    std::string query;                  // of Prometheus: every sample of its result is an alert that fires
    std::vector<std::string> matchers;  // of Alertmanager; none: all alerts
    std::string ca_pem, bearer_token;
};

struct RemediationConfig {
    std::string mode = "approve";  // observe, approve (plans by itself), auto (applies them too)
    milliseconds plan_ttl{std::chrono::minutes(15)};
    std::map<std::string, milliseconds> verify_timeout{{"bosh", std::chrono::seconds(180)},
                                                       {"systemd", std::chrono::seconds(240)},
                                                       {"kubeadm", std::chrono::seconds(300)}};
    milliseconds settle{std::chrono::seconds(60)};
    milliseconds readyz_hold{std::chrono::seconds(10)};
    milliseconds configmap_watch{std::chrono::seconds(120)};  // two periods of the controller that writes the ConfigMap
    remediate::StartSettings start;
    remediate::MeltdownLimit meltdown;
    std::optional<AlertGateConfig> alert_gate;
};

struct ProbeConfig {
    milliseconds interval{std::chrono::seconds(30)};
    milliseconds timeout{std::chrono::seconds(5)};
    int attempts = 5;
    milliseconds master_interval{std::chrono::minutes(5)};
    bool operator==(const ProbeConfig&) const = default;
};

struct ConfigFault {
    std::string file;
    int line = 0, column = 0;  // 1-based; 0: the file as a whole
    std::string text;          // what is wrong, and what to write instead
    bool operator==(const ConfigFault&) const = default;
};
std::string format(const ConfigFault& fault);  // file:line:column: text

// The whole configuration, every file it names but those of credentials.repair already read. Holds secrets: never print
// it.
struct Config {
    std::string listen_host = "127.0.0.1";
    std::uint16_t listen_port = 10797;
    std::filesystem::path control_socket = "/run/aggmedic/control.sock";
    std::filesystem::path state_dir = "/var/lib/aggmedic";  // empty: nothing is stored (check --kubeconfig)
    ProbeConfig probe;
    RemediationConfig remediation;
    std::vector<ClusterConfig> clusters;
    std::vector<ConfigFault> warnings;  // what a person should look at, and that keeps nothing from working
};

// Reads `file` and everything it names (relative names: beside it), strictly: unknown and duplicate keys, wrong types
// and values out of range are faults. All faults are reported at once; with any, there is no configuration.
// credentials.repair is read only where it is `checked`, for a process that does nothing else: whoever holds it may
// become system:masters at the extension API servers.
enum class RepairCredential { left_alone, checked };
std::expected<Config, std::vector<ConfigFault>> load_config(const std::filesystem::path& file,
                                                            RepairCredential repair = RepairCredential::left_alone);

// The same for the bytes of `file`, whose name is for faults and for the folder that relative names start from.
std::expected<Config, std::vector<ConfigFault>> parse_config(const std::string& bytes,
                                                             const std::filesystem::path& file,
                                                             RepairCredential repair = RepairCredential::left_alone);

// A cluster from a kubeconfig, as kubectl reads it (current-context unless one is named). exec plugins and
// auth-providers are refused by name. Errors: io_failed, invalid_argument; the detail is a sentence that names the
// file.
Result<ClusterConfig> cluster_from_kubeconfig(const std::filesystem::path& file, std::string_view context);

// The configuration of `check --kubeconfig`: that one cluster, and no state directory, so that nothing is written.
Config config_for_kubeconfig(ClusterConfig cluster);

// What `config init` writes: a commented example that load_config accepts once its files exist.
std::string_view example_config();

}  // namespace aggmedic::daemon
