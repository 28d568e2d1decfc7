#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "net/result.hpp"
#include "net/time.hpp"
#include "probes/observe.hpp"

namespace aggmedic::daemon {

// What a kubeconfig's `exec` asks for (client.authentication.k8s.io/v1 and v1beta1), and what it is run for.
struct ExecPlugin {
    std::string program;  // absolute path, one of the configuration's exec_plugins
    std::vector<std::string> arguments;
    std::map<std::string, std::string> environment;  // beside KUBERNETES_EXEC_INFO; the daemon's own is not handed on
    std::string api_version;
};

struct ExecAnswer {
    probes::Credential credential;
    std::optional<TimePoint> expires;  // none: until it is refused
};

// What the plugin is told: {"kind":"ExecCredential","spec":{"interactive":false}}.
std::string exec_info(const ExecPlugin& plugin);

// Reads an ExecCredential of the version that was asked for. Errors: malformed_reply, which quotes nothing of it.
Result<ExecAnswer> parse_exec_credential(std::string_view text, std::string_view api_version);

// The path among `allowed` (absolute paths) that `command` means: that path itself, or its last part alone.
std::optional<std::string> allowed_program(const std::vector<std::string>& allowed, std::string_view command);

}  // namespace aggmedic::daemon
