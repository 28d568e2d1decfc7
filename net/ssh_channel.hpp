#pragma once

#include <libssh/callbacks.h>
#include <libssh/libssh.h>

#include <memory>
#include <optional>

namespace aggmedic {

// One channel of a session, and how its command ended. Must be destroyed before the session.
class SshChannel {
  public:
    explicit SshChannel(ssh_session session);
    ~SshChannel();
    SshChannel(const SshChannel&) = delete;
    SshChannel& operator=(const SshChannel&) = delete;

    ssh_channel get() const { return channel_; }  // nullptr: no memory
    // The exit status, 128 + the signal's number after a signal (as a shell has it), nullopt while neither is known.
    std::optional<int> exit_status() const { return exit_status_; }

  private:
    // ssh_channel_get_exit_status cannot tell "not yet" from "killed by a signal": the callbacks can.
    static void on_exit_status(ssh_session, ssh_channel, int status, void* self);
    static void on_exit_signal(ssh_session, ssh_channel, const char* signal, int, const char*, const char*, void* self);

    ssh_channel channel_;
    ssh_channel_callbacks_struct callbacks_{};
    std::optional<int> exit_status_;
};

}  // namespace aggmedic
