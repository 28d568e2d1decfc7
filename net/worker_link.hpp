#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "net/deadline.hpp"
#include "net/descriptor.hpp"
#include "net/ssh_protocol.hpp"
#include "net/worker_process.hpp"

namespace aggmedic {

// One worker process and the requests that wait for its replies. A worker that says anything unexpected is killed.
class WorkerLink : public std::enable_shared_from_this<WorkerLink> {
  public:
    using Body = decltype(ssh_protocol::Request::body);

    // Errors: io_failed.
    static Result<std::shared_ptr<WorkerLink>> start(const asio::any_io_executor& executor, const std::string& program);
    WorkerLink(asio::local::stream_protocol::socket socket, WorkerProcess process)
        : socket_(std::move(socket)), process_(std::move(process)) {}

    std::uint64_t new_id() { return ++last_id_; }
    // Sends the request, a connect with its connection, and waits for its reply. A caller that is cancelled closes
    // `session`; a worker that does not reply until `deadline` is killed. Errors: what the worker reports, worker_lost,
    // timeout, cancelled, too_large.
    asio::awaitable<Result<ssh_protocol::Reply>> ask(std::uint64_t id, std::uint64_t session, Body body,
                                                     SteadyTime deadline, Descriptor connection = Descriptor());
    void close_session(std::uint64_t session);
    // Kills and reaps the worker; every waiting request ends with worker_lost.
    void end(const std::string& why);

    bool ended() const { return ended_; }
    pid_t pid() const { return process_.pid(); }
    asio::any_io_executor executor() { return socket_.get_executor(); }

  private:
    struct Waiting {
        Waiting(WorkerLink& owner, std::uint64_t request, const asio::any_io_executor& executor, SteadyTime deadline);
        ~Waiting();
        Waiting(const Waiting&) = delete;
        Waiting& operator=(const Waiting&) = delete;
        void answer(Result<ssh_protocol::Reply> with);

        WorkerLink& link;
        std::uint64_t id;
        asio::steady_timer timer;  // cancelled by the answer
        std::optional<Result<ssh_protocol::Reply>> reply;
    };

    asio::awaitable<void> read_replies();
    asio::awaitable<void> write_requests();
    Result<void> deliver(std::string_view message);
    Result<void> post(const ssh_protocol::Request& request, Descriptor connection = Descriptor());
    asio::awaitable<Result<void>> write_request(std::string bytes, Descriptor connection);

    asio::local::stream_protocol::socket socket_;
    WorkerProcess process_;
    std::uint64_t last_id_ = 0;
    std::map<std::uint64_t, Waiting*> waiting_;
    std::set<std::uint64_t> abandoned_;  // cancelled requests whose reply will still come
    struct Outgoing {
        std::string bytes;
        Descriptor connection;
    };
    std::deque<Outgoing> outgoing_;
    bool writing_ = false;
    bool ended_ = false;
};

}  // namespace aggmedic
