#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "daemon/config.hpp"
#include "net/result.hpp"

namespace aggmedic::daemon {

namespace asio = boost::asio;

// What an operator may ask, over the control socket or in-process with --standalone. On the socket: one JSON object a line from the
// client, then lines from the server: any number of {"progress": Progress} and one {"reply": Reply}; the server then closes.
// A client that goes away detaches: a run goes on.
struct Request {
    std::string command;                     // check, explain, preflight, plan, apply, abort, status, runs, follow, pause, resume, reload
    std::vector<std::string> clusters;       // none: all
    std::string id;                          // of a plan or a run
    std::string method = "args";             // plan
    std::vector<std::string> accept_risk;    // plan
    bool canary_only = false;                // apply
    std::string reason;                      // apply, pause
    std::int64_t uid = -1;                   // filled by the server from the peer's credentials, never by the client
};
nlohmann::json to_json(const Request& request);
Result<Request> parse_request(std::string_view line);

struct Reply {
    int exit_status = 0;                     // of design 5.1
    std::string error;                       // what failed, where, what to do next; empty: none
    nlohmann::json result;                   // the command's JSON (design 5.1); null with an error
};
nlohmann::json to_json(const Reply& reply);
Result<Reply> parse_reply(std::string_view line);

using ProgressSink = std::function<void(const nlohmann::json&)>;   // Progress of remediate/run.hpp, and {"text"} while observing

// The whole program behind the commands: configuration, observations, tracked findings, plans and runs. One thread (the executor's); SQLite on
// its own; SSH in worker processes.
class Service {
  public:
    struct Options {
        std::string program;                 // executable to start SSH workers from
        bool standalone = false;             // no scheduler, no listener
    };
    static Result<std::shared_ptr<Service>> create(asio::any_io_executor executor, Config config, Options options);
    virtual ~Service() = default;

    virtual asio::awaitable<Reply> handle(Request request, ProgressSink progress) = 0;

    // The daemon's own life: cycles over all clusters until stop(); reconciles unfinished runs first.
    virtual asio::awaitable<void> run() = 0;
    // Ends cycles; a run in flight ends its current step and leaves the journal readable. Returns when all is still.
    virtual asio::awaitable<void> stop() = 0;
    // Swaps the whole configuration, or keeps the old one and says why.
    virtual Result<void> reload(Config config) = 0;

    virtual std::string metrics() = 0;       // Prometheus text format 0.0.4
    virtual bool ready() const = 0;          // every cluster was observed once
    virtual bool alive() const = 0;          // the scheduler turned within its interval (feeds the watchdog)
};

}  // namespace aggmedic::daemon
