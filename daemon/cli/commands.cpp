#include "daemon/cli/commands.hpp"

#include <array>

#include "daemon/cli/fields.hpp"
#include "daemon/cli/output.hpp"

namespace aggmedic::cli {
namespace {

// One row for each command that is one question to the service and one drawing of its answer.
struct Row {
    Command command;
    const char* request;
    std::string (*render)(const nlohmann::json&, const View&);
    bool watches_run;
};
constexpr std::array<Row, 11> table = {{
    {Command::check, "check", render_check, false},
    {Command::explain, "explain", render_explain, false},
    {Command::preflight, "preflight", render_preflight, false},
    {Command::plan, "plan", render_plan, false},
    {Command::revert, "revert", render_plan, false},
    {Command::apply, "apply", render_apply, true},
    {Command::abort_run, "abort", render_apply, true},
    {Command::status, "status", render_status, false},
    {Command::runs, "runs", render_runs, false},
    {Command::pause, "pause", render_paused, false},
    {Command::resume, "resume", render_paused, false},
}};
constexpr Row follow = {Command::runs, "follow", render_apply, true};

const Row* row_of(const Invocation& invocation) {
    if (invocation.command == Command::runs && invocation.follow) return &follow;
    for (const auto& row : table) {
        if (row.command == invocation.command) return &row;
    }
    return nullptr;
}

daemon::Request request_of(const Invocation& invocation, const char* command) {
    daemon::Request request;
    request.command = command;
    request.clusters = invocation.clusters;
    request.id = invocation.id;
    request.method = invocation.method;
    request.accept_risk = invocation.accept_risk;
    request.canary_only = invocation.canary_only;
    request.rest_of_run = invocation.rest_of_run;
    request.canary_timing = invocation.canary_timing;
    request.reason = invocation.reason;
    return request;
}

std::string footer_of(const Row& row, const Invocation& invocation) {
    if (!row.watches_run) return {};
    return invocation.global.standalone ? "Ctrl-C stops after this master" : "Ctrl-C detaches, the run goes on";
}

}  // namespace

int run_command(const Invocation& invocation) {
    const auto console = open_console(invocation);
    if (!invocation.from.empty()) return run_from_bundle(invocation, console);
    if (invocation.command == Command::bundle) return run_bundle(invocation, console);
    if (invocation.command == Command::audit_show || invocation.command == Command::audit_verify)
        return run_audit(invocation, console);
    const auto* row = row_of(invocation);
    if (row == nullptr) {
        const bool is_bosh =
            invocation.command == Command::bosh_ops_file || invocation.command == Command::bosh_runtime_config;
        return is_bosh ? run_bosh(invocation, console) : run_config(invocation, console);
    }
    auto display = open_progress(console, row->watches_run, footer_of(*row, invocation));
    const auto reply = ask(invocation, request_of(invocation, row->request), row->watches_run, display);
    display.clear();
    return finish(reply, invocation, [&](const nlohmann::json& result) { return row->render(result, console.view); });
}

}  // namespace aggmedic::cli
