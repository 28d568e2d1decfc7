#pragma once

#include <string>
#include <vector>

namespace aggmedic::cli {

enum class Command {
    check,
    explain,
    preflight,
    bundle,
    plan,
    revert,
    apply,
    abort_run,
    status,
    runs,
    pause,
    resume,
    audit_show,
    audit_verify,
    bosh_ops_file,
    bosh_runtime_config,
    config_check,
    config_init,
    config_sudoers,
    config_helper,
};

enum class Format { table, json, yaml };

struct GlobalOptions {
    Format format = Format::table;
    std::string config;  // empty: the default where one is needed
    std::string socket;  // empty: from --config, else the default
    bool standalone = false;
    bool no_color = false;
};

// What was typed, with nothing left to parse.
struct Invocation {
    Command command = Command::check;
    GlobalOptions global;
    std::vector<std::string> clusters;
    std::string id;                        // of a plan or a run
    std::string kubeconfig, context;       // check, explain and bundle without a configuration
    std::string from;                      // check and explain: a bundle instead of a cluster
    std::string to;                        // bundle: the file to write, - for stdout; empty: named after the cluster
    std::string method = "args";           // plan
    std::vector<std::string> accept_risk;  // plan, revert
    bool canary_only = false;              // apply
    bool rest_of_run = false;              // apply: id is a run's, whose rest is meant
    bool canary_timing = false;            // check, explain
    std::string reason;                    // apply, pause
    std::string head;                      // audit verify: SEQUENCE:HASH kept from earlier
    std::vector<std::string> former_logs;  // audit verify: other logs of the same user that are known
    bool follow = false;                   // runs
    std::string user = "aggmedic";         // config sudoers
    std::vector<std::string> names;        // bosh: CNs
    std::vector<std::string> deployments;  // bosh: in the order of clusters or names
};

inline constexpr const char* default_config = "/etc/aggmedic/aggmedic.yml";
inline constexpr const char* default_socket = "/run/aggmedic/control.sock";

// Exit statuses of the command line; scripts rely on them.
namespace exit_status {
inline constexpr int ok = 0;
inline constexpr int findings = 1;
inline constexpr int usage = 2;       // usage, configuration, or no daemon
inline constexpr int unobserved = 3;  // check; for plan: refused
inline constexpr int rolled_back = 4;
inline constexpr int refused = 5;
inline constexpr int needs_person = 6;
inline constexpr int detached = 7;
}  // namespace exit_status

}  // namespace aggmedic::cli
