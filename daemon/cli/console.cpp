#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdlib>

#include "daemon/cli/ask.hpp"
#include "daemon/cli/commands.hpp"
#include "daemon/cli/fields.hpp"
#include "daemon/cli/output.hpp"

namespace aggmedic::cli {
namespace {

std::string environment(const char* name) {
    const char* value = std::getenv(name);
    return value == nullptr ? "" : value;
}

Terminal terminal_at(int descriptor) {
    Terminal terminal{.no_color = environment("NO_COLOR"), .term = environment("TERM")};
    terminal.is_terminal = ::isatty(descriptor) == 1;
    winsize size{};
    if (::ioctl(descriptor, TIOCGWINSZ, &size) == 0) terminal.width = size.ws_col;
    return terminal;
}

std::string kubeconfig_options(const Invocation& invocation) {
    if (invocation.kubeconfig.empty()) return {};
    std::string options = " --kubeconfig " + typed_word(invocation.kubeconfig);
    if (!invocation.context.empty()) options += " --context " + typed_word(invocation.context);
    return options;
}

}  // namespace

Console open_console(const Invocation& invocation) {
    const auto output = terminal_at(STDOUT_FILENO);
    const auto error = terminal_at(STDERR_FILENO);
    return {.view = {.style = choose_style(invocation.global, output),
                     .options = repeated_options(invocation.global),
                     .kubeconfig = kubeconfig_options(invocation),
                     .accept_risk = invocation.accept_risk},
            .progress_style = choose_style(invocation.global, error),
            .redraws = can_redraw(invocation.global, error)};
}

ProgressDisplay open_progress(const Console& console, bool is_run, std::string footer) {
    ProgressView view(console.progress_style, console.redraws, std::move(footer));
    return {std::move(view), is_run || console.redraws, console.redraws};
}

void complain(const std::string& text) {
    static_cast<void>(write_all(STDERR_FILENO, "aggmedic: " + text + "\n"));
}

int finish(const daemon::Reply& reply, const Invocation& invocation,
           const std::function<std::string(const nlohmann::json&)>& as_table) {
    if (!write_all(STDOUT_FILENO, formatted(invocation.global.format, reply.result, as_table))) {
        complain("the result could not be written to stdout");
    }
    std::string lines;
    for (const auto& line : lines_of({{"error", reply.error}}, "error")) lines += (lines.empty() ? "" : "\n") + line;
    if (!lines.empty()) complain(lines);
    return reply.exit_status;
}

}  // namespace aggmedic::cli
