#pragma once

#include <future>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

namespace aggmedic::cli {

// A control socket whose one conversation is written down beforehand.
class ScriptedDaemon {
  public:
    struct Script {
        std::vector<std::string> lines{};  // sent once the request has come
        bool stays = false;                // then waits until the client goes; else closes
    };
    explicit ScriptedDaemon(Script script);
    // Answers with one reply.
    ScriptedDaemon(int exit_status, nlohmann::json result, std::string error = {});
    ~ScriptedDaemon();
    ScriptedDaemon(const ScriptedDaemon&) = delete;
    ScriptedDaemon& operator=(const ScriptedDaemon&) = delete;

    std::string path() const { return folder_ + "/control.sock"; }
    nlohmann::json request();  // waits for it
    void wait_until_sent() { sent_.get_future().wait(); }
    bool client_went() { return went_.get_future().get(); }  // without another word
    const std::string& folder() const { return folder_; }

  private:
    void converse(const Script& script);

    std::string folder_;
    int descriptor_ = -1;
    std::promise<std::string> asked_;
    std::promise<void> sent_;
    std::promise<bool> went_;
    std::jthread thread_;
};

// The words of a command line that asks this daemon.
std::vector<std::string> asking(const ScriptedDaemon& daemon, std::vector<std::string> words);

std::string reply_line(int exit_status, const nlohmann::json& result, const std::string& error = {});
std::string progress_line(const nlohmann::json& progress);

}  // namespace aggmedic::cli
