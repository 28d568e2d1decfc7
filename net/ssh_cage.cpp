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

// All rights that this version knows, and with no rule all are denied: of the file system; from version 4 on bind and
// connect of TCP; from 6 on abstract sockets and signals outside of the domain.
LandlockRuleset everything(int version) {
    static constexpr std::array<int, 7> rights = {0, 13, 14, 15, 15, 16, 16};
    const int count = rights[static_cast<std::size_t>(std::min(version, 6))];
    return {.handled_access_fs = (1ULL << count) - 1,
            .handled_access_net = version >= 4 ? 3ULL : 0ULL,
            .scoped = version >= 6 ? 3ULL : 0ULL};
}

#if defined(__x86_64__)
constexpr std::uint32_t architecture = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr std::uint32_t architecture = AUDIT_ARCH_AARCH64;
#else
#error "the SSH worker's system call filter knows x86-64 and arm64"
#endif

// What a worker was seen to call between the entry of its cage and its end, over all tests of it, plain and under each
// sanitizer (strace -f), and what glibc may call where it was lucky. Everything else kills.
constexpr std::array allowed = {
    // the sockets that it has: the parent's and the hosts'
    SYS_read,
    SYS_write,
    SYS_readv,
    SYS_writev,
    SYS_recvfrom,
    SYS_recvmsg,
    SYS_sendto,
    SYS_sendmsg,
    SYS_shutdown,
    SYS_getsockopt,
    SYS_close,
    // the event loop
    SYS_ppoll,
    SYS_epoll_ctl,
    SYS_epoll_pwait,
    SYS_timerfd_settime,
#if defined(__x86_64__)
    SYS_poll,
    SYS_epoll_wait,
#endif
    // memory
    SYS_brk,
    SYS_munmap,
    SYS_mremap,
    SYS_madvise,
    // time, where the kernel's page for it does not serve; random bytes
    SYS_clock_gettime,
    SYS_gettimeofday,
    SYS_getrandom,
    // threads and signals of its own, and its end
    SYS_futex,
    SYS_sched_yield,
    SYS_getpid,
    SYS_gettid,
    SYS_rt_sigaction,
    SYS_rt_sigprocmask,
    SYS_rt_sigreturn,
    SYS_restart_syscall,
    SYS_exit,
    SYS_exit_group,
    // the sanitizers: they probe memory with a pipe, switch stacks, and TSan's own thread sleeps
    SYS_pipe2,
    SYS_sigaltstack,
    SYS_clock_nanosleep,
#if defined(__x86_64__)
    SYS_nanosleep,
    SYS_pipe,
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
    // Does nothing and says EACCES.
    void refuse(long call) {
        add(BPF_JMP | BPF_JEQ | BPF_K, static_cast<std::uint32_t>(call), 0, 1);
        add(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EACCES);
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
        add(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
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
    filter.refuse(SYS_openat);  // libssh looks for known hosts in a file, whatever it is told; without one it goes on
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

int landlock_version() {
    constexpr unsigned version_flag = 1;  // LANDLOCK_CREATE_RULESET_VERSION
    const long version = ::syscall(SYS_landlock_create_ruleset, nullptr, 0, version_flag);
    return version < 1 ? 0 : static_cast<int>(version);
}

Result<void> forbid_files() {
    const int version = landlock_version();
    if (version == 0) return {};
    const auto ruleset = everything(version);
    const std::size_t size = version >= 6 ? sizeof ruleset : version >= 4 ? 16 : 8;
    const long fd = ::syscall(SYS_landlock_create_ruleset, &ruleset, size, 0);
    if (fd < 0) return refused("Landlock");
    const long restricted = ::syscall(SYS_landlock_restrict_self, fd, 0);
    ::close(static_cast<int>(fd));
    if (restricted != 0) return refused("Landlock");
    return {};
}

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
