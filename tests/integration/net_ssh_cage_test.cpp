#include "net/ssh_cage.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "net/descriptor.hpp"
#include "net/worker_process.hpp"
#include "net_sshd.hpp"
#include "tls_server.hpp"

namespace aggmedic {
namespace {

using testing::AnyOf;
using testing::HasSubstr;
using testing::StartsWith;

const std::string killed = "killed by its cage";

// What an attempt ends with: what the worker says of it, or how it died.
std::string outcome_of(const std::string& cage, const std::string& attempt, const std::string& argument) {
    auto process = WorkerProcess::start(AGGMEDIC_HOSTILE_WORKER);
    if (!process) return process.error().detail;
    const Descriptor socket(process->release_socket());
    const auto order = cage + " " + attempt + " " + argument + "\n";
    if (::write(socket.get(), order.data(), order.size()) != static_cast<ssize_t>(order.size())) return "no order";
    std::string said;
    for (char byte = 0; ::read(socket.get(), &byte, 1) == 1;) said += byte;
    const auto end = process->stop();
    return said.empty() ? end : said;
}

// A daemon as its worker sees it: files, a control socket, an HTTP listener, memory and a descriptor with a secret.
class TakenOverWorker : public testing::Test {
  protected:
    void SetUp() override {
        if (::geteuid() != 0) GTEST_SKIP() << "only root may do what the worker must not: the cage is NOT tested";
        for (const char* name : {"aggmedic.yml", "journal.db", "demo.key"}) folder.write(name, "secret");
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        control_socket().copy(address.sun_path, sizeof address.sun_path - 1);
        listening = Descriptor(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
        ASSERT_EQ(::bind(listening.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
        ASSERT_EQ(::listen(listening.get(), 8), 0);
        opened = Descriptor(::open(file("journal.db").c_str(), O_RDWR));  // without close-on-exec
    }
    std::string file(const std::string& name) const { return (folder.path() / name).string(); }
    std::string control_socket() const { return file("control.sock"); }
    static std::string pid() { return std::to_string(::getpid()); }
    std::string secret_place() const {
        return pid() + " " + std::to_string(reinterpret_cast<std::uintptr_t>(secret.data()));
    }

    test::ScratchDirectory folder;
    test::Listener metrics;
    std::string secret = "the private key of another cluster";
    Descriptor listening, opened;
};

struct Crime {
    std::string attempt, argument{};
    bool as_free = true;         // root in no cage can do it: the attempt itself is right
    int landlock_since = 0;      // version from which Landlock alone forbids it; 0: never
    std::string caged = killed;  // what it ends with in the cage
};

TEST_F(TakenOverWorker, OpensNothingAndReachesNobody) {
    const std::string refused = "errno " + std::to_string(EACCES);
    const std::vector<Crime> crimes = {
        {.attempt = "read", .argument = "/etc/shadow", .landlock_since = 1, .caged = refused},
        {.attempt = "read", .argument = file("aggmedic.yml"), .landlock_since = 1, .caged = refused},
        {.attempt = "read", .argument = file("journal.db"), .landlock_since = 1, .caged = refused},
        {.attempt = "read", .argument = file("demo.key"), .landlock_since = 1, .caged = refused},
        {.attempt = "read", .argument = "/proc/" + pid() + "/mem", .landlock_since = 1, .caged = refused},
        {.attempt = "write", .argument = file("journal.db"), .landlock_since = 1, .caged = refused},
        {.attempt = "write", .argument = file("new"), .landlock_since = 1, .caged = refused},
        {.attempt = "openat2", .argument = file("journal.db"), .landlock_since = 1},
        {.attempt = "stat", .argument = file("journal.db")},
        {.attempt = "remove", .argument = file("doomed"), .landlock_since = 1},
        {.attempt = "unix", .argument = control_socket()},
        {.attempt = "tcp", .argument = std::to_string(metrics.port()), .landlock_since = 4},
        {.attempt = "listen"},
        {.attempt = "socketpair"},
        {.attempt = "netlink"},
        {.attempt = "trace", .argument = pid(), .landlock_since = 1},
        {.attempt = "memory", .argument = secret_place(), .landlock_since = 1},
        {.attempt = "descriptor", .argument = pid() + " " + std::to_string(opened.get()), .landlock_since = 1},
        {.attempt = "signal", .argument = pid(), .landlock_since = 6},
        {.attempt = "thread-signal", .argument = pid(), .landlock_since = 6},
        {.attempt = "own", .argument = pid()},
        {.attempt = "fork"},
        {.attempt = "executable"},
        {.attempt = "make-executable"},
        {.attempt = "dumpable"},
        {.attempt = "unshare"},
        // What the kernel itself may refuse, whoever asks.
        {.attempt = "execveat", .as_free = false},
        {.attempt = "clone3", .as_free = false},
        {.attempt = "bpf", .as_free = false},
        {.attempt = "mount", .as_free = false},
        {.attempt = "setns", .as_free = false},
        {.attempt = "keyctl", .as_free = false},
        {.attempt = "io_uring", .as_free = false},
        {.attempt = "userfaultfd", .as_free = false},
    };
    const auto forbidden = AnyOf(refused, "errno " + std::to_string(EPERM));
    const int landlock = landlock_version();
    for (const auto& crime : crimes) {
        const auto what = crime.attempt + " " + crime.argument;
        if (crime.as_free) {
            EXPECT_EQ(outcome_of("free", crime.attempt, crime.argument), "done") << what;
            folder.write("doomed", "");  // the free worker has removed it
        }
        if (crime.landlock_since > 0 && crime.landlock_since <= landlock) {
            EXPECT_THAT(outcome_of("landlock", crime.attempt, crime.argument), forbidden) << what;
        }
        EXPECT_THAT(outcome_of("caged", crime.attempt, crime.argument), HasSubstr(crime.caged)) << what;
    }
    EXPECT_TRUE(std::filesystem::exists(file("doomed")));
    EXPECT_GE(landlock, 1) << "this kernel has no Landlock: that half of the cage is NOT tested";
}

TEST_F(TakenOverWorker, StartsNoProgram) {
    EXPECT_EQ(outcome_of("free", "exec", "/bin/true"), "exit status 0") << "there the program ran in its place";
    EXPECT_THAT(outcome_of("caged", "exec", "/bin/true"), HasSubstr(killed));
}

TEST_F(TakenOverWorker, KeepsItsOwnSocketAndRandomBytes) {
    EXPECT_EQ(outcome_of("caged", "answer", ""), "done");
    EXPECT_EQ(outcome_of("caged", "random", ""), "done");
}

// Nothing of the daemon's is open in a worker: /dev/null twice, its log, its socket.
TEST_F(TakenOverWorker, HoldsNoDescriptorOfTheDaemon) {
    const auto held = outcome_of("free", "held", "");
    EXPECT_THAT(held, StartsWith("0 /dev/null\n1 /dev/null\n2 "));
    EXPECT_THAT(held, HasSubstr("\n3 socket:"));
    EXPECT_EQ(std::ranges::count(held, '\n'), 4) << held;
}

}  // namespace
}  // namespace aggmedic
