#include "daemon/control_socket.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <thread>

#include "tests/unit/daemon/temporary_folder.hpp"

namespace aggmedic::daemon {
namespace {

using testing::HasSubstr;

// `wait` never ends by itself; what happens to it is written down.
struct Handled {  // by the server's thread, read by the test's
    std::atomic<int> cancelled = 0;
    std::atomic<std::int64_t> uid = -2;
};

asio::awaitable<Reply> handle(Handled& handled, Request request, ProgressSink progress) {
    handled.uid = request.uid;
    if (request.command == "wait") {
        progress({{"text", "waiting"}});
        asio::steady_timer timer(co_await asio::this_coro::executor, std::chrono::hours(1));
        try {
            co_await timer.async_wait(asio::use_awaitable);
        } catch (const boost::system::system_error&) {
            ++handled.cancelled;
            throw;
        }
    }
    if (request.command == "flood") {
        for (int count = 0; count < 40; ++count) progress({{"text", std::string(1024 * 1024, 'x')}});
    }
    co_return Reply{.exit_status = 0, .error = {}, .result = {{"command", request.command}}};
}

class ControlSocketTest : public testing::Test {
  protected:
    ControlSocketTest() {
        path = folder.path() / "control.sock";
        auto listening = listen();
        EXPECT_TRUE(listening);
        server = std::move(*listening);
        asio::co_spawn(io, server->serve(), asio::detached);
        thread = std::thread([this] { io.run(); });
    }
    ~ControlSocketTest() override {
        asio::post(io, [this] { server.reset(); });
        asio::post(io, [this] { asio::post(io, [this] { io.stop(); }); });
        thread.join();
    }

    Result<std::unique_ptr<ControlSocket>> listen() {
        return ControlSocket::listen(io.get_executor(), path, [this](Request request, ProgressSink progress) {
            return handle(handled, std::move(request), std::move(progress));
        });
    }

    int connect() const {
        const int descriptor = ::socket(AF_UNIX, SOCK_STREAM, 0);
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        ::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
        const timeval limit{.tv_sec = 15, .tv_usec = 0};
        ::setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
        EXPECT_EQ(::connect(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
        return descriptor;
    }
    static void write(int descriptor, std::string_view text) {
        EXPECT_EQ(::send(descriptor, text.data(), text.size(), MSG_NOSIGNAL), static_cast<ssize_t>(text.size()));
    }
    static std::string read_all(int descriptor) {
        std::string text;
        char buffer[4096];
        for (ssize_t count; (count = ::recv(descriptor, buffer, sizeof buffer, 0)) > 0;)
            text.append(buffer, static_cast<std::size_t>(count));
        ::close(descriptor);
        return text;
    }
    std::string ask(std::string_view line) const {
        const int descriptor = connect();
        write(descriptor, line);
        return read_all(descriptor);
    }
    template <class Done>
    static bool soon(Done done) {
        for (int tries = 0; tries < 500 && !done(); ++tries) std::this_thread::sleep_for(std::chrono::milliseconds(10));
        return done();
    }

    TemporaryFolder folder;
    std::filesystem::path path;
    Handled handled;
    asio::io_context io{1};
    std::unique_ptr<ControlSocket> server;
    std::thread thread;
};

TEST_F(ControlSocketTest, AnswersOneRequestAndTakesTheUidFromTheKernel) {
    const auto text = ask("{\"command\":\"status\",\"uid\":4711}\n");
    EXPECT_THAT(text, HasSubstr("{\"reply\":{"));
    EXPECT_THAT(text, HasSubstr("\"command\":\"status\""));
    EXPECT_EQ(handled.uid, static_cast<std::int64_t>(::geteuid()));
}

TEST_F(ControlSocketTest, IsForItsGroupOnly) {
    struct stat status{};
    ASSERT_EQ(::lstat(path.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777, 0660U);
}

TEST_F(ControlSocketTest, RefusesWhatIsNoRequest) {
    EXPECT_THAT(ask("hello\n"), HasSubstr("this is no request"));
    EXPECT_THAT(ask(std::string(70'000, 'a') + "\n"), HasSubstr("at most 64 KiB"));
}

TEST_F(ControlSocketTest, AnswersAClientThatHasFinishedWriting) {
    const int descriptor = connect();
    write(descriptor, "{\"command\":\"status\"}\n");
    ::shutdown(descriptor, SHUT_WR);
    EXPECT_THAT(read_all(descriptor), HasSubstr("{\"reply\":{"));
}

TEST_F(ControlSocketTest, StopsAQuestionWhoseClientWentAway) {
    const int descriptor = connect();
    write(descriptor, "{\"command\":\"wait\"}\n");
    char buffer[64];
    ASSERT_GT(::recv(descriptor, buffer, sizeof buffer, 0), 0);
    EXPECT_THAT(ask("{\"command\":\"status\"}\n"), HasSubstr("reply"));  // others are served beside it
    ::close(descriptor);
    EXPECT_TRUE(soon([&] { return handled.cancelled == 1; }));
}

TEST_F(ControlSocketTest, CutsOffAClientThatDoesNotRead) {
    const int descriptor = connect();
    write(descriptor, "{\"command\":\"flood\"}\n");
    // Flooding is one turn of the server's only thread: once anything comes, or the end, all of it has been asked for.
    char first{};
    EXPECT_GE(::recv(descriptor, &first, 1, MSG_PEEK), 0);
    EXPECT_THAT(ask("{\"command\":\"status\"}\n"), HasSubstr("reply"));
    EXPECT_THAT(read_all(descriptor), testing::Not(HasSubstr("\"reply\"")));
}

TEST_F(ControlSocketTest, ASecondDaemonIsRefused) {
    const auto second = listen();
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, Errc::refused);
    EXPECT_THAT(ask("{\"command\":\"status\"}\n"), HasSubstr("reply"));
}

TEST(ControlSocket, ReplacesASocketThatNobodyAnswersOnAndRemovesItsOwn) {
    const TemporaryFolder folder;
    const auto path = folder.path() / "control.sock";
    asio::io_context io(1);
    const int dead = ::socket(AF_UNIX, SOCK_STREAM, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    ::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
    ASSERT_EQ(::bind(dead, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    ::close(dead);
    ASSERT_TRUE(std::filesystem::exists(path));
    auto server = ControlSocket::listen(io.get_executor(), path, {});
    ASSERT_TRUE(server) << server.error().detail;
    server->reset();
    EXPECT_FALSE(std::filesystem::exists(path));
}

TEST(ControlSocket, LeavesAFileThatIsNoSocketAlone) {
    const TemporaryFolder folder;
    const auto path = folder.write("control.sock", "precious");
    asio::io_context io(1);
    EXPECT_FALSE(ControlSocket::listen(io.get_executor(), path, {}));
    EXPECT_TRUE(std::filesystem::exists(path));
}

}  // namespace
}  // namespace aggmedic::daemon
