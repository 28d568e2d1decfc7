#include "net_cage_probe.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/bpf.h>
#include <linux/io_uring.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>

#include "net/ssh_cage.hpp"

namespace aggmedic::test {
namespace {

constexpr std::string_view flag = "--cage-probe";

long run_program() {
    const char* argv[] = {"/bin/true", nullptr};
    return ::execve(argv[0], const_cast<char* const*>(argv), nullptr);
}

long fork_child() {
    const long pid = ::syscall(SYS_clone, SIGCHLD, nullptr, nullptr, nullptr, nullptr);
    if (pid == 0) ::_exit(0);
    return pid;
}

long map_executable() {
    void* page = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return page == MAP_FAILED ? -1 : 0;
}

long make_executable() {
    void* page = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return ::mprotect(page, 4096, PROT_READ | PROT_EXEC);
}

}  // namespace

const std::vector<CageProbe>& cage_probes() {
    static const std::vector<CageProbe> probes = {
        {"TCP socket", 0, [] { return static_cast<long>(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)); }},
        {"TCP socket over IPv6", 0,
         [] { return static_cast<long>(::socket(AF_INET6, SOCK_STREAM, 0)) < 0 && errno == EPERM ? -1L : 0L; }},
        {"random bytes", 0,
         [] {
             char byte = 0;
             return ::syscall(SYS_getrandom, &byte, 1, 0);
         }},
        {"non-blocking", 0, [] { return static_cast<long>(::fcntl(0, F_SETFL, ::fcntl(0, F_GETFL))); }},
        {"read a file", EPERM, [] { return ::syscall(SYS_openat, AT_FDCWD, "/etc/passwd", O_RDONLY, 0); }},
        {"write a file", EPERM, [] { return ::syscall(SYS_openat, AT_FDCWD, "/tmp/caged", O_WRONLY | O_CREAT, 0600); }},
        {"open by openat2", EPERM, [] { return ::syscall(SYS_openat2, AT_FDCWD, "/etc/passwd", nullptr, 0); }},
        {"stat a file", EPERM,
         [] {
             struct stat info{};
             return ::syscall(SYS_newfstatat, AT_FDCWD, "/etc/passwd", &info, 0);
         }},
        {"remove a file", EPERM, [] { return ::syscall(SYS_unlinkat, AT_FDCWD, "/tmp/nothing", 0); }},
        {"run a program", EPERM, run_program},
        {"run a program by descriptor", EPERM,
         [] { return ::syscall(SYS_execveat, 0, "", nullptr, nullptr, AT_EMPTY_PATH); }},
        {"fork", EPERM, fork_child},
        {"clone3", EPERM, [] { return ::syscall(SYS_clone3, nullptr, 0); }},
        {"trace", EPERM, [] { return ::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr); }},
        {"read another's memory", EPERM,
         [] { return ::syscall(SYS_process_vm_readv, ::getppid(), nullptr, 0, nullptr, 0, 0); }},
        {"signal the parent", EPERM, [] { return static_cast<long>(::kill(::getppid(), 0)); }},
        {"signal a thread of the parent", EPERM, [] { return ::syscall(SYS_tgkill, ::getppid(), ::getppid(), 0); }},
        {"signal by ownership", EPERM, [] { return static_cast<long>(::fcntl(0, F_SETOWN, ::getppid())); }},
        {"Unix socket", EPERM, [] { return static_cast<long>(::socket(AF_UNIX, SOCK_STREAM, 0)); }},
        {"netlink socket", EPERM, [] { return static_cast<long>(::socket(AF_NETLINK, SOCK_RAW, 0)); }},
        {"listen", EPERM, [] { return static_cast<long>(::listen(::socket(AF_INET, SOCK_STREAM, 0), 1)); }},
        {"bpf", EPERM, [] { return ::syscall(SYS_bpf, BPF_PROG_LOAD, nullptr, 0); }},
        {"mount", EPERM, [] { return static_cast<long>(::mount("none", "/tmp", "tmpfs", 0, nullptr)); }},
        {"unshare", EPERM, [] { return static_cast<long>(::unshare(CLONE_NEWUSER)); }},
        {"setns", EPERM, [] { return static_cast<long>(::setns(0, 0)); }},
        {"keyctl", EPERM, [] { return ::syscall(SYS_keyctl, 0, 0, 0, 0, 0); }},
        {"io_uring", EPERM, [] { return ::syscall(SYS_io_uring_setup, 1, nullptr); }},
        {"prctl", EPERM, [] { return static_cast<long>(::prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)); }},
        {"userfaultfd", EPERM, [] { return ::syscall(SYS_userfaultfd, 0); }},
        {"executable memory", EPERM, map_executable},
        {"memory made executable", EPERM, make_executable},
    };
    return probes;
}

int run_cage_probe(const std::string& name) {
    const pid_t pid = ::fork();
    if (pid == 0) {
        ::execl("/proc/self/exe", "probe", std::string(flag).c_str(), name.c_str(), nullptr);
        ::_exit(250);
    }
    int status = 0;
    if (::waitpid(pid, &status, 0) != pid || !WIFEXITED(status)) return 251;
    return WEXITSTATUS(status);
}

std::optional<int> run_as_cage_probe(int argc, char** argv) {
    if (argc != 3 || argv[1] != flag) return std::nullopt;
    for (const auto& probe : cage_probes()) {
        if (probe.name != argv[2]) continue;
        const auto caged = enter_ssh_cage();
        if (!caged) ::_exit(252);
        errno = 0;
        const bool failed = probe.attempt() == -1;
        ::_exit(failed ? errno : 0);  // not through exit(): leak checkers need what the cage takes
    }
    return 253;
}

}  // namespace aggmedic::test
