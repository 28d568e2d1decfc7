#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "daemon/exec_credential.hpp"

namespace aggmedic::daemon {

// Runs one plugin: no shell, nothing on stdin, an environment of its own, its stderr dropped; killed with all it
// started when the time is over. Errors: io_failed (cannot be started, ended otherwise than with 0), timeout,
// too_large.
asio::awaitable<Result<std::string>> run_plugin(ExecPlugin plugin, std::chrono::milliseconds limit);

// A credential that a plugin gives, kept until shortly before it expires or until it is refused.
std::shared_ptr<probes::CredentialSource> credential_of_plugin(ExecPlugin plugin);

}  // namespace aggmedic::daemon
