#include "daemon/cli/arguments.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <map>
#include <sstream>
#include <string_view>

#include "daemon/cli/help.hpp"
#include "net/text.hpp"

namespace aggmedic::cli {
namespace {

// Words that only some commands know, until the command is certain.
struct Raw {
    std::string format = "table";
    std::string cluster;  // where exactly one is meant
    std::string scope;    // pause, resume: none means the fleet
    std::string rest_of;  // apply: a run in place of a plan
};

CLI::App* add_command(CLI::App& app, Invocation& invocation, Command command, const CommandHelp& help) {
    auto* added = app.add_subcommand(std::string(help.name), std::string(help.summary));
    added->footer(std::string(help.examples));
    added->callback([&invocation, command] { invocation.command = command; });
    return added;
}

void add_global_options(CLI::App& app, Invocation& invocation, Raw& raw) {
    auto& global = invocation.global;
    app.add_option("-o,--output", raw.format, "table (default), json or yaml")
        ->check(CLI::IsMember({"table", "json", "yaml"}))
        ->type_name("FORMAT");
    app.add_option("--config", global.config, "configuration of the daemon; with --standalone the one to work by")
        ->type_name("FILE");
    app.add_option("--socket", global.socket, "control socket of the daemon (default /run/aggmedic/control.sock)")
        ->type_name("PATH");
    app.add_flag("--standalone", global.standalone, "do the work in this process, without a daemon (with --config)");
    app.add_flag("--no-color", global.no_color, "no colours and no redrawing; so do NO_COLOR and a pipe");
}

// For a sudoers file, where a word in capitals is an alias, and ALL everybody.
std::string is_login_name(const std::string& text) {
    const auto is_lower = [](char character) { return character >= 'a' && character <= 'z'; };
    const auto is_inner = [&](char character) {
        return is_lower(character) || (character >= 'A' && character <= 'Z') ||
               (character >= '0' && character <= '9') || character == '_' || character == '-' || character == '.';
    };
    const bool good = !text.empty() && text.size() <= 32 && (is_lower(text.front()) || text.front() == '_') &&
                      std::ranges::all_of(text, is_inner) && std::ranges::any_of(text, is_lower);
    return good ? std::string()
                : "a login name begins with a small letter or '_', and holds letters, digits, '.', '_' and '-'";
}

void add_repeatable(CLI::App& command, const char* flag, const char* type, std::vector<std::string>& values,
                    const char* text) {
    command.add_option(flag, values, text)->type_name(type)->expected(1)->take_all();
}

void add_kubeconfig_options(CLI::App& command, Invocation& invocation) {
    auto* file = command.add_option("--kubeconfig", invocation.kubeconfig,
                                    "look at the cluster of this kubeconfig; needs nothing else: no configuration, "
                                    "no daemon, no SSH");
    file->type_name("FILE");
    command.add_option("--context", invocation.context, "context of the kubeconfig (default: its current one)")
        ->needs(file)
        ->type_name("NAME");
}

void add_bundle_to_read(CLI::App& command, Invocation& invocation) {
    command
        .add_option("--from", invocation.from,
                    "judge what this bundle holds; needs nothing else: no cluster, no configuration, no daemon")
        ->type_name("BUNDLE");
}

void add_canary_timing(CLI::App& command, Invocation& invocation) {
    command.add_flag("--canary-timing", invocation.canary_timing,
                     "also time the canary: tells a masked identity where the answers do not (120 small requests for "
                     "each aggregated API and apiserver)");
}

void add_looking_commands(CLI::App& app, Invocation& invocation, Raw& raw) {
    auto* check = add_command(app, invocation, Command::check, help_of(Command::check));
    check->add_option("CLUSTER", invocation.clusters, "clusters to look at (default: all)");
    add_kubeconfig_options(*check, invocation);
    add_bundle_to_read(*check, invocation);
    add_canary_timing(*check, invocation);

    auto* explain = add_command(app, invocation, Command::explain, help_of(Command::explain));
    explain->add_option("CLUSTER", raw.cluster, "the cluster");
    add_kubeconfig_options(*explain, invocation);
    add_bundle_to_read(*explain, invocation);
    add_canary_timing(*explain, invocation);

    auto* bundle = add_command(app, invocation, Command::bundle, help_of(Command::bundle));
    bundle->add_option("CLUSTER", raw.cluster, "the cluster");
    bundle
        ->add_option("--to", invocation.to,
                     "the file to write, - for stdout (default: aggmedic-CLUSTER-TIME.tar here; never over a file)")
        ->type_name("FILE");
    add_kubeconfig_options(*bundle, invocation);

    auto* preflight = add_command(app, invocation, Command::preflight, help_of(Command::preflight));
    preflight->add_option("CLUSTER", raw.cluster, "the cluster")->required();

    add_command(app, invocation, Command::status, help_of(Command::status));
}

void add_changing_commands(CLI::App& app, Invocation& invocation, Raw& raw) {
    auto* plan = add_command(app, invocation, Command::plan, help_of(Command::plan));
    plan->add_option("CLUSTER", raw.cluster, "the cluster")->required();
    plan->add_option(
            "--method", invocation.method,
            "what to change: args (default: the masters' arguments) or configmap (the published list alone, no "
            "master is restarted)")
        ->type_name("METHOD");
    add_repeatable(*plan, "--accept-risk", "ID", invocation.accept_risk,
                   "accept this risk of the plan; may be repeated");

    auto* revert = add_command(app, invocation, Command::revert, help_of(Command::revert));
    revert->add_option("RUN-ID", invocation.id, "id of the run, as apply and runs show it")->required();
    add_repeatable(*revert, "--accept-risk", "ID", invocation.accept_risk,
                   "accept this risk of the plan; may be repeated");

    auto* apply = add_command(app, invocation, Command::apply, help_of(Command::apply));
    auto* plan_id = apply->add_option("PLAN-ID", invocation.id, "id that plan printed (at least 8 characters of it)");
    apply
        ->add_option("--resume", raw.rest_of,
                     "go on with what this run left to do, if that is all that would be changed")
        ->type_name("RUN-ID")
        ->excludes(plan_id);
    apply->add_flag("--canary-only", invocation.canary_only, "repair and prove the first master, then stop");
    apply->add_option("--reason", invocation.reason, "why, for the journal")->type_name("TEXT");

    auto* stop = add_command(app, invocation, Command::abort_run, help_of(Command::abort_run));
    stop->add_option("RUN-ID", invocation.id, "id of the run, as apply and runs show it")->required();

    auto* runs = add_command(app, invocation, Command::runs, help_of(Command::runs));
    auto* run = runs->add_option("RUN-ID", invocation.id, "one run with its steps (default: the latest runs)");
    runs->add_flag("--follow", invocation.follow, "stay until the run ends, with its progress")->needs(run);

    auto* pause = add_command(app, invocation, Command::pause, help_of(Command::pause));
    pause->add_option("CLUSTER", raw.scope, "the cluster (default: the whole fleet)");
    pause->add_option("--reason", invocation.reason, "why, for the journal")->type_name("TEXT");
    auto* resume = add_command(app, invocation, Command::resume, help_of(Command::resume));
    resume->add_option("CLUSTER", raw.scope, "the cluster (default: the whole fleet)");
}

void add_audit_commands(CLI::App& app, Invocation& invocation) {
    auto* audit = app.add_subcommand("audit", "who changed what and why: audit show, audit verify");
    audit->require_subcommand(1)->fallthrough();
    add_command(*audit, invocation, Command::audit_show, help_of(Command::audit_show));
    auto* verify = add_command(*audit, invocation, Command::audit_verify, help_of(Command::audit_verify));
    verify->add_option("--head", invocation.head, "a head that an earlier verify printed")->type_name("SEQUENCE:HASH");
    add_repeatable(*verify, "--former-log", "NAME", invocation.former_logs,
                   "another log of the same user that is known; may be repeated");
    for (auto* command : audit->get_subcommands({})) command->fallthrough();
}

void add_rendering_commands(CLI::App& app, Invocation& invocation, Raw& raw) {
    auto* bosh = app.add_subcommand("bosh", "render the permanent fix for BOSH: bosh ops-file, bosh runtime-config");
    bosh->require_subcommand(1)->fallthrough();
    auto* ops_file = add_command(*bosh, invocation, Command::bosh_ops_file, help_of(Command::bosh_ops_file));
    ops_file->add_option("CLUSTER", raw.cluster, "the cluster whose names and certificate are read");
    add_repeatable(*ops_file, "--name", "CN", invocation.names,
                   "with CLUSTER: the CN to add; without: every name of the list, repeated");
    auto* runtime = add_command(*bosh, invocation, Command::bosh_runtime_config, help_of(Command::bosh_runtime_config));
    runtime->add_option("CLUSTER", invocation.clusters, "clusters whose certificates' CNs are read");
    add_repeatable(*runtime, "--name", "CN", invocation.names, "the CN to add, instead of reading it; may be repeated");
    add_repeatable(*runtime, "--deployment", "NAME", invocation.deployments,
                   "the deployment of each CLUSTER, or else of each --name, in the same order");
    auto* config = app.add_subcommand(
        "config", "check or write a configuration: config check, config init, config sudoers, config helper");
    config->require_subcommand(1)->fallthrough();
    add_command(*config, invocation, Command::config_check, help_of(Command::config_check));
    add_command(*config, invocation, Command::config_init, help_of(Command::config_init));
    auto* sudoers = add_command(*config, invocation, Command::config_sudoers, help_of(Command::config_sudoers));
    sudoers->add_option("--user", invocation.user, "the login user on the masters")
        ->type_name("USER")
        ->capture_default_str()
        ->check(CLI::Validator(is_login_name, "USER"));
    add_command(*config, invocation, Command::config_helper, help_of(Command::config_helper));
    for (auto* group : {bosh, config}) {
        for (auto* command : group->get_subcommands({})) command->fallthrough();
    }
}

// A sentence with what, where and what next, instead of the library's own wording alone.
std::string complaint(const CLI::App& app, const CLI::Error& error) {
    std::string name = "aggmedic";
    for (const CLI::App* at = &app; !at->get_subcommands().empty();) {
        at = at->get_subcommands().front();
        name += " " + at->get_name();
    }
    std::string what = error.what();
    // Of an unknown word after it, the library says only that a subcommand is missing.
    const auto left = app.remaining(true);
    if (error.get_name() == "RequiredError" && !left.empty()) what = "there is no command " + left.front();
    return name + ": " + printable(what) + "\nSee " + name + " --help.\n";
}

Farewell usage_error(std::string text) {
    return {.exit_status = exit_status::usage, .output = {}, .error = std::move(text)};
}

Farewell farewell(const CLI::App& app, const CLI::ParseError& error) {
    if (error.get_exit_code() != 0) return usage_error(complaint(app, error));
    std::ostringstream output;
    app.exit(error, output, output);
    return {.exit_status = exit_status::ok, .output = output.str(), .error = {}};
}

// What a kubeconfig or a bundle cannot be combined with.
std::string source_contradiction(const Invocation& invocation) {
    const auto& global = invocation.global;
    if (!invocation.from.empty() && invocation.canary_timing)
        return "--from judges what the bundle holds: leave out --canary-timing";
    if (!invocation.kubeconfig.empty() && invocation.canary_timing)
        return "--canary-timing asks as the canary, and a kubeconfig names none: give CLUSTER of a configuration";
    if (!invocation.from.empty()) {
        if (invocation.clusters.empty() && invocation.kubeconfig.empty()) return {};
        return "--from judges what the bundle holds: leave out CLUSTER and --kubeconfig";
    }
    if (invocation.kubeconfig.empty()) {
        if (!invocation.clusters.empty()) return {};
        if (invocation.command == Command::bundle) return "bundle which cluster? Give CLUSTER, or --kubeconfig FILE";
        return invocation.command == Command::explain
                   ? "explain which cluster? Give CLUSTER, --kubeconfig FILE or --from BUNDLE"
                   : "";
    }
    if (!invocation.clusters.empty()) return "either CLUSTER or --kubeconfig: a kubeconfig names its own cluster";
    if (global.standalone || !global.config.empty() || !global.socket.empty()) {
        return "--kubeconfig needs no configuration and no daemon: leave out --config, --socket and --standalone";
    }
    return {};
}

std::string bosh_contradiction(const Invocation& invocation) {
    const auto names = invocation.names.size();
    const auto clusters = invocation.clusters.size();
    if (invocation.command == Command::bosh_ops_file) {
        if (clusters == 0 && names < 2) {
            return "an ops-file replaces the whole list: give CLUSTER, or --name once for every name that must be on "
                   "it, "
                   "as in --name aggregator --name CN";
        }
        return clusters == 1 && names > 1 ? "with CLUSTER there is one --name: the one to add" : "";
    }
    if (invocation.command != Command::bosh_runtime_config) return {};
    if (clusters == 0 && names == 0) return "which CN? Give CLUSTER to read it from its masters, or --name CN";
    if (clusters != 0 && names != 0 && names != clusters) return "give one --name for each CLUSTER, or none";
    if (invocation.deployments.size() != std::max(clusters, names)) {
        return "give one --deployment for each CLUSTER or --name, in the same order (bosh deployments lists them): a "
               "runtime config without one would reach every deployment of the director";
    }
    return {};
}

// What one option alone cannot say.
std::string contradiction(const Invocation& invocation) {
    if (auto text = source_contradiction(invocation); !text.empty()) return text;
    if (auto text = bosh_contradiction(invocation); !text.empty()) return text;
    if (invocation.command == Command::apply && invocation.id.empty())
        return "apply what? Give the PLAN-ID that plan printed, or --resume RUN-ID";
    if (invocation.global.standalone && !invocation.global.socket.empty()) return "either --standalone or --socket";
    if (invocation.method != "args" && invocation.method != "configmap")
        return "--method " + printable(invocation.method) + ": there are args and configmap";
    return {};
}

}  // namespace

std::variant<Invocation, Farewell> parse_arguments(const std::vector<std::string>& words) {
    Invocation invocation;
    Raw raw;
    CLI::App app(std::string(program_summary), "aggmedic");
    app.footer(std::string(program_footer));
    app.require_subcommand(1)->fallthrough();
    app.set_version_flag("--version", "aggmedic " AGGMEDIC_VERSION);
    add_global_options(app, invocation, raw);
    add_looking_commands(app, invocation, raw);
    add_changing_commands(app, invocation, raw);
    add_audit_commands(app, invocation);
    add_rendering_commands(app, invocation, raw);
    for (auto* command : app.get_subcommands({})) command->fallthrough();
    try {
        app.parse(std::vector<std::string>(words.rbegin(), words.rend()));  // CLI11 takes them last first
    } catch (const CLI::ParseError& error) {
        return farewell(app, error);
    }
    static const std::map<std::string, Format> formats = {
        {"table", Format::table}, {"json", Format::json}, {"yaml", Format::yaml}};
    invocation.global.format = formats.at(raw.format);
    if (!raw.cluster.empty()) invocation.clusters = {raw.cluster};
    if (!raw.scope.empty()) invocation.clusters = {raw.scope};
    if (!raw.rest_of.empty()) {
        invocation.id = raw.rest_of;
        invocation.rest_of_run = true;
    }
    if (const auto text = contradiction(invocation); !text.empty()) {
        return usage_error("aggmedic: " + text + ".\nSee aggmedic --help.\n");
    }
    return invocation;
}

}  // namespace aggmedic::cli
