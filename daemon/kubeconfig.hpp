#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/exec_credential.hpp"
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
    std::optional<ExecPlugin> exec;            // who we are says this program
    std::vector<std::filesystem::path> files;  // that `user` was read from
};

// Reads `context` (empty: current-context) as kubectl does: data before file, files relative to the kubeconfig. What
// kubectl would do and this does not (auth providers, passwords, proxies, impersonation) is refused by
// name, never left out silently. Errors: io_failed, invalid_argument.
// An exec plugin is taken only when it is one of `exec_plugins` (absolute paths, from our own configuration).
Result<KubeconfigContext> read_kubeconfig(const std::filesystem::path& file, std::string_view context,
                                          const std::vector<std::string>& exec_plugins = {});

// The same for the bytes of `file`.
Result<KubeconfigContext> parse_kubeconfig(const std::string& bytes, const std::filesystem::path& file,
                                           std::string_view context, const std::vector<std::string>& exec_plugins = {});

// The user of a context that was read from `file`, with the source that renews it: the files, or the plugin.
probes::Credential renewable_user(KubeconfigContext read, const std::filesystem::path& file, std::string_view context,
                                  const std::vector<std::string>& exec_plugins);

// The same for a kubeconfig that is not read before the user is wanted. Errors of its current(): as read_kubeconfig.
std::shared_ptr<probes::CredentialSource> user_of_kubeconfig(const std::filesystem::path& file, std::string context,
                                                             std::vector<std::string> exec_plugins);

}  // namespace aggmedic::daemon
