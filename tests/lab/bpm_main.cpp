// A stand-in for bpm: `bpm start JOB`, `bpm stop JOB`, `bpm pid JOB`. It reads config/bpm.yml when it starts something
// and never again, runs the process as vcap below tini, writes the pid file, and stops with SIGTERM, SIGQUIT after 15
// s, SIGKILL.
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <yaml-cpp/yaml.h>

#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>

#include "tests/lab/process.hpp"
#include "tests/lab/world.hpp"

namespace aggmedic::lab {
namespace {

constexpr const char* tini = "/var/vcap/packages/bpm/bin/tini";

struct Job {
    std::string name;
    std::string config() const { return "/var/vcap/jobs/" + name + "/config/bpm.yml"; }
    std::string pid_file() const { return "/var/vcap/sys/run/bpm/" + name + "/" + name + ".pid"; }
    std::string log(const std::string& kind) const {
        return "/var/vcap/sys/log/" + name + "/" + name + "." + kind + ".log";
    }
};

pid_t pid_of(const Job& job) {
    std::ifstream file(job.pid_file());
    pid_t pid = 0;
    file >> pid;
    return file ? pid : 0;
}

struct Process {
    std::vector<std::string> argv;
    std::map<std::string, std::string> environment;
};

// go-yaml v2, as bpm used it until 2023: an entry without a value is an empty argument; maps and lists inside args are
// errors.
Process read_process(const Job& job) {
    const YAML::Node document = YAML::LoadFile(job.config());
    for (const auto& process : document["processes"]) {
        if (process["name"].as<std::string>() != job.name) continue;
        Process found;
        found.argv.push_back(process["executable"].as<std::string>());
        for (const auto& argument : process["args"])
            found.argv.push_back(argument.IsNull() ? "" : argument.as<std::string>());
        if (process["env"] && process["env"].IsMap()) {
            for (const auto& variable : process["env"])
                found.environment[variable.first.as<std::string>()] = variable.second.as<std::string>();
        }
        return found;
    }
    throw std::runtime_error("process \"" + job.name + "\" not present in job configuration (" + job.config() + ")");
}

void become_vcap() {
    const passwd* user = ::getpwnam("vcap");
    if (user == nullptr) throw std::runtime_error("there is no user vcap");
    if (::initgroups("vcap", user->pw_gid) != 0 || ::setgid(user->pw_gid) != 0 || ::setuid(user->pw_uid) != 0)
        throw std::runtime_error("cannot become vcap");
}

double time_scale() {
    try {
        const auto place = nlohmann::json::parse(read_file("/run/lab/master.json"));
        return load_world(place.at("lab").get<std::string>()).time_scale;
    } catch (const std::exception&) {
        return 1.0;
    }
}

std::chrono::milliseconds scaled(double seconds) {
    return std::chrono::milliseconds(static_cast<int>(seconds * 1000 * time_scale()));
}

void detach_and_drop_rights(const Job& job) {
    ::setsid();
    const int nothing = ::open("/dev/null", O_RDONLY);
    ::dup2(nothing, STDIN_FILENO);
    for (const auto& [kind, descriptor] : {std::pair{"stdout", STDOUT_FILENO}, {"stderr", STDERR_FILENO}}) {
        const int log = ::open(job.log(kind).c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
        if (log >= 0) ::dup2(log, descriptor);
    }
    ::close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
    become_vcap();
}

int start(const Job& job) {
    const Process process = read_process(job);
    if (is_alive(pid_of(job))) return 0;
    std::filesystem::create_directories(std::filesystem::path(job.pid_file()).parent_path());
    std::filesystem::create_directories(std::filesystem::path(job.log("stdout")).parent_path());
    Spawn child{.argv = {tini, "-w", "-s", "--"},
                .environment = process.environment,
                .output_file = {},
                .in_child = [&] { detach_and_drop_rights(job); },
                .dies_with_parent = false};
    if (fault("/run/lab/faults", "no-tini")) child.argv.clear();
    child.argv.insert(child.argv.end(), process.argv.begin(), process.argv.end());
    const pid_t pid = spawn(child);
    std::ofstream(job.pid_file()) << pid << "\n";
    return 0;
}

// Since bpm 1.1.14 `stop` reads bpm.yml too, so a broken file makes a process that cannot be stopped.
int stop(const Job& job) {
    read_process(job);
    const pid_t pid = pid_of(job);
    const auto gone = [&] { return !is_alive(pid); };
    if (!gone()) {
        ::kill(pid, SIGTERM);
        if (!wait_until(gone, scaled(15))) {
            ::kill(-pid, SIGQUIT);
            if (!wait_until(gone, scaled(2))) ::kill(-pid, SIGKILL);
        }
        ::kill(-pid, SIGKILL);  // the container goes as a whole
        wait_until(gone, std::chrono::seconds(5));
    }
    std::filesystem::remove(job.pid_file());
    return 0;
}

// tini itself: the pid in the pid file, with the real process as its child.
int run_as_tini(std::vector<std::string> argv) {
    const auto dashes = std::ranges::find(argv, "--");
    if (dashes == argv.end() || dashes + 1 == argv.end()) return 2;
    sigset_t all;
    sigfillset(&all);
    ::sigprocmask(SIG_BLOCK, &all, nullptr);
    ::prctl(PR_SET_CHILD_SUBREAPER, 1);
    const pid_t child = spawn({.argv = std::vector<std::string>(dashes + 1, argv.end()),
                               .environment = {},
                               .output_file = {},
                               .in_child = {},
                               .dies_with_parent = true});
    for (;;) {
        int signal = 0;
        ::sigwait(&all, &signal);
        if (signal != SIGCHLD) {
            ::kill(child, signal);
            continue;
        }
        int status = 0;
        for (pid_t ended; (ended = ::waitpid(-1, &status, WNOHANG)) > 0;) {
            if (ended == child) return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        }
    }
}

int act(const std::string& verb, const Job& job) {
    const int lock =
        ::open(("/var/vcap/sys/run/bpm/" + job.name + ".lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    ::flock(lock, LOCK_EX);
    if (verb == "start") return start(job);
    if (verb == "stop") return stop(job);
    if (verb == "pid") {
        std::cout << pid_of(job) << "\n";
        return is_alive(pid_of(job)) ? 0 : 1;
    }
    std::cerr << "Error: unknown command \"" << verb << "\" for \"bpm\"\n";
    return 1;
}

}  // namespace
}  // namespace aggmedic::lab

int main(int argc, char** argv) {
    using namespace aggmedic::lab;
    const std::vector<std::string> arguments(argv + 1, argv + argc);
    if (std::string_view(argv[0]).ends_with("tini")) return run_as_tini(arguments);
    if (arguments.size() < 2) {
        std::cerr << "usage: bpm start|stop|pid JOB\n";
        return 2;
    }
    try {
        return act(arguments[0], {arguments[1]});
    } catch (const std::exception& error) {
        std::cerr << "Error: failed to parse job configuration: " << error.what() << "\n";
        std::ofstream("/var/vcap/sys/log/" + arguments[1] + "/bpm.log", std::ios::app) << error.what() << "\n";
        return 1;
    }
}
