#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "daemon/config.hpp"
#include "net/remote_host.hpp"
#include "net/result.hpp"

namespace aggmedic::daemon {

namespace asio = boost::asio;

// What an operator may ask, over the control socket or in-process with --standalone. On the socket: one JSON object a
// line from the client, then lines from the server: any number of {"progress": Progress} and one {"reply": Reply}; the
// server then closes. A client that goes away detaches: a run goes on.
//
// What the results hold beside design 5.1 (every reply may carry fields that are not named here):
//
//   check      {"clusters":[...]} of design 5.1, each with "at" and "blast_radius" (blast_radius_words.hpp; null while
//              no aggregated API fails)
//   explain    as check, each cluster also with "published":{"allowed_names","resource_version"}, "caller", "platform",
//              "apiservers":[{"master","address","ready","reason","clock_offset_ms","version"}],
//              "canary_timing":[{"master","apiservice","says","pairs","slower","jitter_us","reason"}] (says: caller,
//              masked or nothing; empty where it was not tried), "masters":[{"name","seen","reason","pid","file",
//              "argument","live_argument","proxy_client_cn","proxy_client_not_after"}], "plannable", and each
//              finding with "meaning", "blast_radius" and "next" (commands to type)
//   bundle     {"cluster","observed","state","sha256","archive"}: one tar (daemon/bundle.hpp) in Base64
//   preflight  {"clusters":[{"name","state","refusals":[{"gate","subject","reason"}]}]}
//   plan, revert   of design 5.1 ("plan"), with "steps" (what is done to the ConfigMap) where there are any, and of a
//              revert with "reverts" (the run), "withdraws" and "marked"
//   apply, abort, follow   of design 5.1 ("apply"); `next` is the command to go on with
//   status
//   {"paused","mode","suspended":null|{"since","why"},"clusters":[{"name","state","kubernetes","findings":[{"cause","severity","master",
//              "apiservice","masters","apiservices","since"}],"unobserved","last_observation","run","paused",
//              "repair":{"plan","plan_expires","plan_refusals","start_refusals","drift":[{"master","how"}]}}]},
//              one finding for each cause; last_observation and run may be null; state is "unknown" before the first
//              observation
//   runs       {"runs":[{"run","plan","cluster","trigger","uid","reason","canary_only","started","finished","outcome",
//              "why","next","running"}]}, newest first; with an id one entry, with "masters" and "steps" too
//   audit      {"log","owner","more","records":[{"line","hash"}]} after the sequence number `after`, oldest first;
//   owner
//              is the uid that writes it
//   pause, resume   {"paused":[names]}; "" stands for the fleet
//   findings, plans (for the HTTP API)   {"findings":[one for each cluster and cause, with "cluster",
//              "masters", "apiservices"]}, {"plans":[{"id","cluster","method",
//              "created","expires","masters":[names]}]}
struct Request {
    std::string command;                   // one of the above, or reload
    std::vector<std::string> clusters;     // none: all
    std::string id;                        // of a plan or a run; a unique prefix of at least 8 characters will do
    std::string method = "args";           // plan: args, configmap
    std::vector<std::string> accept_risk;  // plan, revert
    bool canary_only = false;              // apply
    bool canary_timing = false;            // check, explain
    bool rest_of_run = false;              // apply: id is a run, and what it left to do is applied
    std::string reason;                    // apply, pause
    std::int64_t after = 0;                // audit: the sequence number to go on from
    std::int64_t uid = -1;                 // filled by the server from the peer's credentials, never by the client
};
nlohmann::json to_json(const Request& request);
// Errors: malformed_reply. A uid in the line is ignored.
Result<Request> parse_request(std::string_view line);

struct Reply {
    int exit_status = 0;    // of design 5.1
    std::string error;      // what failed, where, what to do next; empty: none
    nlohmann::json result;  // the command's JSON (design 5.1); null with an error
};
nlohmann::json to_json(const Reply& reply);
Result<Reply> parse_reply(std::string_view line);

using ProgressSink =
    std::function<void(const nlohmann::json&)>;  // Progress of remediate/run.hpp ({"run","at","master",
                                                 // "step","state","text","left"}, left in seconds),
                                                 // and {"text"} while observing

// The whole program behind the commands: configuration, observations, tracked findings, plans and runs. One thread (the
// executor's); SQLite on its own; SSH in worker processes.
class Service {
  public:
    struct Options {
        std::string program;      // executable to start SSH workers from; it must call run_as_ssh_worker() first
        bool standalone = false;  // no scheduler, no listener
        std::function<Result<Config>()> reload;  // what the command `reload` reads; none: it is refused
        std::function<std::unique_ptr<HostConnector>()> connect;  // how SSH workers are made; none: from `program`
    };
    // Errors: io_failed (the state directory), refused (another daemon holds it).
    static Result<std::shared_ptr<Service>> create(asio::any_io_executor executor, Config config, Options options);
    virtual ~Service() = default;

    // Cancelling it detaches from a run, which goes on. Never throws but for that.
    virtual asio::awaitable<Reply> handle(Request request, ProgressSink progress) = 0;

    // The daemon's own life: cycles over all clusters until stop(); reconciles unfinished runs first.
    virtual asio::awaitable<void> run() = 0;
    // Ends cycles. The daemon's run in flight ends its current step and leaves the journal readable, the next start
    // goes on from there; a standalone run is aborted instead (it finishes or undoes the master it is at), since
    // nothing may ever start there again. Returns when all is still; call it from a second coroutine on SIGINT.
    virtual asio::awaitable<void> stop() = 0;
    // Swaps the whole configuration, or keeps the old one and says why; a configuration that could not be read counts
    // as a reload that failed.
    virtual Result<void> reload(Result<Config> config) = 0;

    virtual std::string metrics() = 0;  // Prometheus text format 0.0.4
    virtual bool ready() const = 0;     // every cluster was observed once
    virtual bool alive() const = 0;     // the scheduler turned within its interval (feeds the watchdog)
};

}  // namespace aggmedic::daemon
