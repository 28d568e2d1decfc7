#include "net/ssh_worker.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_future.hpp>
#include <csignal>
#include <fstream>
#include <future>
#include <thread>

#include "net/worker_process.hpp"
#include "net_sshd.hpp"
#include "tls_server.hpp"

namespace aggmedic {
namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;
using test::Sshd;
using testing::HasSubstr;
using Host = std::unique_ptr<RemoteHost>;

const std::string self = "/proc/self/exe";

const std::vector<RemoteVerb>& verbs() {
    static const std::vector<RemoteVerb> table = {
        {.name = "words",
         .command = {"printf", "%s\\0", "fixed argument"},
         .installed = {"printf", "%s\\0", "of the host's own"},
         .arguments_max = 3,
         .takes_input = false},
        {.name = "script", .command = {"sh", "-c"}, .installed = {}, .arguments_max = 1, .takes_input = true},
    };
    return table;
}

VerbCall script(std::string text, std::string input = "", std::chrono::milliseconds timeout = 60s) {
    return {.verb = "script", .arguments = {std::move(text)}, .input = std::move(input), .timeout = timeout};
}

class SshWorkerTest : public testing::Test {
  protected:
    template <class T>
    T run(asio::awaitable<T> work) {
        auto outcome = asio::co_spawn(io, std::move(work), asio::use_future);
        io.restart();
        while (outcome.wait_for(0s) != std::future_status::ready) io.run_one();  // the worker's reader never ends
        return outcome.get();
    }
    Result<Host> connect(SshWorker& worker, const SshTarget& target, std::chrono::milliseconds timeout = 60s) {
        return run(worker.connect(target, timeout));
    }
    Result<VerbReply> call(RemoteHost& host, VerbCall verb) { return run(host.call(std::move(verb))); }

    asio::io_context io{1};
};

class SshWorkerWithSshd : public SshWorkerTest {
  protected:
    void SetUp() override {
        if (!Sshd::installed()) GTEST_SKIP() << "openssh-server is not installed (/usr/sbin/sshd): SSH is NOT tested";
        sshd = std::make_unique<Sshd>();
    }
    std::unique_ptr<Sshd> sshd;
};

TEST_F(SshWorkerWithSshd, CallsVerbsOfTheTableOnly) {
    SshWorker worker(io.get_executor(), self);
    EXPECT_EQ(worker.pid(), std::nullopt);
    auto host = connect(worker, sshd->target());
    ASSERT_TRUE(host) << host.error().detail;
    EXPECT_NE(worker.pid(), std::nullopt);
    const auto reply = call(**host, {.verb = "words", .arguments = {"a b", "\xff\n"}});
    ASSERT_TRUE(reply) << reply.error().detail;
    EXPECT_EQ(reply->output, "fixed argument\0a b\0\xff\n\0"s);
    EXPECT_EQ(call(**host, {.verb = "reboot"}).error().code, Errc::invalid_argument);
    EXPECT_EQ(call(**host, {.verb = "words", .arguments = {"1", "2", "3", "4"}}).error().code, Errc::invalid_argument);
    EXPECT_EQ(call(**host, {.verb = "words", .input = "x"}).error().code, Errc::invalid_argument);
    EXPECT_EQ(call(**host, {.verb = "words", .arguments = {"a\0b"s}}).error().code, Errc::invalid_argument);
    EXPECT_TRUE(call(**host, {.verb = "words"})) << "a refused call must not end the session";
    auto target = sshd->target();
    target.helper_installed = true;
    auto installed = connect(worker, target);
    ASSERT_TRUE(installed) << installed.error().detail;
    EXPECT_EQ(call(**installed, {.verb = "words"})->output, "of the host's own\0"s);
    EXPECT_EQ(call(**installed, script("true")).error().code, Errc::invalid_argument);
}

TEST_F(SshWorkerWithSshd, EndsWhenItIsNotNeededAndComesBackWhenItIs) {
    SshWorker worker(io.get_executor(), self, 50ms);
    auto first = connect(worker, sshd->target());
    ASSERT_TRUE(first) << first.error().detail;
    const auto pid = worker.pid();
    EXPECT_TRUE(call(**first, script("sleep 0.2"))) << "a session in use keeps it";
    EXPECT_EQ(worker.pid(), pid);
    first->reset();
    while (worker.pid()) io.run_one();
    auto second = connect(worker, sshd->target());
    ASSERT_TRUE(second) << second.error().detail;
    EXPECT_TRUE(call(**second, script("true")));
    EXPECT_NE(worker.pid(), std::nullopt);
}

TEST_F(SshWorkerWithSshd, CarriesEveryByteBothWays) {
    std::string every_byte;
    for (int byte = 0; byte < 256; ++byte) every_byte += static_cast<char>(byte);
    std::string large;
    while (large.size() < 500 * 1024) large += every_byte;
    SshWorker worker(io.get_executor(), self);
    auto host = connect(worker, sshd->target());
    ASSERT_TRUE(host) << host.error().detail;
    const auto reply = call(**host, script("cat; printf err >&2; exit 3", large));
    ASSERT_TRUE(reply) << reply.error().detail;
    EXPECT_EQ(reply->output, large);
    EXPECT_EQ(reply->error_output, "err");
    EXPECT_EQ(reply->exit_status, 3);
}

TEST_F(SshWorkerWithSshd, RefusesInputThatNoMessageHolds) {
    SshWorker worker(io.get_executor(), self);
    auto host = connect(worker, sshd->target());
    ASSERT_TRUE(host) << host.error().detail;
    EXPECT_EQ(call(**host, script("cat", std::string(1024 * 1024, 'x'))).error().code, Errc::invalid_argument);
    EXPECT_TRUE(call(**host, script("true")));
}

TEST_F(SshWorkerWithSshd, PassesTheSessionsErrorsOn) {
    SshWorker worker(io.get_executor(), self);
    const Sshd other;
    auto target = sshd->target();
    target.host_keys = other.target().host_keys;
    EXPECT_EQ(connect(worker, target).error().code, Errc::host_key_mismatch);
    target = sshd->target();
    target.private_key_pem = other.target().private_key_pem;
    EXPECT_EQ(connect(worker, target).error().code, Errc::auth_failed);
    target.host_keys.clear();
    EXPECT_EQ(connect(worker, target).error().code, Errc::invalid_argument);

    auto host = connect(worker, sshd->target());
    ASSERT_TRUE(host) << host.error().detail;
    EXPECT_EQ(call(**host, script("yes")).error().code, Errc::too_large);
    EXPECT_EQ(call(**host, script("true")).error().code, Errc::write_failed) << "that session has ended";
    host = connect(worker, sshd->target());
    EXPECT_EQ(call(**host, script("sleep 20", "", 300ms)).error().code, Errc::timeout);
}

TEST_F(SshWorkerWithSshd, ConnectsToANameWithoutAResolverInTheWorker) {
    SshWorker worker(io.get_executor(), self);
    auto target = sshd->target();
    target.address = "localhost";  // ::1 first on most machines, where this sshd does not listen
    const auto host = connect(worker, target);
    EXPECT_TRUE(host) << host.error().detail;
}

asio::awaitable<Result<VerbReply>> connect_and_call(SshWorker& worker, SshTarget target, std::string word) {
    auto host = co_await worker.connect(std::move(target), 100s);
    if (!host) co_return std::unexpected(host.error());
    VerbCall verb{.verb = "words", .arguments = {std::move(word)}, .timeout = 100s};
    co_return co_await (*host)->call(std::move(verb));
}

TEST_F(SshWorkerWithSshd, HoldsAHundredSessionsAtOnce) {
    SshWorker worker(io.get_executor(), self);
    std::vector<std::future<Result<VerbReply>>> replies;
    for (int count = 0; count < 100; ++count) {
        replies.push_back(
            asio::co_spawn(io, connect_and_call(worker, sshd->target(), std::to_string(count)), asio::use_future));
    }
    for (int count = 0; count < 100; ++count) {
        auto& future = replies[static_cast<std::size_t>(count)];
        while (future.wait_for(0s) != std::future_status::ready) io.run_one();
        const auto reply = future.get();
        ASSERT_TRUE(reply) << count << ": " << reply.error().detail;
        EXPECT_EQ(reply->output, "fixed argument\0"s + std::to_string(count) + "\0"s);
    }
}

TEST_F(SshWorkerWithSshd, StartsANewWorkerAfterOneWasKilled) {
    SshWorker worker(io.get_executor(), self);
    for (const int signal : {SIGKILL, SIGTERM}) {
        auto host = connect(worker, sshd->target());
        ASSERT_TRUE(host) << host.error().detail;
        const auto pid = worker.pid();
        ASSERT_TRUE(pid);
        auto pending = asio::co_spawn(io, (*host)->call(script("sleep 20")), asio::use_future);
        ::kill(*pid, signal);
        while (pending.wait_for(0s) != std::future_status::ready) io.run_one();
        const auto lost = pending.get().error();
        EXPECT_EQ(lost.code, Errc::worker_lost) << lost.detail;
        EXPECT_THAT(lost.detail, HasSubstr(signal == SIGKILL ? "signal 9" : "exit status 0"));
        EXPECT_EQ(call(**host, script("true")).error().code, Errc::write_failed);
        EXPECT_EQ(worker.pid(), std::nullopt);
        EXPECT_EQ(::kill(*pid, 0), -1) << "it must be reaped";
        auto again = connect(worker, sshd->target());
        ASSERT_TRUE(again) << again.error().detail;
        EXPECT_TRUE(call(**again, script("true")));
        EXPECT_NE(worker.pid(), pid);
    }
}

TEST_F(SshWorkerWithSshd, IgnoresTheTerminalsInterrupt) {
    SshWorker worker(io.get_executor(), self);
    auto host = connect(worker, sshd->target());
    ASSERT_TRUE(host) << host.error().detail;
    for (const int signal : {SIGINT, SIGHUP, SIGQUIT}) ::kill(*worker.pid(), signal);
    EXPECT_TRUE(call(**host, script("true")));
}

TEST_F(SshWorkerWithSshd, KillsAWorkerThatDoesNotAnswer) {
    SshWorker worker(io.get_executor(), self);
    auto host = connect(worker, sshd->target());
    ASSERT_TRUE(host) << host.error().detail;
    ::kill(*worker.pid(), SIGSTOP);
    EXPECT_EQ(call(**host, script("true", "", 100ms)).error().code, Errc::timeout);
    EXPECT_EQ(worker.pid(), std::nullopt);
    EXPECT_TRUE(connect(worker, sshd->target()));
}

TEST_F(SshWorkerWithSshd, ClosesTheSessionWithTheHostOrACancelledCall) {
    SshWorker worker(io.get_executor(), self);
    {
        auto host = connect(worker, sshd->target());
        ASSERT_TRUE(host) << host.error().detail;
    }
    run([](asio::io_context&) -> asio::awaitable<int> { co_return 0; }(io));
    while (sshd->log().find("Disconnected from user") == std::string::npos &&
           sshd->log().find("Connection closed") == std::string::npos) {
        io.run_for(10ms);
    }

    auto host = connect(worker, sshd->target());
    asio::cancellation_signal cancel;
    std::optional<Errc> code;
    const auto done = [&](const std::exception_ptr& thrown, Result<VerbReply> reply) {
        code = thrown || reply ? Errc::cancelled : reply.error().code;
    };
    asio::co_spawn(io, (*host)->call(script("echo started >&2; sleep 20")),
                   asio::bind_cancellation_slot(cancel.slot(), done));
    std::thread canceller([&] {
        sshd->wait_for_log("Starting session: command");
        asio::post(io, [&] { cancel.emit(asio::cancellation_type::terminal); });
    });
    while (!code) io.run_one();
    canceller.join();
    EXPECT_EQ(code, Errc::cancelled);
    EXPECT_EQ(call(**host, script("true")).error().code, Errc::write_failed);
    EXPECT_TRUE(connect(worker, sshd->target())) << "the worker itself goes on";
}

TEST_F(SshWorkerWithSshd, OutlivesItsHostsInAnyOrder) {
    Host host;
    {
        SshWorker worker(io.get_executor(), self);
        auto connected = connect(worker, sshd->target());
        ASSERT_TRUE(connected) << connected.error().detail;
        host = std::move(*connected);
    }
    EXPECT_EQ(call(*host, script("true")).error().code, Errc::worker_lost);
}

TEST_F(SshWorkerWithSshd, IsCagedFromTheStart) {
    SshWorker worker(io.get_executor(), self);
    const auto host = connect(worker, sshd->target());
    ASSERT_TRUE(host) << host.error().detail;
    const auto read = [&](const std::string& name) {
        std::ifstream file("/proc/" + std::to_string(*worker.pid()) + "/" + name);
        return std::string{std::istreambuf_iterator<char>(file), {}};
    };
    EXPECT_THAT(read("status"), HasSubstr("NoNewPrivs:\t1"));
    EXPECT_THAT(read("status"), HasSubstr("Seccomp:\t2"));
    EXPECT_THAT(read("limits"), testing::ContainsRegex("Max core file size +0 +0 "));
    EXPECT_THAT(read("limits"), testing::ContainsRegex("Max open files +8192 +8192 "));
}

// Workers that lie. Each is a shell script in the worker's place; `read` on descriptor 3 keeps it alive.

class LyingWorker : public SshWorkerTest {
  protected:
    Error error_of_connect(const std::string& body, std::chrono::milliseconds timeout = 60s) {
        scratch.write("worker", "#!/bin/sh\n" + body + "\n", 0700);
        SshWorker worker(io.get_executor(), (scratch.path() / "worker").string());
        const SshTarget target{.address = "127.0.0.1",
                               .port = silent.port(),
                               .user = "u",
                               .private_key_pem = "k",
                               .host_keys = {"ssh-ed25519 AAAA"}};
        const auto host = connect(worker, target, timeout);
        return host ? Error{.code = {}, .detail = "connected"} : host.error();
    }
    // A shell command that sends `json` as a message.
    static std::string say(const std::string& json) {
        std::string length;
        for (const int shift : {24, 16, 8, 0}) {
            const auto byte = static_cast<unsigned>((json.size() >> shift) & 0xFF);
            length += '\\';
            for (const unsigned digit : {byte >> 6, (byte >> 3) & 7U, byte & 7U})
                length += static_cast<char>('0' + digit);
        }
        return "printf '" + length + "' >&3; printf '%s' '" + json + "' >&3; read wait <&3";
    }
    test::ScratchDirectory scratch;
    const test::Listener silent;
};

TEST_F(LyingWorker, IsKilledForWhatIsNoReply) {
    for (const auto& body :
         {"printf '\\377\\377\\377\\377' >&3; read wait <&3"s, "printf '\\0\\20\\0\\1' >&3; read wait <&3"s,
          "printf '\\0\\0\\0\\0' >&3; read wait <&3"s, say("no JSON"), say("[]"), say("{}"), say("{\"id\":1}"),
          say("{\"id\":-1,\"connected\":{}}"), say("{\"id\":\"1\",\"connected\":{}}"),
          say("{\"id\":1e3,\"connected\":{}}"), say("{\"id\":99,\"connected\":{}}"), say("{\"id\":1,\"surprise\":{}}"),
          say("{\"id\":1,\"connected\":{},\"more\":1}"),
          say("{\"id\":1,\"error\":{\"code\":\"no_such_code\",\"detail\":\"\"}}"),
          say("{\"id\":1,\"error\":{\"code\":\"timeout\",\"detail\":7}}"),
          say("{\"id\":1,\"verb\":{\"exit_status\":0,\"output\":\"\",\"error_output\":\"\"}}"),
          say("{\"id\":1,\"verb\":{\"exit_status\":256,\"output\":\"\",\"error_output\":\"\"}}"),
          say("{\"id\":1,\"verb\":{\"exit_status\":0,\"output\":\"!\",\"error_output\":\"\"}}")}) {
        const auto error = error_of_connect(body);
        EXPECT_EQ(error.code, Errc::worker_lost) << body << ": " << error.detail;
        EXPECT_THAT(error.detail, HasSubstr("was killed"));
    }
}

TEST_F(LyingWorker, CannotWriteControlCharactersIntoAnError) {
    const auto error = error_of_connect(say("{\"id\":1,\"error\":{\"code\":\"auth_failed\",\"detail\":\"G1szMW0K\"}}"));
    EXPECT_EQ(error.code, Errc::auth_failed);
    EXPECT_THAT(error.detail, HasSubstr("\\x1b[31m\\x0a"));
}

TEST_F(LyingWorker, ThatEndsAtOnceIsWorkerLost) {
    EXPECT_THAT(error_of_connect("exit 5").detail, HasSubstr("exit status 5"));
    EXPECT_THAT(error_of_connect("kill -SYS $$").detail, HasSubstr("killed by its cage"));  // as the filter does it
    SshWorker missing(io.get_executor(), "/nonexistent/aggmedic");
    const SshTarget target{.address = "127.0.0.1", .port = silent.port(), .user = "u"};
    const auto error = connect(missing, target).error();
    EXPECT_EQ(error.code, Errc::worker_lost);
    EXPECT_THAT(error.detail, HasSubstr("could not be executed"));
}

TEST_F(LyingWorker, GetsNoDescriptorAndNoSecretOfTheParent) {
    ::setenv("AGGMEDIC_TEST_SECRET", "secret", 1);
    const int leaked = ::fcntl(2, F_DUPFD, 200);  // without close-on-exec
    const auto error = error_of_connect(
        "[ -z \"$AGGMEDIC_TEST_SECRET\" ] || exit 8; for fd in /proc/self/fd/*; do [ ${fd##*/} -lt 100 ] || "
        "exit 9; done; exit 7");
    ::close(leaked);
    EXPECT_THAT(error.detail, HasSubstr("exit status 7"));
}

// The worker against a parent that lies: it must end, whatever arrives.
TEST_F(SshWorkerTest, WorkerEndsAtGarbageAndAtTheEnd) {
    for (const auto& bytes : {""s, "\0\0\0\7no JSON"s, "\0\0\0\2{}"s, "\xff\xff\xff\xff"s, "\0\0\0\0"s,
                              "\0\0\0\x1c{\"id\":1,\"close\":{\"other\":1}}"s}) {
        auto process = WorkerProcess::start(self);
        ASSERT_TRUE(process);
        const int socket = process->release_socket();
        EXPECT_EQ(::write(socket, bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
        if (bytes.empty()) ::shutdown(socket, SHUT_WR);
        char answer = 0;
        EXPECT_LE(::read(socket, &answer, 1), 0) << "it must close its end without a word";
        ::close(socket);
        int status = 0;
        EXPECT_EQ(::waitpid(process->pid(), &status, 0), process->pid());
        EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
    }
}

TEST(RunAsSshWorker, IsNotForOthers) {
    std::string program = "aggmedicd";
    std::string flag = "--ssh-worker";
    std::string other = "--config";
    std::array<char*, 3> argv = {program.data(), other.data(), nullptr};
    EXPECT_EQ(run_as_ssh_worker(1, argv.data(), verbs()), std::nullopt);
    EXPECT_EQ(run_as_ssh_worker(2, argv.data(), verbs()), std::nullopt);
}

}  // namespace
}  // namespace aggmedic

// This program is its own worker.
int main(int argc, char** argv) {
    if (const auto status = aggmedic::run_as_ssh_worker(argc, argv, aggmedic::verbs())) return *status;
    testing::InitGoogleMock(&argc, argv);
    return RUN_ALL_TESTS();
}
