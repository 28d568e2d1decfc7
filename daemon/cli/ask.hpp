#pragma once

#include <string>

#include "daemon/cli/invocation.hpp"
#include "daemon/cli/progress_display.hpp"
#include "daemon/config.hpp"
#include "daemon/service.hpp"

namespace aggmedic::cli {

// Asks the daemon over its control socket. A reply comes back in any case: with no daemon its status is 2 and its error
// says what to do. `watches_run`: Ctrl-C and a lost terminal detach (status 7) instead of ending this process.
daemon::Reply ask_daemon(const GlobalOptions& global, const daemon::Request& request, bool watches_run,
                         ProgressDisplay& display);

// Does the work in this process, by `config`. With `watches_run` Ctrl-C aborts: the run finishes or undoes the master
// it is at; a lost terminal changes nothing.
daemon::Reply ask_in_process(daemon::Config config, daemon::Request request, bool watches_run,
                             ProgressDisplay& display);

// Wherever the invocation says: --kubeconfig, --standalone, or the daemon.
daemon::Reply ask(const Invocation& invocation, daemon::Request request, bool watches_run, ProgressDisplay& display);

// The options that a suggested command needs too, to reach the same daemon or configuration: " --config FILE".
std::string repeated_options(const GlobalOptions& global);

// Where the daemon of these options listens: --socket, or `control_socket` of --config, or the default.
std::string socket_path(const GlobalOptions& global);

}  // namespace aggmedic::cli
