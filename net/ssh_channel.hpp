#pragma once

#include <libssh/callbacks.h>
#include <libssh/libssh.h>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "net/ssh_session.hpp"

namespace aggmedic {

// One channel of a session: what its command has said so far, and how it ended. All of it arrives by callback while
// libssh handles packets, in whatever call that happens. Must be destroyed before the session.
class SshChannel {
  public:
    SshChannel(ssh_session session, const CommandLimits& limits);
    ~SshChannel();
    SshChannel(const SshChannel&) = delete;
    SshChannel& operator=(const SshChannel&) = delete;

    ssh_channel get() const { return channel_; }  // nullptr: no memory
    // Handles what the peer has sent. False: the connection is broken.
    bool receive();

    // Grows with each callback: a caller that saw no change may wait for the socket.
    std::size_t changes() const { return changes_; }
    // The exit status, 128 + the signal's number after a signal (as a shell has it), nullopt while neither is known.
    std::optional<int> exit_status() const { return exit_status_; }
    bool output_ended() const { return output_ended_; }
    bool closed() const { return closed_ || ssh_channel_is_closed(channel_) != 0; }
    // What is beyond the limits, for people; empty while nothing is.
    const std::string& excess() const { return excess_; }
    std::string& output() { return output_; }
    std::string& error_output() { return error_output_; }

  private:
    static int on_data(ssh_session, ssh_channel, void* bytes, std::uint32_t size, int is_stderr, void* self);
    static void on_eof(ssh_session, ssh_channel, void* self);
    static void on_close(ssh_session, ssh_channel, void* self);
    static void on_exit_status(ssh_session, ssh_channel, int status, void* self);
    static void on_exit_signal(ssh_session, ssh_channel, const char* signal, int, const char*, const char*, void* self);
    void keep_output(std::string_view bytes);
    void keep_error_output(std::string_view bytes);

    ssh_channel channel_;
    CommandLimits limits_;
    ssh_channel_callbacks_struct callbacks_{};
    std::size_t changes_ = 0;
    std::string output_;
    std::string error_output_;
    std::size_t error_output_seen_ = 0;
    std::string excess_;
    std::optional<int> exit_status_;
    bool output_ended_ = false;
    bool closed_ = false;
};

}  // namespace aggmedic
