// `lab`: a fleet in a box, for people and for tests. README.md says what is in it.
#include <CLI/CLI.hpp>
#include <iostream>

#include "tests/lab/breaks.hpp"
#include "tests/lab/causes.hpp"
#include "tests/lab/lab_commands.hpp"

namespace aggmedic::lab {
namespace {

int parse_and_run(int argc, char** argv) {
    Options options;
    options.spec.directory = "/tmp/aggmedic-lab";
    int result = 0;
    CLI::App app("A fleet in a box: masters of real sshd, sudo and monit with simulated API servers.");
    app.require_subcommand(1);
    const auto command = [&](const char* name, const char* text, auto act) {
        CLI::App* sub = app.add_subcommand(name, text);
        sub->add_option("--dir", options.spec.directory, "where the lab lives")->capture_default_str();
        sub->callback([&, act] { result = act(options); });
        return sub;
    };
    CLI::App* sub = command("up", "start a lab and print its configuration", up);
    sub->add_option("--masters", options.spec.masters)->capture_default_str()->check(CLI::Range(1, 200));
    sub->add_option("--generation", options.spec.generation, "of Kubernetes")
        ->capture_default_str()
        ->check(CLI::IsMember({"1.11", "1.16", "1.20", "1.34", "1.35", "1.36"}));
    sub->add_option("--break", options.breaks, "CAUSE or CAUSE@MASTER; `lab causes` lists them");
    sub->add_option("--monit", options.spec.monit)->capture_default_str()->check(CLI::IsMember({"debian", "5.2.5"}));
    sub->add_option("--platform", options.spec.platform, "how the masters' apiserver is started")
        ->capture_default_str()
        ->check(CLI::IsMember({"bosh", "kubeadm", "systemd"}));
    sub->add_option("--time-scale", options.spec.time_scale, "shrinks start-up and controller periods")
        ->capture_default_str()
        ->check(CLI::Range(0.02, 5.0));
    sub->add_option("--bpm", options.bpm, "file, or name of a fixture, that the masters get as bpm.yml")
        ->capture_default_str();
    sub->add_option("--extensions", options.spec.extensions, "further extension API servers")
        ->check(CLI::Range(0, 2000));
    sub->add_flag("--accept-shared-ca", options.spec.accept_shared_ca,
                  "the configuration accepts the risk of the shared CA for 30 days");
    sub->add_flag("--foreground", options.foreground, "stay, and end with this process");
    sub->add_flag("--keep", options.keep, "leave the directory at the end (foreground)");
    sub = command("down", "end a lab and remove its directory", down);
    sub->add_flag("--keep", options.keep, "leave the directory");
    sub = command("exec", "run a command inside the lab's network", exec_inside);
    sub->add_option("command", options.command)->required();
    sub->positionals_at_end();
    sub = command("ssh", "log in to a master, or run a command there", ssh);
    sub->add_option("master", options.master, "master/0")->required();
    sub->add_option("command", options.command);
    sub->positionals_at_end();
    command("status", "what is running, and what is broken", status);
    bool instead = false;
    sub = command("break", "break a running lab", [&](const Options& o) {
        std::vector<Break> all;
        for (const auto& cause : o.breaks) all.push_back(parse_break(cause, o.master_index));
        return instead ? replace_breaks(o.spec.directory, all) : break_running(o.spec.directory, all);
    });
    sub->add_option("cause", options.breaks)->required();
    sub->add_option("--master", options.master_index, "only this one");
    sub->add_flag("--instead", instead, "of everything that is broken now");
    command("heal", "take back every break and every switch",
            [](const Options& o) { return heal_running(o.spec.directory); });
    sub = command("set", "turn a switch of a running lab: KEY=VALUE, master/N KEY=VALUE, KEY= to take it away",
                  [](const Options& o) { return set_running(o.spec.directory, o.master, o.setting); });
    sub->add_option("where", options.command, "[master/N] KEY=VALUE")->required()->expected(1, 2);
    sub->preparse_callback([](std::size_t) {});
    sub->parse_complete_callback([&] {
        options.setting = options.command.back();
        if (options.command.size() == 2) options.master = options.command.front();
    });
    CLI::App* causes = app.add_subcommand("causes", "list what --break understands");
    causes->callback([] { list_causes(std::cout); });
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error);
    }
    return result;
}

}  // namespace
}  // namespace aggmedic::lab

int main(int argc, char** argv) {
    try {
        return aggmedic::lab::parse_and_run(argc, argv);
    } catch (const std::exception& error) {
        std::cerr << "lab: " << error.what() << "\n";
        return 1;
    }
}
