#include "tests/lab/namespaces.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <functional>
#include <sstream>
#include <system_error>

namespace aggmedic::lab {
namespace {

[[noreturn]] void fail(const std::string& doing) {
    throw std::system_error(errno, std::generic_category(), doing);
}

void set_address(int socket, const char* interface, unsigned long request, const char* text) {
    ifreq change{};
    std::strncpy(change.ifr_name, interface, IFNAMSIZ - 1);
    auto* address = reinterpret_cast<sockaddr_in*>(&change.ifr_addr);
    address->sin_family = AF_INET;
    ::inet_pton(AF_INET, text, &address->sin_addr);
    if (::ioctl(socket, request, &change) != 0) fail("giving the lab's network its addresses");
}

void set_up(int socket, const char* interface) {
    ifreq change{};
    std::strncpy(change.ifr_name, interface, IFNAMSIZ - 1);
    if (::ioctl(socket, SIOCGIFFLAGS, &change) != 0) fail("reading the loopback interface");
    change.ifr_flags = static_cast<short>(change.ifr_flags | IFF_UP);
    if (::ioctl(socket, SIOCSIFFLAGS, &change) != 0) fail("starting the loopback interface");
}

bool mounted(const std::string& line, std::string_view where) {
    std::istringstream words(line);
    std::string word;
    for (int i = 0; i < 5; ++i) words >> word;
    return word == where;
}

// In every hierarchy that an init system works with: the one of version 2, and systemd's own beside it.
std::vector<std::filesystem::path> cgroups_of(std::string name) {
    std::ranges::replace(name, '/', '-');
    std::vector<std::filesystem::path> places;
    for (const char* root : {"/sys/fs/cgroup", "/sys/fs/cgroup/unified", "/sys/fs/cgroup/systemd"}) {
        if (std::filesystem::exists(std::filesystem::path(root) / "cgroup.procs"))
            places.push_back(std::filesystem::path(root) / ("aggmedic-lab-" + name));
    }
    return places;
}

void join(const std::string& namespace_file) {
    const int descriptor = ::open(namespace_file.c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) fail("opening " + namespace_file);
    if (::setns(descriptor, 0) != 0) fail("entering " + namespace_file);
    ::close(descriptor);
}

}  // namespace

void enter_new_network() {
    if (::unshare(CLONE_NEWNET) != 0) fail("making a network namespace (root is needed)");
    const int socket = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    set_up(socket, "lo");
    // An address on the loopback device makes its whole subnet local, as 127.0.0.0/8 is.
    set_address(socket, "lo:1", SIOCSIFADDR, "10.77.0.1");
    set_address(socket, "lo:1", SIOCSIFNETMASK, "255.255.0.0");
    ::close(socket);
}

pid_t spawn_isolated(const Spawn& what) {
    const unsigned long flags = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWIPC | SIGCHLD;
    const long child = ::syscall(SYS_clone, flags, nullptr, nullptr, nullptr, nullptr);
    if (child < 0) fail("making a master's namespaces (root is needed)");
    if (child == 0) exec_in_child(what);
    return static_cast<pid_t>(child);
}

std::string why_mounts_would_show() {
    std::ifstream mounts("/proc/self/mountinfo");
    bool root_is_mounted = false, shared = false;
    for (std::string line; std::getline(mounts, line);) {
        root_is_mounted = root_is_mounted || mounted(line, "/");
        shared = shared || line.find(" shared:") != std::string::npos;
    }
    if (!mounts.eof()) return "/proc is not mounted here, and the lab has to read it";
    if (root_is_mounted || !shared) return {};
    return "/ is not a mount point here and some mounts are shared with the host, so the lab's own would show outside; "
           "enter the tree T by `mount --rbind T M; mount --make-rprivate M; chroot M` and try again";
}

void isolate_mounts() {
    if (const auto trouble = why_mounts_would_show(); !trouble.empty()) throw std::runtime_error(trouble);
    // Where / is no mount point there is nothing to make private: it was proved above that nothing is shared.
    if (::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 && errno != EINVAL)
        fail("making the mounts private");
}

void bind_mount(const std::filesystem::path& from, const std::filesystem::path& to) {
    if (::mount(from.c_str(), to.c_str(), nullptr, MS_BIND | MS_REC, nullptr) != 0)
        fail("binding " + from.string() + " to " + to.string());
}

void mount_tmpfs(const std::filesystem::path& where, const std::string& options) {
    std::filesystem::create_directories(where);
    if (::mount("tmpfs", where.c_str(), "tmpfs", 0, options.c_str()) != 0)
        fail("mounting a tmpfs on " + where.string());
}

void move_mount_to(const std::filesystem::path& from, const std::filesystem::path& to) {
    if (::mount(from.c_str(), to.c_str(), nullptr, MS_MOVE, nullptr) != 0)
        fail("moving " + from.string() + " to " + to.string());
}

void enter_cgroup(const std::string& name) {
    for (const auto& place : cgroups_of(name)) {
        std::filesystem::create_directories(place);
        std::ofstream(place / "cgroup.procs") << "0";
    }
}

void remove_cgroup(const std::string& name) {
    std::error_code ignored;
    for (const auto& place : cgroups_of(name)) {
        if (!std::filesystem::exists(place)) continue;
        std::vector<std::filesystem::path> folders{place};
        for (const auto& entry : std::filesystem::recursive_directory_iterator(place, ignored)) {
            if (entry.is_directory(ignored)) folders.push_back(entry.path());
        }
        std::ranges::sort(folders, std::greater());  // what is inside comes behind
        for (const auto& folder : folders) std::filesystem::remove(folder, ignored);
    }
}

void join_network(pid_t supervisor) {
    join("/proc/" + std::to_string(supervisor) + "/ns/net");
}

int run_in_master(pid_t init, const std::vector<std::string>& argv) {
    return run({.argv = argv, .environment = {}, .output_file = {}, .in_child = [init] {
                    const std::string base = "/proc/" + std::to_string(init) + "/ns/";
                    const int mounts = ::open((base + "mnt").c_str(), O_RDONLY | O_CLOEXEC);
                    // In a chroot the root of the mount namespace is not the master's.
                    const std::string root_name = "/proc/" + std::to_string(init) + "/root";
                    const int root = ::open(root_name.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
                    for (const char* name : {"net", "uts", "ipc", "pid"}) join(base + name);
                    if (mounts < 0 || ::setns(mounts, CLONE_NEWNS) != 0) fail("entering the master's mounts");
                    if (::fchdir(root) != 0 || ::chroot(".") != 0 || ::chdir("/") != 0)
                        fail("entering the master's root");
                    // A PID namespace is entered by the next child only.
                    const pid_t inner = ::fork();
                    if (inner == 0) return;
                    int status = 0;
                    ::waitpid(inner, &status, 0);
                    ::_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
                }});
}

}  // namespace aggmedic::lab
