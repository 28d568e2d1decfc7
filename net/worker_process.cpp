#include "net/worker_process.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "net/descriptor.hpp"

namespace aggmedic {
namespace {

constexpr int worker_socket = 3;

// Out of the way of 0 to 3, so that no dup2 in the child overwrites what a later one needs.
int move_up(int fd) {
    const int moved = ::fcntl(fd, F_DUPFD_CLOEXEC, 10);
    ::close(fd);
    return moved;
}

// The daemon's environment may hold secrets (BOSH_CLIENT_SECRET).
std::vector<std::string> worker_environment() {
    std::vector<std::string> environment;
    for (const char* name : {"ASAN_OPTIONS", "LSAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS", "LD_LIBRARY_PATH"}) {
        const char* value = std::getenv(name);
        if (value != nullptr) environment.push_back(std::string(name) + "=" + value);
    }
    return environment;
}

std::vector<char*> pointers(std::vector<std::string>& words) {
    std::vector<char*> list;
    list.reserve(words.size() + 1);
    for (auto& word : words) list.push_back(word.data());
    list.push_back(nullptr);
    return list;
}

// Between fork and exec: async-signal-safe calls only, because other threads may have held locks.
[[noreturn]] void become_worker(int socket, int null, char* const* argv, char* const* environment) {
    for (int signal = 1; signal < NSIG; ++signal) {
        struct sigaction action{};
        action.sa_handler = SIG_DFL;
        ::sigaction(signal, &action, nullptr);
    }
    sigset_t none;
    ::sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    const bool placed = ::dup2(null, 0) == 0 && ::dup2(null, 1) == 1 &&
                        ::dup2(socket, worker_socket) == worker_socket && ::close_range(worker_socket + 1, ~0U, 0) == 0;
    if (placed) ::execve(argv[0], argv, environment);
    ::_exit(127);
}

std::string describe(int status) {
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS) {
        return "killed by its cage: it made a system call that no SSH session needs. Take the host that it spoke to "
               "for hostile until you know better";
    }
    if (WIFSIGNALED(status)) return fmt::format("signal {}", WTERMSIG(status));
    if (WEXITSTATUS(status) == 127) return "exit status 127: the program could not be executed";
    return fmt::format("exit status {}", WEXITSTATUS(status));
}

}  // namespace

Result<WorkerProcess> WorkerProcess::start(const std::string& program) {
    std::array<int, 2> ends{};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) {
        return fail(Errc::io_failed, std::string("socketpair: ") + std::strerror(errno));
    }
    Descriptor ours(ends[0]);
    const Descriptor theirs(move_up(ends[1]));
    const Descriptor null(move_up(::open("/dev/null", O_RDWR | O_CLOEXEC)));
    if (theirs.get() < 0 || null.get() < 0) return fail(Errc::io_failed, "no descriptor for the SSH worker");
    std::vector<std::string> words = {program, "--ssh-worker"};
    auto environment = worker_environment();
    const auto argv = pointers(words);
    const auto variables = pointers(environment);
    const pid_t pid = ::fork();
    if (pid < 0) return fail(Errc::io_failed, std::string("fork: ") + std::strerror(errno));
    if (pid == 0) become_worker(theirs.get(), null.get(), argv.data(), variables.data());
    return WorkerProcess(pid, ours.release());
}

WorkerProcess::~WorkerProcess() {
    if (socket_ >= 0) ::close(socket_);
    stop();
}

std::string WorkerProcess::stop() {
    if (pid_ <= 0) return "no process";
    const pid_t pid = std::exchange(pid_, -1);
    ::kill(pid, SIGKILL);  // changes nothing for a process that is already ending
    int status = 0;
    pid_t reaped = -1;
    do {
        reaped = ::waitpid(pid, &status, 0);
    } while (reaped < 0 && errno == EINTR);
    return reaped == pid ? describe(status) : "an end that nobody saw";
}

}  // namespace aggmedic
