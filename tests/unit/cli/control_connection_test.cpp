#include "daemon/cli/control_connection.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <thread>

namespace aggmedic::cli {
namespace {

using namespace std::chrono_literals;

// A listening socket in a folder of its own, and one conversation on it.
class Listener {
  public:
    Listener() {
        std::string pattern = (std::filesystem::temp_directory_path() / "aggmedic-cli-XXXXXX").string();
        folder_ = ::mkdtemp(pattern.data());
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::memcpy(address.sun_path, path().data(), path().size());
        descriptor_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        EXPECT_EQ(::bind(descriptor_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
        EXPECT_EQ(::listen(descriptor_, 4), 0);
    }
    ~Listener() {
        stop_listening();
        std::filesystem::remove_all(folder_);
    }
    Listener(const Listener&) = delete;
    Listener& operator=(const Listener&) = delete;

    std::string path() const { return folder_ + "/control.sock"; }
    int accept() const { return ::accept(descriptor_, nullptr, nullptr); }
    void stop_listening() {
        if (descriptor_ >= 0) ::close(descriptor_);
        descriptor_ = -1;
    }

  private:
    std::string folder_;
    int descriptor_ = -1;
};

void say(int descriptor, std::string_view text) {
    EXPECT_EQ(::send(descriptor, text.data(), text.size(), MSG_NOSIGNAL), static_cast<ssize_t>(text.size()));
}

std::string line(const Result<ControlConnection::Event>& event) {
    const auto* found = event ? std::get_if<ControlConnection::Line>(&*event) : nullptr;
    return found ? found->text : "(none)";
}

TEST(ControlConnection, ReadsLinesHoweverTheyArrive) {
    Listener listener;
    auto connection = ControlConnection::open(listener.path(), 1s);
    ASSERT_TRUE(connection);
    const int peer = listener.accept();
    ASSERT_TRUE(connection->send_line("ask"));
    char asked[8] = {};
    EXPECT_EQ(::recv(peer, asked, sizeof asked, 0), 4);
    EXPECT_STREQ(asked, "ask\n");
    say(peer, "one\ntwo\nthr");
    EXPECT_EQ(line(connection->next(-1, 1s)), "one");
    EXPECT_EQ(line(connection->next(-1, 1s)), "two");
    EXPECT_TRUE(std::holds_alternative<ControlConnection::Elapsed>(*connection->next(-1, 10ms)));
    say(peer, "ee\n");
    EXPECT_EQ(line(connection->next(-1, 1s)), "three");
    ::close(peer);
    EXPECT_TRUE(std::holds_alternative<ControlConnection::Closed>(*connection->next(-1, 1s)));
}

TEST(ControlConnection, WakesForAnotherDescriptor) {
    Listener listener;
    auto connection = ControlConnection::open(listener.path(), 1s);
    ASSERT_TRUE(connection);
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    ASSERT_EQ(::write(ends[1], "x", 1), 1);
    EXPECT_TRUE(std::holds_alternative<ControlConnection::Woken>(*connection->next(ends[0], -1ms)));
    ::close(ends[0]);
    ::close(ends[1]);
}

TEST(ControlConnection, RefusesALineThatDoesNotEnd) {
    Listener listener;
    auto connection = ControlConnection::open(listener.path(), 1s);
    ASSERT_TRUE(connection);
    const int peer = listener.accept();
    std::jthread flood([peer] {
        const std::string chunk(1UL << 20, 'x');
        while (::send(peer, chunk.data(), chunk.size(), MSG_NOSIGNAL) > 0) {
        }
        ::close(peer);
    });
    const auto event = connection->next(-1, 20s);
    ASSERT_FALSE(event);
    EXPECT_EQ(event.error().code, Errc::too_large);
    connection = fail(Errc::cancelled, "closed");  // ends the flood
}

TEST(ControlConnection, SaysWhyThereIsNoDaemon) {
    Listener listener;
    listener.stop_listening();
    const auto refused = ControlConnection::open(listener.path(), 1s);
    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error().detail.find("nobody listens"), std::string::npos);
    const auto missing = ControlConnection::open(listener.path() + "x", 1s);
    ASSERT_FALSE(missing);
    EXPECT_NE(missing.error().detail.find("no such socket"), std::string::npos);
    const auto impossible = ControlConnection::open(std::string(200, 'p'), 1s);
    ASSERT_FALSE(impossible);
    EXPECT_EQ(impossible.error().code, Errc::invalid_argument);
    EXPECT_FALSE(ControlConnection::open("", 1s));
}

}  // namespace
}  // namespace aggmedic::cli
