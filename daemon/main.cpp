#include <CLI/CLI.hpp>
#include <cstdio>
#include <string>

#include "daemon/config.hpp"
#include "daemon/process.hpp"
#include "net/ssh_worker.hpp"
#include "remediate/master_helper.hpp"

namespace {

using namespace aggmedic;

int run(const std::string& file, bool check_only) {
    const auto repair = check_only ? daemon::RepairCredential::checked : daemon::RepairCredential::left_alone;
    auto config = daemon::load_config(file, repair);
    if (!config) {
        for (const auto& fault : config.error()) std::fprintf(stderr, "%s\n", daemon::format(fault).c_str());
        return 2;
    }
    if (!check_only) return daemon::run_daemon(std::move(*config), file);
    for (const auto& warning : config->warnings) std::fprintf(stderr, "warning: %s\n", daemon::format(warning).c_str());
    std::printf("%s: %zu clusters, no faults\n", file.c_str(), config->clusters.size());
    return 0;
}

}  // namespace

// The daemon; it is also the program that its own SSH workers are.
int main(int argc, char** argv) {
    if (const auto status = run_as_ssh_worker(argc, argv, remediate::remote_verbs())) return *status;
    CLI::App app(
        "Watches the API aggregation layer of Kubernetes clusters, and repairs it when told to. Operators use the "
        "command aggmedic.",
        "aggmedicd");
    std::string file = "/etc/aggmedic/aggmedic.yml";
    bool check_only = false;
    app.add_option("--config", file, "configuration file")->type_name("FILE")->capture_default_str();
    app.add_flag("--check", check_only, "read the configuration, say what is wrong with it, and leave");
    app.set_version_flag("--version", std::string("aggmedicd ") + AGGMEDIC_VERSION);
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? 0 : 2;
    }
    return run(file, check_only);
}
