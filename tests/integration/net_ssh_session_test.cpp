#include "net/ssh_session.hpp"

#include <gmock/gmock.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_future.hpp>
#include <future>
#include <optional>
#include <thread>

#include "net/resolve.hpp"
#include "net/tcp.hpp"
#include "net_sshd.hpp"
#include "tls_server.hpp"

namespace aggmedic {
namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;
using test::Sshd;
using testing::HasSubstr;
using testing::Not;
using Words = std::vector<std::string>;
using SessionResult = Result<std::unique_ptr<SshSession>>;

// As the daemon does it for its worker.
asio::awaitable<SessionResult> dial_and_open(SshTarget target, std::chrono::milliseconds timeout) {
    const auto deadline = std::chrono::steady_clock::now() + timeout;
    auto endpoints = co_await resolve(target.address, target.port, deadline);
    if (!endpoints) co_return std::unexpected(std::move(endpoints.error()));
    auto socket = co_await connect_any(std::move(*endpoints), deadline);
    if (!socket) co_return std::unexpected(std::move(socket.error()));
    co_return co_await SshSession::open(Descriptor(socket->release()), std::move(target), timeout);
}

class SshSessionTest : public testing::Test {
  protected:
    void SetUp() override {
        if (!Sshd::installed()) GTEST_SKIP() << "openssh-server is not installed (/usr/sbin/sshd): SSH is NOT tested";
    }
    template <class T>
    T run(asio::awaitable<T> work) {
        auto outcome = asio::co_spawn(io, std::move(work), asio::use_future);
        io.restart();
        io.run();
        return outcome.get();
    }
    SessionResult connect(SshTarget target, std::chrono::milliseconds timeout = 60s) {
        return run(dial_and_open(std::move(target), timeout));
    }
    Result<VerbReply> run_in(SshSession& session, Words argv, std::string input = "",
                             CommandLimits limits = {.timeout = 60s}) {
        return run(session.run(std::move(argv), std::move(input), limits));
    }
    // One command in a session of its own, on a server of its own.
    VerbReply reply_of(Words argv, std::string input = "") {
        const Sshd sshd;
        auto session = connect(sshd.target());
        EXPECT_TRUE(session) << session.error().detail;
        if (!session) return {};
        auto reply = run_in(**session, std::move(argv), std::move(input));
        EXPECT_TRUE(reply) << reply.error().detail;
        return reply ? *reply : VerbReply{};
    }
    Error refusal(SshTarget target, std::chrono::milliseconds timeout = 60s) {
        const auto session = connect(std::move(target), timeout);
        return session ? Error{.code = {}, .detail = "connected"} : session.error();
    }

    asio::io_context io{1};
};

TEST_F(SshSessionTest, GivesEveryArgumentToTheCommandByteForByte) {
    std::string every_byte;
    for (int byte = 1; byte < 256; ++byte) every_byte += static_cast<char>(byte);
    const Words arguments = {
        "plain",  "two words", "",       "it's", "\"double\"", "$(echo no) `echo no` ${HOME} $HOME",
        "a\nb\n", "\\",        "*?[a]~", "-n",   "; exit 9",   "漢字 ümlaut",
        "'\\''",  every_byte};
    Words argv = {"printf", "%s\\0"};
    argv.insert(argv.end(), arguments.begin(), arguments.end());
    std::string expected;
    for (const auto& argument : arguments) expected += argument + '\0';
    EXPECT_EQ(reply_of(argv).output, expected);
}

TEST_F(SshSessionTest, CarriesInputOutputAndErrorOutputApart) {
    const auto reply = reply_of({"sh", "-c", "cat; echo to stderr >&2"}, "in\0put\n"s);
    EXPECT_EQ(reply.output, "in\0put\n"s);
    EXPECT_EQ(reply.error_output, "to stderr\n");
    EXPECT_EQ(reply.exit_status, 0);
}

TEST_F(SshSessionTest, MovesMoreThanAWindowBothWays) {
    const std::string input(500 * 1024, 'x');
    EXPECT_EQ(reply_of({"cat"}, input).output, input);
    EXPECT_EQ(reply_of({"wc", "-c"}, std::string(8 * 1024 * 1024, 'y')).output, "8388608\n");
}

TEST_F(SshSessionTest, IgnoresInputThatTheCommandDoesNotRead) {
    const auto reply = reply_of({"sh", "-c", "exec <&-; echo done"}, std::string(8 * 1024 * 1024, 'y'));
    EXPECT_EQ(reply.output, "done\n");
}

TEST_F(SshSessionTest, ReportsExitStatusAndSignals) {
    const Sshd sshd;
    auto session = connect(sshd.target());
    ASSERT_TRUE(session) << session.error().detail;
    for (const int status : {0, 1, 7, 255}) {
        const auto reply = run_in(**session, {"sh", "-c", "exit " + std::to_string(status)});
        ASSERT_TRUE(reply) << reply.error().detail;
        EXPECT_EQ(reply->exit_status, status);
    }
    EXPECT_EQ(run_in(**session, {"sh", "-c", "kill -TERM $$"})->exit_status, 128 + 15);
    EXPECT_EQ(run_in(**session, {"sh", "-c", "kill -KILL $$"})->exit_status, 128 + 9);
    EXPECT_EQ(run_in(**session, {"/nonexistent"})->exit_status, 127);
}

TEST_F(SshSessionTest, RunsConcurrentCommandsOneAfterAnother) {
    const Sshd sshd;
    auto session = connect(sshd.target());
    ASSERT_TRUE(session) << session.error().detail;
    std::vector<std::future<Result<VerbReply>>> replies;
    for (int count = 0; count < 5; ++count) {
        replies.push_back(
            asio::co_spawn(io, (*session)->run({"echo", std::to_string(count)}, "", {}), asio::use_future));
    }
    io.restart();
    io.run();
    for (int count = 0; count < 5; ++count) {
        auto reply = replies[static_cast<std::size_t>(count)].get();
        ASSERT_TRUE(reply) << reply.error().detail;
        EXPECT_EQ(reply->output, std::to_string(count) + "\n");
    }
}

TEST_F(SshSessionTest, AcceptsEachTypeOfPinnedKey) {
    const Sshd sshd({"ed25519", "ecdsa", "rsa"});
    for (const auto* type : {"ed25519", "ecdsa", "rsa"}) {
        auto target = sshd.target();
        target.host_keys = {sshd.host_key(type)};
        EXPECT_TRUE(connect(target)) << type;
    }
    auto target = sshd.target();
    target.host_keys.insert(target.host_keys.begin(), "sk-ssh-ed25519@openssh.com AAAA");  // not supported: skipped
    EXPECT_TRUE(connect(target));
}

TEST_F(SshSessionTest, WorksWithWhatAnOldStemcellOffers) {
    for (const std::string line :
         {"KexAlgorithms diffie-hellman-group14-sha256\nCiphers aes256-ctr\nMACs hmac-sha2-256",
          "KexAlgorithms diffie-hellman-group16-sha512\nCiphers aes128-gcm@openssh.com",
          "KexAlgorithms ecdh-sha2-nistp384\nCiphers aes128-ctr\nMACs hmac-sha2-512-etm@openssh.com",
          "KexAlgorithms curve25519-sha256@libssh.org\nCiphers chacha20-poly1305@openssh.com"}) {
        const Sshd sshd({"rsa"}, line);
        const auto session = connect(sshd.target());
        EXPECT_TRUE(session) << line << ": " << session.error().detail;
    }
}

TEST_F(SshSessionTest, RefusesWeakAlgorithms) {
    const Sshd sshd({"ed25519"}, "Ciphers aes128-cbc");
    EXPECT_EQ(refusal(sshd.target()).code, Errc::malformed_reply);
}

TEST_F(SshSessionTest, DoesNotAuthenticateToAHostWithAnotherKey) {
    const Sshd sshd({"ed25519", "rsa"}, "LogLevel DEBUG1");
    const Sshd other;
    for (auto pinned :
         {Words{other.host_key("ed25519")}, Words{other.host_key("ed25519"), other.host_key("ed25519")}}) {
        auto target = sshd.target();
        target.host_keys = pinned;
        const auto error = refusal(target);
        EXPECT_EQ(error.code, Errc::host_key_mismatch) << error.detail;
        EXPECT_THAT(error.detail, HasSubstr("SHA256:"));
        ASSERT_TRUE(sshd.wait_for_log("[preauth]"));
        EXPECT_THAT(sshd.log(), Not(HasSubstr("userauth-request")));
    }
    // The control: a good login leaves that line.
    ASSERT_TRUE(connect(sshd.target()));
    EXPECT_TRUE(sshd.wait_for_log("userauth-request"));
}

TEST_F(SshSessionTest, DoesNotAcceptAKeyOfATypeThatIsNotPinned) {
    const Sshd sshd({"rsa"}, "LogLevel DEBUG1");
    const Sshd other;
    auto target = sshd.target();
    target.host_keys = {other.host_key("ed25519")};
    const auto error = refusal(target);
    EXPECT_EQ(error.code, Errc::host_key_mismatch) << error.detail;
    EXPECT_THAT(sshd.log(), Not(HasSubstr("userauth-request")));
}

TEST_F(SshSessionTest, ReportsAKeyThatIsNotAuthorized) {
    const Sshd sshd;
    auto target = sshd.target();
    target.private_key_pem = sshd.make_user_key("ed25519");
    const auto error = refusal(target);
    EXPECT_EQ(error.code, Errc::auth_failed) << error.detail;
    EXPECT_THAT(error.detail, HasSubstr("authentication"));
}

TEST_F(SshSessionTest, RefusesUnusableTargetsBeforeSpeaking) {
    const test::Listener unused;
    const Sshd sshd;
    const auto changed = [&](auto change) {
        auto target = sshd.target();
        target.port = unused.port();  // whatever is said to it gets no answer
        change(target);
        return refusal(target).code;
    };
    EXPECT_EQ(changed([](auto& target) { target.host_keys.clear(); }), Errc::invalid_argument);
    EXPECT_EQ(changed([](auto& target) { target.host_keys = {"ssh-dss AAAA"}; }), Errc::invalid_argument);
    EXPECT_EQ(changed([](auto& target) { target.host_keys.push_back("ssh-ed25519 AAAA"); }), Errc::invalid_argument);
    EXPECT_EQ(changed([](auto& target) { target.private_key_pem = "no key"; }), Errc::invalid_argument);
    EXPECT_EQ(changed([](auto& target) { target.user.clear(); }), Errc::invalid_argument);
}

TEST_F(SshSessionTest, RefusesANulByteAndAnEmptyCommand) {
    const Sshd sshd;
    auto session = connect(sshd.target());
    ASSERT_TRUE(session);
    EXPECT_EQ(run_in(**session, {"echo", "a\0b"s}).error().code, Errc::invalid_argument);
    EXPECT_EQ(run_in(**session, {}).error().code, Errc::invalid_argument);
    EXPECT_TRUE(run_in(**session, {"true"}));
}

TEST_F(SshSessionTest, StopsEndlessOutputAndEndsTheSession) {
    const Sshd sshd;
    for (const std::string command : {"yes", "yes >&2"}) {
        auto session = connect(sshd.target());
        ASSERT_TRUE(session);
        EXPECT_EQ(run_in(**session, {"sh", "-c", command}).error().code, Errc::too_large) << command;
        EXPECT_EQ(run_in(**session, {"true"}).error().code, Errc::write_failed);
    }
}

TEST_F(SshSessionTest, CutsLongErrorOutput) {
    const auto reply = reply_of({"sh", "-c", "head -c 100000 /dev/zero >&2; echo fine"});
    EXPECT_EQ(reply.error_output.size(), 16U * 1024);
    EXPECT_EQ(reply.output, "fine\n");
}

TEST_F(SshSessionTest, DoesNotWaitForAChildThatHoldsStdoutOpen) {
    const auto begin = std::chrono::steady_clock::now();
    EXPECT_EQ(reply_of({"sh", "-c", "sleep 45 & echo started"}).output, "started\n");
    EXPECT_LT(std::chrono::steady_clock::now() - begin, 40s);
}

TEST_F(SshSessionTest, EndsACommandAtItsDeadline) {
    const Sshd sshd;
    auto session = connect(sshd.target());
    ASSERT_TRUE(session);
    const auto error = run_in(**session, {"sleep", "20"}, "", {.timeout = 300ms}).error();
    EXPECT_EQ(error.code, Errc::timeout) << error.detail;
    EXPECT_EQ(run_in(**session, {"true"}).error().code, Errc::write_failed);
}

TEST_F(SshSessionTest, ReportsAConnectionThatEndsInACommand) {
    const Sshd sshd;
    auto session = connect(sshd.target());
    ASSERT_TRUE(session);
    // The shell's parent is the sshd process of this connection.
    const auto error = run_in(**session, {"sh", "-c", "kill -KILL $PPID; sleep 20"}).error();
    EXPECT_EQ(error.code, Errc::read_failed) << error.detail;
}

TEST_F(SshSessionTest, CanBeCancelledWhileConnectingAndWhileRunning) {
    const Sshd sshd;
    const test::Listener silent;
    asio::cancellation_signal cancel;
    auto target = sshd.target();
    target.port = silent.port();
    bool failed = false;
    const auto done = [&](const std::exception_ptr& thrown, SessionResult session) {
        failed = thrown || session.error().code == Errc::cancelled;
    };
    asio::co_spawn(io, dial_and_open(target, 60s), asio::bind_cancellation_slot(cancel.slot(), done));
    std::thread accepted([&] {
        const int fd = silent.accept();  // the client has connected and waits for a banner
        asio::post(io, [&] { cancel.emit(asio::cancellation_type::terminal); });
        test::ServerConnection(fd).wait_until_peer_closes();
    });
    io.restart();
    io.run();
    accepted.join();
    EXPECT_TRUE(failed);

    auto session = connect(sshd.target());
    ASSERT_TRUE(session);
    failed = false;
    const auto stopped = [&](const std::exception_ptr& thrown, Result<VerbReply> reply) {
        failed = thrown || reply.error().code == Errc::cancelled;
    };
    asio::co_spawn(io, (*session)->run({"sleep", "20"}, "", {}), asio::bind_cancellation_slot(cancel.slot(), stopped));
    std::thread canceller([&] {
        sshd.wait_for_log("Starting session: command");
        asio::post(io, [&] { cancel.emit(asio::cancellation_type::terminal); });
    });
    io.restart();
    io.run();
    canceller.join();
    EXPECT_TRUE(failed);
}

struct HostileServer {
    std::string name;
    std::string bytes;
    bool closes;
    Errc expected;
};

TEST_F(SshSessionTest, SurvivesServersThatAreNone) {
    const Sshd sshd;  // for its keys only
    const std::string banner = "SSH-2.0-OpenSSH_9.2\r\n";
    const std::vector<HostileServer> servers = {
        {"silent", "", false, Errc::timeout},
        {"silent after the banner", banner, false, Errc::timeout},
        {"closing", "", true, Errc::connect_failed},
        {"HTTP", "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n", true, Errc::connect_failed},
        {"endless banner", std::string(200'000, 'x'), false, Errc::malformed_reply},
        {"huge packet", banner + "\x7f\xff\xff\xff" + std::string(100, 'x'), false, Errc::malformed_reply},
        {"garbage packet", banner + std::string(5000, '\x01'), false, Errc::malformed_reply},
        {"SSH 1", "SSH-1.5-old\r\n", false, Errc::malformed_reply},
    };
    for (const auto& server : servers) {
        test::TlsServer fake({.identity = {}, .tls = false}, [&](test::ServerConnection& connection) {
            connection.write_raw(server.bytes);
            if (!server.closes) connection.wait_until_peer_closes();
        });
        auto target = sshd.target();
        target.port = fake.port();
        const auto limit = server.expected == Errc::timeout ? 300ms : 60s;
        const auto error = refusal(target, limit);
        EXPECT_EQ(error.code, server.expected) << server.name << ": " << error.detail;
    }
}

}  // namespace
}  // namespace aggmedic
