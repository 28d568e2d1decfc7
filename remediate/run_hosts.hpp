#pragma once

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "net/remote_host.hpp"
#include "probes/look.hpp"
#include "remediate/run_edge.hpp"

namespace aggmedic::remediate {

// What a call of the helper came to.
struct HelperAnswer {
    enum class Kind {
        ok,       // it says so
        no,       // it refused; nothing was changed, except after `readback`
        not_run,  // the helper never started: sudo refused, or there is none
        unknown,  // cut, timed out, garbage: it may or may not have happened
    };
    Kind kind = Kind::unknown;
    std::string word;    // of ok and no: what follows, up to a space
    std::string detail;  // printable, for people
    bool operator==(const HelperAnswer&) const = default;
};
HelperAnswer read_helper_answer(const Result<VerbReply>& reply);

// A read-only look through an open session, as probes::look_at_master.
using LookAtMaster =
    std::function<asio::awaitable<Result<probes::Look>>(RemoteHost& host, std::string master, std::string platform)>;

// The sessions of one run, one per master, opened when needed and opened again after a failure.
class Hosts {
  public:
    // `stopping`: asked before each further try to connect; true ends the patience.
    Hosts(HostConnector& connector, SshAccess& access, RunEdge& edge, std::string platform, LookAtMaster look_at_master,
          std::function<bool()> stopping)
        : connector_(connector),
          access_(access),
          edge_(edge),
          platform_(std::move(platform)),
          look_at_master_(std::move(look_at_master)),
          stopping_(std::move(stopping)) {}

    // `patience`: how long to go on trying to connect (a master may be rebooting). The verb itself is sent once.
    asio::awaitable<HelperAnswer> call(std::string master, std::string verb, std::vector<std::string> arguments,
                                       std::string input, std::chrono::milliseconds patience);
    asio::awaitable<Result<probes::Look>> look(std::string master, std::chrono::milliseconds patience);
    asio::awaitable<void> close();  // ends the sessions and gives the access back

    const std::string& platform() const { return platform_; }
    bool gave_up() const { return gave_up_; }  // a connection was not waited for any longer, because of `stopping`

  private:
    asio::awaitable<Result<RemoteHost*>> session(std::string master, std::chrono::milliseconds patience);
    asio::awaitable<Result<std::unique_ptr<RemoteHost>>> connect(std::string master);

    HostConnector& connector_;
    SshAccess& access_;
    RunEdge& edge_;
    std::string platform_;
    LookAtMaster look_at_master_;
    std::function<bool()> stopping_;
    bool gave_up_ = false;
    std::map<std::string, std::unique_ptr<RemoteHost>> sessions_;
    std::map<std::string, bool> acquired_;
};

}  // namespace aggmedic::remediate
