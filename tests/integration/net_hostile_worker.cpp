// An SSH worker that a hostile master has taken over: started as the daemon starts its own, in the same cage, it tries
// what it is told over its socket, and says over it what came of that. The test reads there "done", "errno N", or that
// the process was killed.
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/bpf.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <map>
#include <string>

#include "net/ssh_cage.hpp"

namespace {

constexpr int parent_socket = 3;
using Attempt = std::function<long(const std::string&)>;  // -1 with errno, or anything else for success

long open_to(const std::string& file, int flags) {
    return ::syscall(SYS_openat, AT_FDCWD, file.c_str(), flags, 0600);
}

long connect_unix(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path) return -1;
    std::memcpy(address.sun_path, path.data(), path.size());
    const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return fd < 0 ? -1 : ::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address);
}

long connect_tcp(const std::string& port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(static_cast<std::uint16_t>(std::stoi(port)));
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return fd < 0 ? -1 : ::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address);
}

long listen_tcp(const std::string&) {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return fd < 0 ? -1 : ::listen(fd, 1);
}

long trace(const std::string& pid) {
    return ::ptrace(PTRACE_SEIZE, std::stoi(pid), nullptr, nullptr);
}

// "PID ADDRESS"
long read_memory(const std::string& where) {
    char* rest = nullptr;
    const auto pid = static_cast<pid_t>(std::strtol(where.c_str(), &rest, 10));
    char byte = 0;
    const iovec here{.iov_base = &byte, .iov_len = 1};
    const iovec there{.iov_base = reinterpret_cast<void*>(std::strtoull(rest, nullptr, 10)), .iov_len = 1};
    return ::process_vm_readv(pid, &here, 1, &there, 1, 0);
}

// "PID FD": a descriptor of another process
long take_descriptor(const std::string& which) {
    char* rest = nullptr;
    const auto pid = std::strtol(which.c_str(), &rest, 10);
    const long process = ::syscall(SYS_pidfd_open, pid, 0);
    return process < 0 ? -1 : ::syscall(SYS_pidfd_getfd, process, std::strtol(rest, nullptr, 10), 0);
}

long run_program(const std::string& program) {
    std::string name = program;
    std::array<char*, 2> argv = {name.data(), nullptr};
    return ::execve(name.c_str(), argv.data(), nullptr);
}

long fork_child(const std::string&) {
    const long pid = ::syscall(SYS_clone, SIGCHLD, nullptr, nullptr, nullptr, nullptr);
    if (pid == 0) ::_exit(0);
    return pid;
}

long map_executable(const std::string&) {
    void* page = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return page == MAP_FAILED ? -1 : 0;
}

long make_executable(const std::string&) {
    void* page = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return ::mprotect(page, 4096, PROT_READ | PROT_EXEC);
}

long stat_file(const std::string& file) {
    struct stat info{};
    return ::syscall(SYS_newfstatat, AT_FDCWD, file.c_str(), &info, 0);
}

const std::map<std::string, Attempt>& attempts() {
    static const std::map<std::string, Attempt> table = {
        {"answer", [](const std::string&) { return ::write(parent_socket, "", 0); }},
        {"random", [](const std::string&) { return ::syscall(SYS_getrandom, std::array<char, 1>{}.data(), 1, 0); }},
        {"read", [](const std::string& file) { return open_to(file, O_RDONLY); }},
        {"write", [](const std::string& file) { return open_to(file, O_WRONLY | O_CREAT); }},
        {"openat2",
         [](const std::string& file) {
             const std::array<std::uint64_t, 3> how{};
             return ::syscall(SYS_openat2, AT_FDCWD, file.c_str(), how.data(), sizeof how);
         }},
        {"stat", stat_file},
        {"remove", [](const std::string& file) { return ::syscall(SYS_unlinkat, AT_FDCWD, file.c_str(), 0); }},
        {"unix", connect_unix},
        {"tcp", connect_tcp},
        {"listen", listen_tcp},
        {"socketpair",
         [](const std::string&) {
             std::array<int, 2> ends{};
             return ::socketpair(AF_UNIX, SOCK_STREAM, 0, ends.data());
         }},
        {"netlink", [](const std::string&) { return ::socket(AF_NETLINK, SOCK_RAW, 0); }},
        {"trace", trace},
        {"memory", read_memory},
        {"descriptor", take_descriptor},
        {"signal", [](const std::string& pid) { return ::kill(std::stoi(pid), 0); }},
        {"thread-signal",
         [](const std::string& pid) { return ::syscall(SYS_tgkill, std::stoi(pid), std::stoi(pid), 0); }},
        {"own", [](const std::string& pid) { return ::fcntl(parent_socket, F_SETOWN, std::stoi(pid)); }},
        {"exec", run_program},
        {"execveat",
         [](const std::string&) { return ::syscall(SYS_execveat, 0, "", nullptr, nullptr, AT_EMPTY_PATH); }},
        {"fork", fork_child},
        {"clone3", [](const std::string&) { return ::syscall(SYS_clone3, nullptr, 0); }},
        {"executable", map_executable},
        {"make-executable", make_executable},
        {"dumpable", [](const std::string&) { return ::prctl(PR_SET_DUMPABLE, 1, 0, 0, 0); }},
        {"bpf", [](const std::string&) { return ::syscall(SYS_bpf, BPF_PROG_LOAD, nullptr, 0); }},
        {"mount", [](const std::string&) { return ::mount("none", "/nonexistent", "tmpfs", 0, nullptr); }},
        {"unshare", [](const std::string&) { return ::unshare(CLONE_NEWUTS); }},
        {"setns", [](const std::string&) { return ::setns(0, 0); }},
        {"keyctl", [](const std::string&) { return ::syscall(SYS_keyctl, 0, 0, 0, 0, 0); }},
        {"io_uring", [](const std::string&) { return ::syscall(SYS_io_uring_setup, 1, nullptr); }},
        {"userfaultfd", [](const std::string&) { return ::syscall(SYS_userfaultfd, 0); }},
    };
    return table;
}

// "CAGE ATTEMPT ARGUMENT" up to a line's end.
std::string read_order() {
    std::string line;
    for (char byte = 0; ::read(parent_socket, &byte, 1) == 1 && byte != '\n';) line += byte;
    return line;
}

void say(const std::string& what) {
    static_cast<void>(::write(parent_socket, what.data(), what.size()));
}

// "NUMBER FILE" on a line for each descriptor that this process was started with.
std::string held_descriptors() {
    std::string lines;
    std::array<char, 4096> name{};
    for (int fd = 0; fd < 4096; ++fd) {
        const auto link = "/proc/self/fd/" + std::to_string(fd);
        const auto size = ::readlink(link.c_str(), name.data(), name.size());
        if (size > 0)
            lines += fmt::format("{} {}\n", fd, std::string_view(name.data(), static_cast<std::size_t>(size)));
    }
    return lines;
}

bool enter(const std::string& cage) {
    if (cage == "free") return true;
    if (cage == "caged") return aggmedic::enter_ssh_cage().has_value();
    // What Landlock alone holds: the filter must not be the only wall where there are two.
    ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    return cage == "landlock" && aggmedic::forbid_files();
}

}  // namespace

int main() {
    const auto order = read_order();
    const auto first = order.find(' ');
    const auto second = order.find(' ', first + 1);
    if (first == std::string::npos || second == std::string::npos) return 2;
    if (order == "free held ") {
        say(held_descriptors());
        return 0;
    }
    const auto found = attempts().find(order.substr(first + 1, second - first - 1));
    const auto argument = order.substr(second + 1);
    if (found == attempts().end() || !enter(order.substr(0, first))) return 2;
    errno = 0;
    const bool failed = found->second(argument) == -1;
    say(failed ? fmt::format("errno {}", errno) : "done");
    ::_exit(0);  // not through exit(): leak checkers need what the cage takes
}
