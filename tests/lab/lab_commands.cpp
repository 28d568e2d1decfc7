#include "tests/lab/lab_commands.hpp"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <iostream>

#include "tests/lab/breaks.hpp"
#include "tests/lab/causes.hpp"
#include "tests/lab/namespaces.hpp"
#include "tests/lab/supervisor.hpp"

namespace aggmedic::lab {
namespace {

namespace fs = std::filesystem;

fs::path own_programs() {
    return fs::read_symlink("/proc/self/exe").parent_path();
}

fs::path bpm_fixture(const std::string& name) {
    for (const fs::path& candidate :
         {fs::path(name), fs::path(LAB_BPM_FIXTURES) / name, fs::path(LAB_BPM_FIXTURES) / (name + ".yml")}) {
        if (fs::is_regular_file(candidate)) return fs::absolute(candidate);
    }
    throw std::runtime_error("there is no bpm.yml called " + name);
}

void announce(const LabSpec& spec) {
    const std::string at = spec.directory.string();
    std::cout << "lab up: " << spec.masters << " masters, Kubernetes " << spec.generation << ", monit " << spec.monit
              << "\n"
              << "configuration: " << at << "/aggmedic.yml\n"
              << "run inside:    lab exec --dir " << at << " -- aggmedicd --config " << at << "/aggmedic.yml\n"
              << "kubeconfigs:   " << at << "/kubeconfig (dev), " << at << "/kubeconfig-admin, " << at
              << "/kubeconfig-probe\n"
              << "end:           lab down --dir " << at << "\n"
              << std::flush;
}

void remove_lab(const fs::path& directory) {
    if (fs::exists(directory / "lab.json") || fs::exists(directory / "world.json")) fs::remove_all(directory);
}

// The background form: this process waits until the lab is complete, then leaves it to its supervisor.
int up_in_background(const LabSpec& spec) {
    int channel[2];
    if (::pipe2(channel, O_CLOEXEC) != 0) throw std::runtime_error("cannot make a pipe");
    if (::fork() == 0) {
        ::setsid();
        const int log = ::open((spec.directory / "supervisor.log").c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
        for (const int descriptor : {STDOUT_FILENO, STDERR_FILENO}) ::dup2(log, descriptor);
        ::dup2(::open("/dev/null", O_RDONLY), STDIN_FILENO);
        int result = 1;
        const auto report = [&](const std::string& trouble) {
            if (trouble.empty()) strike_fresh_lab(spec);
            const std::string text = trouble.empty() ? "up" : trouble;
            if (::write(channel[1], text.data(), text.size()) < 0) std::cerr << "nobody waits for this lab\n";
            ::close(channel[1]);
        };
        try {
            result = supervise(spec, report);
        } catch (const std::exception& error) {
            report(error.what());
        }
        ::_exit(result);
    }
    ::close(channel[1]);
    std::string text;
    char buffer[512];
    for (ssize_t size; (size = ::read(channel[0], buffer, sizeof buffer)) > 0;)
        text.append(buffer, static_cast<std::size_t>(size));
    if (text == "up") {
        announce(spec);
        return 0;
    }
    std::cerr << (text.empty()
                      ? "the lab's supervisor ended at once; see " + (spec.directory / "supervisor.log").string()
                      : text)
              << "\n";
    return 1;
}

Running running_lab(const fs::path& directory) {
    Running running = load_running(directory);
    if (!is_alive(running.supervisor)) throw std::runtime_error("no lab is running in " + directory.string());
    return running;
}

}  // namespace

int up(Options options) {
    LabSpec& spec = options.spec;
    spec.directory = fs::absolute(spec.directory).lexically_normal();
    spec.programs = own_programs();
    spec.bpm = bpm_fixture(options.bpm);
    for (const auto& text : options.breaks) spec.breaks.push_back(parse_break(text));
    if (const auto trouble = missing_programs(spec); !trouble.empty()) throw std::runtime_error(trouble);
    if (spec.directory.string().starts_with("/run/") || spec.directory.string().starts_with("/etc/"))
        throw std::runtime_error("a lab cannot live below /run or /etc: its masters have their own there");
    if (is_alive(load_running(spec.directory).supervisor))
        throw std::runtime_error("a lab is running in " + spec.directory.string() + "; `lab down --dir` ends it");
    remove_lab(spec.directory);
    build_lab(spec, world_of(spec));
    prepare_breaks(spec);
    if (!options.foreground) return up_in_background(spec);
    const int result = supervise(spec, [&](const std::string& trouble) {
        if (trouble.empty()) {
            strike_fresh_lab(spec);
            announce(spec);
        } else {
            std::cerr << trouble << "\n";
        }
    });
    if (!options.keep) remove_lab(spec.directory);
    return result;
}

int down(const Options& options) {
    const fs::path directory = fs::absolute(options.spec.directory);
    const Running running = load_running(directory);
    end_process(running.supervisor, std::chrono::seconds(10));
    const auto all_gone = [&] {
        for (const auto* group : {&running.masters, &running.others}) {
            for (const int pid : *group) {
                if (is_alive(pid)) return false;
            }
        }
        return true;
    };
    if (!wait_until(all_gone, std::chrono::seconds(10)))
        throw std::runtime_error("some of the lab's processes are still there");
    if (!options.keep) remove_lab(directory);
    return 0;
}

int exec_inside(const Options& options) {
    const Running running = running_lab(options.spec.directory);
    join_network(running.supervisor);
    exec_in_child(
        {.argv = options.command, .environment = {}, .output_file = {}, .in_child = {}, .dies_with_parent = false});
}

int ssh(const Options& options) {
    const World world = load_world(options.spec.directory);
    const auto& place = world.masters.at(master_index(options.master));
    const std::string at = fs::absolute(options.spec.directory).string();
    Options inside = options;
    inside.command = {"ssh",
                      "-F",
                      "none",
                      "-i",
                      at + "/pki/ssh.key",
                      "-o",
                      "UserKnownHostsFile=" + at + "/known_hosts",
                      "-o",
                      "IdentitiesOnly=yes",
                      "-o",
                      "BatchMode=yes",
                      "vcap@" + place.address};
    inside.command.insert(inside.command.end(), options.command.begin(), options.command.end());
    return exec_inside(inside);
}

int status(const Options& options) {
    const LabSpec spec = load_spec(options.spec.directory);
    const Running running = running_lab(options.spec.directory);
    const World world = load_world(options.spec.directory);
    std::cout << "lab in " << spec.directory.string() << ": Kubernetes " << spec.generation << ", monit " << spec.monit
              << ", time scale " << spec.time_scale << "\n";
    for (const auto& item : spec.breaks)
        std::cout << "broken: " << item.cause << (item.master < 0 ? "" : " on master/" + std::to_string(item.master))
                  << "\n";
    for (std::size_t i = 0; i < world.masters.size(); ++i)
        std::cout << world.masters[i].name << " " << world.masters[i].address << " init " << running.masters.at(i)
                  << "\n";
    std::cout << "load balancer " << world.balancer.text() << ", CA " << read_file(world.pki("ca.sha256"));
    return 0;
}

}  // namespace aggmedic::lab
