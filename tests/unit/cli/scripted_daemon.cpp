#include "scripted_daemon.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>

namespace aggmedic::cli {
namespace {

std::string read_request(int peer) {
    std::string line;
    for (char byte = 0; ::recv(peer, &byte, 1, 0) == 1 && byte != '\n';) line += byte;
    return line;
}

}  // namespace

std::vector<std::string> asking(const ScriptedDaemon& daemon, std::vector<std::string> words) {
    words.insert(words.end(), {"--socket", daemon.path()});
    return words;
}

std::string reply_line(int exit_status, const nlohmann::json& result, const std::string& error) {
    return nlohmann::json{{"reply", {{"exit_status", exit_status}, {"error", error}, {"result", result}}}}.dump() +
           "\n";
}

std::string progress_line(const nlohmann::json& progress) {
    return nlohmann::json{{"progress", progress}}.dump() + "\n";
}

ScriptedDaemon::ScriptedDaemon(int exit_status, nlohmann::json result, std::string error)
    : ScriptedDaemon(Script{.lines = {reply_line(exit_status, result, error)}}) {}

ScriptedDaemon::ScriptedDaemon(Script script) {
    std::string pattern = (std::filesystem::temp_directory_path() / "aggmedic-cli-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path().data(), path().size());
    descriptor_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    EXPECT_EQ(::bind(descriptor_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(::listen(descriptor_, 4), 0);
    thread_ = std::jthread([this, script = std::move(script)] { converse(script); });
}

ScriptedDaemon::~ScriptedDaemon() {
    ::shutdown(descriptor_, SHUT_RDWR);  // ends accept()
    thread_.join();
    ::close(descriptor_);
    std::filesystem::remove_all(folder_);
}

void ScriptedDaemon::converse(const Script& script) {
    const int peer = ::accept4(descriptor_, nullptr, nullptr, SOCK_CLOEXEC);
    if (peer < 0) return;
    asked_.set_value(read_request(peer));
    for (const auto& line : script.lines) ::send(peer, line.data(), line.size(), MSG_NOSIGNAL);
    sent_.set_value();
    if (script.stays) {
        char byte = 0;
        went_.set_value(::recv(peer, &byte, 1, 0) == 0);
    }
    ::close(peer);
}

nlohmann::json ScriptedDaemon::request() {
    return nlohmann::json::parse(asked_.get_future().get());
}

}  // namespace aggmedic::cli
