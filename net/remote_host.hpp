#pragma once

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "net/result.hpp"

namespace aggmedic {

namespace asio = boost::asio;

// Where a host is and what proves that it is that host. At least one pinned key is required: without one nothing
// connects.
struct SshTarget {
    std::string address{};
    std::uint16_t port = 22;
    std::string user{};
    std::string private_key_pem{};         // handed to the worker over its socketpair, never written
    bool helper_installed = false;         // the verbs are called as commands of the host's own (RemoteVerb::installed)
    std::vector<std::string> host_keys{};  // OpenSSH public key lines without the host field: "ssh-ed25519 AAAA..."
};

// One call of the one constant helper script on a host.
struct VerbCall {
    std::string verb{};  // a name of the worker's table
    std::vector<std::string> arguments{};
    std::string input{};                       // stdin of the verb
    std::chrono::milliseconds timeout{30000};  // over the whole call
};

struct VerbReply {
    int exit_status = 0;
    std::string output{};        // stdout, at most 512 KiB
    std::string error_output{};  // stderr, at most 16 KiB
};

// A host on which verbs can be called. Destroying it closes the session. Errors of call(): timeout (the command may or
// may not have run), too_large, cancelled, worker_lost, read_failed, write_failed, invalid_argument (not in the table).
class RemoteHost {
  public:
    virtual ~RemoteHost() = default;
    virtual asio::awaitable<Result<VerbReply>> call(VerbCall call) = 0;
};

// How the daemon reaches hosts. Implemented by SshWorker; tests pass their own.
class HostConnector {
  public:
    virtual ~HostConnector() = default;
    // Errors: connect_failed, host_key_mismatch, auth_failed, timeout, worker_lost, malformed_reply, invalid_argument.
    virtual asio::awaitable<Result<std::unique_ptr<RemoteHost>>> connect(SshTarget target,
                                                                         std::chrono::milliseconds timeout) = 0;
};

// How SSH access to a host is obtained: from configuration (a user and a key) or lent by a BOSH director.
class SshAccess {
  public:
    virtual ~SshAccess() = default;
    virtual asio::awaitable<Result<SshTarget>> acquire(std::string master) = 0;
    virtual asio::awaitable<void> release(std::string master) = 0;
};

}  // namespace aggmedic
