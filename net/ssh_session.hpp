#pragma once

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "net/descriptor.hpp"
#include "net/known_hosts.hpp"
#include "net/remote_host.hpp"
#include "net/result.hpp"

namespace aggmedic {

struct CommandLimits {
    std::size_t output_bytes = std::size_t{512} * 1024;
    std::size_t error_output_bytes = std::size_t{16} * 1024;
    std::chrono::milliseconds timeout{30000};
};

// One SSH connection (libssh, non-blocking on the calling coroutine's executor). A session exists only after the host
// key was compared with the pinned ones, by type, and the key was accepted: authenticate() is not callable otherwise.
// User and system SSH configuration, agent, GSSAPI, ProxyCommand, SCP and SFTP are off. Used inside the worker only.
class SshSession {
  public:
    // On a TCP connection that somebody else has made; the target's address is a name in error texts here.
    static asio::awaitable<Result<std::unique_ptr<SshSession>>> open(Descriptor connection, SshTarget target,
                                                                     std::chrono::milliseconds timeout);
    ~SshSession();

    // Runs argv (each word quoted for the remote POSIX shell; a word with a NUL byte is invalid_argument) with `input`
    // as stdin. A command over its output cap ends the session. Several commands may run one after another.
    asio::awaitable<Result<VerbReply>> run(std::vector<std::string> argv, std::string input, CommandLimits limits);

  private:
    class Impl;
    explicit SshSession(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace aggmedic
