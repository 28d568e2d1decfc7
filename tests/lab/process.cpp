#include "tests/lab/process.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <exception>
#include <fstream>
#include <iostream>
#include <system_error>
#include <thread>

#include "tests/lab/http.hpp"

namespace aggmedic::lab {
namespace {

sigset_t stop_signals() {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGHUP);
    return signals;
}

void redirect_output(const std::string& file) {
    const int descriptor = ::open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (descriptor < 0) return;
    ::dup2(descriptor, STDOUT_FILENO);
    ::dup2(descriptor, STDERR_FILENO);
}

}  // namespace

void block_stop_signals() {
    const sigset_t signals = stop_signals();
    ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
    ::signal(SIGPIPE, SIG_IGN);
}

int wait_for_stop() {
    const sigset_t signals = stop_signals();
    int signal = 0;
    while (::sigwait(&signals, &signal) != 0) {
    }
    return signal;
}

bool wait_for_stop(std::chrono::milliseconds limit) {
    const sigset_t signals = stop_signals();
    const timespec span{.tv_sec = limit.count() / 1000, .tv_nsec = (limit.count() % 1000) * 1000000};
    return ::sigtimedwait(&signals, nullptr, &span) > 0;
}

int serve_until_stopped(HttpServer& server) {
    block_stop_signals();
    try {
        server.listen();
    } catch (const std::exception& error) {
        std::cerr << "cannot listen: " << error.what() << "\n";
        return 1;
    }
    server.serve();
    wait_for_stop();
    server.close_port();
    std::cout.flush();
    ::_exit(0);  // connections have threads of their own that nobody waits for
}

void exec_in_child(const Spawn& what) {
    std::vector<char*> argv;
    for (const std::string& argument : what.argv) argv.push_back(const_cast<char*>(argument.c_str()));
    argv.push_back(nullptr);
    if (what.dies_with_parent) ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    sigset_t none;
    sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    ::signal(SIGPIPE, SIG_DFL);
    for (const auto& [name, value] : what.environment) ::setenv(name.c_str(), value.c_str(), 1);
    if (!what.output_file.empty()) redirect_output(what.output_file);
    try {
        if (what.in_child) what.in_child();
    } catch (const std::exception& error) {
        std::fprintf(stderr, "%s\n", error.what());
        ::_exit(126);
    }
    ::execvp(argv[0], argv.data());
    std::fprintf(stderr, "cannot run %s: %s\n", argv[0], std::generic_category().message(errno).c_str());
    ::_exit(127);
}

pid_t spawn(const Spawn& what) {
    const pid_t child = ::fork();
    if (child < 0) throw std::system_error(errno, std::generic_category(), "fork");
    if (child == 0) exec_in_child(what);
    return child;
}

int run(const Spawn& what) {
    const pid_t child = spawn(what);
    int status = 0;
    while (::waitpid(child, &status, 0) < 0) {
        if (errno != EINTR) return 127;
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

bool is_alive(pid_t pid) {
    if (pid <= 0) return false;
    std::ifstream stat("/proc/" + std::to_string(pid) + "/stat");
    std::string text;
    if (!std::getline(stat, text)) return false;
    const auto after_name = text.rfind(')');
    return after_name != std::string::npos && after_name + 2 < text.size() && text[after_name + 2] != 'Z';
}

bool wait_until(const std::function<bool()>& done, std::chrono::milliseconds limit, std::chrono::milliseconds pause) {
    const auto deadline = std::chrono::steady_clock::now() + limit;
    while (!done()) {
        if (std::chrono::steady_clock::now() >= deadline) return false;
        std::this_thread::sleep_for(pause);
    }
    return true;
}

void end_process(pid_t pid, std::chrono::milliseconds grace) {
    if (pid <= 1) return;
    ::kill(pid, SIGTERM);
    const auto gone = [&] {
        ::waitpid(pid, nullptr, WNOHANG);  // it may be a child of ours
        return !is_alive(pid);
    };
    if (wait_until(gone, grace)) return;
    ::kill(pid, SIGKILL);
    wait_until(gone, std::chrono::seconds(5));
}

}  // namespace aggmedic::lab
