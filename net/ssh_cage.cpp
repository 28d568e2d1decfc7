#include "net/ssh_cage.hpp"

#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

namespace aggmedic {
namespace {

std::unexpected<Error> refused(const char* what) {
    return fail(Errc::refused, std::string("the SSH worker's cage: ") + what + ": " + std::strerror(errno));
}

// <linux/landlock.h> of a newer kernel than Debian 12's headers: an older kernel is given the shorter forms.
struct LandlockRuleset {
    std::uint64_t handled_access_fs;
    std::uint64_t handled_access_net;
    std::uint64_t scoped;
};

// All file system rights that this version knows, and with no rule all are denied; from version 4 on bind of TCP; from
// 6 on abstract sockets and signals outside of the domain.
LandlockRuleset everything(long version) {
    static constexpr std::array<int, 7> rights = {0, 13, 14, 15, 15, 16, 16};
    const int count = rights[static_cast<std::size_t>(std::min<long>(version, 6))];
    return {.handled_access_fs = (1ULL << count) - 1,
            .handled_access_net = version >= 4 ? 1ULL : 0ULL,
            .scoped = version >= 6 ? 3ULL : 0ULL};
}

Result<void> forbid_files() {
    constexpr unsigned version_flag = 1;  // LANDLOCK_CREATE_RULESET_VERSION
    const long version = ::syscall(SYS_landlock_create_ruleset, nullptr, 0, version_flag);
    if (version < 1) return {};  // not in this kernel, or not switched on: the system call filter stands alone
    const auto ruleset = everything(version);
    const std::size_t size = version >= 6 ? sizeof ruleset : version >= 4 ? 16 : 8;
    const long fd = ::syscall(SYS_landlock_create_ruleset, &ruleset, size, 0);
    if (fd < 0) return refused("Landlock");
    const long restricted = ::syscall(SYS_landlock_restrict_self, fd, 0);
    ::close(static_cast<int>(fd));
    if (restricted != 0) return refused("Landlock");
    return {};
}

#if defined(__x86_64__)
constexpr std::uint32_t architecture = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr std::uint32_t architecture = AUDIT_ARCH_AARCH64;
#else
#error "the SSH worker's system call filter knows x86-64 and arm64"
#endif

// What the event loop, libssh, OpenSSL's default provider and the allocator use once all is loaded, and pipes, with
// which the sanitizers probe memory. Everything else says EPERM, above all: every open, exec, fork and clone, ptrace,
// kill, mount, bpf, keyctl, io_uring, unshare, setns.
constexpr std::array allowed = {
    SYS_read,
    SYS_write,
    SYS_readv,
    SYS_writev,
    SYS_close,
    SYS_recvfrom,
    SYS_recvmsg,
    SYS_sendto,
    SYS_sendmsg,
    SYS_shutdown,
    SYS_connect,
    SYS_getsockopt,
    SYS_setsockopt,
    SYS_getsockname,
    SYS_getpeername,
    SYS_ppoll,
    SYS_pselect6,
    SYS_epoll_create1,
    SYS_epoll_ctl,
    SYS_epoll_pwait,
    SYS_epoll_pwait2,
    SYS_eventfd2,
    SYS_timerfd_create,
    SYS_timerfd_settime,
    SYS_timerfd_gettime,
    SYS_munmap,
    SYS_mremap,
    SYS_madvise,
    SYS_brk,
    SYS_futex,
    SYS_rt_sigaction,
    SYS_rt_sigprocmask,
    SYS_rt_sigreturn,
    SYS_sigaltstack,
    SYS_clock_gettime,
    SYS_clock_nanosleep,
    SYS_nanosleep,
    SYS_gettimeofday,
    SYS_getrandom,
    SYS_getpid,
    SYS_gettid,
    SYS_getuid,
    SYS_geteuid,
    SYS_getgid,
    SYS_getegid,
    SYS_getppid,
    SYS_exit,
    SYS_exit_group,
    SYS_sched_yield,
    SYS_sched_getaffinity,
    SYS_restart_syscall,
    SYS_fstat,
    SYS_lseek,
    SYS_dup,
    SYS_set_robust_list,
    SYS_rseq,
    SYS_membarrier,
    SYS_getrusage,
    SYS_uname,
    SYS_sysinfo,
    SYS_pipe2,
#if defined(__x86_64__)
    SYS_pipe,
    SYS_poll,
    SYS_select,
    SYS_epoll_wait,
    SYS_time,
#endif
};

// A filter written from top to bottom: each rule looks at the call's number and arguments and lets the call pass, or
// leaves it to the next rule.
class Filter {
  public:
    Filter() {
        load(offsetof(seccomp_data, arch));
        add(BPF_JMP | BPF_JEQ | BPF_K, architecture, 1, 0);
        add(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
        load(offsetof(seccomp_data, nr));
    }
    void allow(long call) {
        add(BPF_JMP | BPF_JEQ | BPF_K, static_cast<std::uint32_t>(call), 0, 1);
        add(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    }
    // Only with one of `values` as the argument's low half (an int for the kernel).
    void allow_if_argument_is(long call, unsigned argument, const std::vector<std::uint32_t>& values) {
        const auto count = values.size();
        begin_rule(call, 2 * count + 2);
        load(argument_offset(argument));
        for (const auto value : values) {
            add(BPF_JMP | BPF_JEQ | BPF_K, value, 0, 1);
            add(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
        }
        load(offsetof(seccomp_data, nr));
    }
    // Only with none of `bits` in the argument.
    void allow_without_bits(long call, unsigned argument, std::uint32_t bits) {
        begin_rule(call, 4);
        load(argument_offset(argument));
        add(BPF_JMP | BPF_JSET | BPF_K, bits, 1, 0);
        add(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
        load(offsetof(seccomp_data, nr));
    }
    Result<void> install() {
        add(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM);
        const sock_fprog program{.len = static_cast<unsigned short>(code_.size()), .filter = code_.data()};
        const auto flags = SECCOMP_FILTER_FLAG_TSYNC;
        if (::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program) != 0) return refused("seccomp");
        return {};
    }

  private:
    static std::uint32_t argument_offset(unsigned argument) {
        return static_cast<std::uint32_t>(offsetof(seccomp_data, args) +
                                          std::size_t{8} * argument);  // little-endian: the low half
    }
    void begin_rule(long call, std::size_t length) {
        add(BPF_JMP | BPF_JEQ | BPF_K, static_cast<std::uint32_t>(call), 0, static_cast<std::uint8_t>(length));
    }
    void load(std::size_t offset) { add(BPF_LD | BPF_W | BPF_ABS, static_cast<std::uint32_t>(offset)); }
    void add(int operation, std::uint32_t value, std::uint8_t if_true = 0, std::uint8_t if_false = 0) {
        code_.push_back({static_cast<std::uint16_t>(operation), if_true, if_false, value});
    }
    std::vector<sock_filter> code_;
};

Result<void> filter_system_calls() {
    Filter filter;
    for (const long call : allowed) filter.allow(call);
    filter.allow_if_argument_is(SYS_socket, 0, {AF_INET, AF_INET6});
    filter.allow_if_argument_is(SYS_fcntl, 1,
                                {F_GETFL, F_SETFL, F_GETFD, F_SETFD, F_DUPFD_CLOEXEC});  // no F_SETOWN: it signals
    filter.allow_if_argument_is(SYS_ioctl, 1, {FIONBIO, FIONREAD});
    filter.allow_without_bits(SYS_mmap, 2, PROT_EXEC);
    filter.allow_without_bits(SYS_mprotect, 2, PROT_EXEC);
    filter.allow_if_argument_is(SYS_tgkill, 0, {static_cast<std::uint32_t>(::getpid())});  // abort()
    return filter.install();
}

Result<void> limit(__rlimit_resource resource, rlim_t most) {
    rlimit now{};
    if (::getrlimit(resource, &now) != 0) return refused("getrlimit");
    now.rlim_max = std::min(now.rlim_max, most);
    now.rlim_cur = std::min(now.rlim_cur, now.rlim_max);
    if (resource == RLIMIT_NOFILE) now.rlim_cur = now.rlim_max;
    if (::setrlimit(resource, &now) != 0) return refused("setrlimit");
    return {};
}

}  // namespace

Result<void> enter_ssh_cage() {
    if (::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) return refused("dumpable");
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return refused("no new privileges");
    // libssh keeps a descriptor's number in 16 bits; two of them serve one session.
    constexpr rlim_t descriptors_max = 8192;
    if (auto set = limit(RLIMIT_NOFILE, descriptors_max); !set) return set;
    if (auto set = limit(RLIMIT_CORE, 0); !set) return set;
    if (auto set = limit(RLIMIT_FSIZE, 0); !set) return set;
    if (auto set = limit(RLIMIT_NPROC, 0); !set) return set;
    if (auto set = forbid_files(); !set) return set;
    return filter_system_calls();
}

}  // namespace aggmedic
