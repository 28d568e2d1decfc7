#pragma once

#include <functional>
#include <string>

#include "daemon/cli/ask.hpp"
#include "daemon/cli/invocation.hpp"
#include "daemon/cli/render.hpp"

namespace aggmedic::cli {

// What surrounds a command: the terminal, as it was found at the start.
struct Console {
    View view;             // for stdout
    Style progress_style;  // for stderr
    bool redraws = false;  // stderr is a terminal that can
};
Console open_console(const Invocation& invocation);

// Each runs one command to its end and returns the exit status.
int run_command(const Invocation& invocation);  // by the table of commands.cpp, or one of the following
int run_bosh(const Invocation& invocation, const Console& console);
int run_config(const Invocation& invocation, const Console& console);
int run_audit(const Invocation& invocation, const Console& console);
int run_bundle(const Invocation& invocation, const Console& console);
int run_from_bundle(const Invocation& invocation, const Console& console);  // check and explain --from

ProgressDisplay open_progress(const Console& console, bool is_run, std::string footer);

// Prints a reply: the result to stdout, the error to stderr. Returns its exit status.
int finish(const daemon::Reply& reply, const Invocation& invocation,
           const std::function<std::string(const nlohmann::json&)>& as_table);
// One complaint on stderr: "aggmedic: TEXT".
void complain(const std::string& text);

}  // namespace aggmedic::cli
