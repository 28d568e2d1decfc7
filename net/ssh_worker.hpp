#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "net/remote_host.hpp"

namespace aggmedic {

// SSH happens in a process of its own: what a hostile host can do to an SSH library, it can do only there. The protocol
// over the socketpair is length-prefixed JSON, at most 1 MiB a message, with three requests: connect, verb, close.

// What a worker may run, given to it by the program that it is compiled into; nothing else can be asked of it.
struct RemoteVerb {
    std::string_view name{};
    std::vector<std::string_view> command{};  // argv before the caller's arguments
    // The same where SshTarget::helper_installed; empty: no verb there.
    std::vector<std::string_view> installed{};
    std::size_t arguments_max = 0;
    bool takes_input = false;
};

// The parent's side. Starts `program` (argv: program, "--ssh-worker") with the socketpair as file descriptor 3 and
// nothing else open but stderr. A worker that dies fails its calls with worker_lost; the next connect starts a new one.
// A worker without a session ends after `linger`: between its visits the daemon has no SSH library in memory anywhere.
class SshWorker : public HostConnector {
  public:
    SshWorker(asio::any_io_executor executor, std::string program,
              std::chrono::milliseconds linger = std::chrono::seconds(10));
    ~SshWorker() override;  // closes the socket: the worker ends, and is reaped

    asio::awaitable<Result<std::unique_ptr<RemoteHost>>> connect(SshTarget target,
                                                                 std::chrono::milliseconds timeout) override;
    std::optional<int> pid() const;

  private:
    class Impl;
    std::shared_ptr<Impl> impl_;
};

// The child's side: call first thing in main(). Returns an exit status when this process was started as a worker, else
// nullopt.
std::optional<int> run_as_ssh_worker(int argc, char** argv, std::span<const RemoteVerb> verbs);

}  // namespace aggmedic
