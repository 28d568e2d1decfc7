#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "net/result.hpp"
#include "probes/observe.hpp"

namespace aggmedic::daemon {

// One context of a kubeconfig: where the apiserver is, how it is trusted, who we are.
struct KubeconfigContext {
    std::string name;
    std::string server_host;
    std::uint16_t server_port = 443;
    std::string server_name;
    std::string ca_pem;
    bool insecure_skip_tls_verify = false;
    probes::Credential user;
};

// Reads `context` (empty: current-context) as kubectl does: data before file, files relative to the kubeconfig. What
// kubectl would do and this does not (exec plugins, auth providers, passwords, proxies, impersonation) is refused by
// name, never left out silently. Errors: io_failed, invalid_argument.
Result<KubeconfigContext> read_kubeconfig(const std::filesystem::path& file, std::string_view context);

}  // namespace aggmedic::daemon
