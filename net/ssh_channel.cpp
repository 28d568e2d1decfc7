#include "net/ssh_channel.hpp"

#include <fmt/format.h>

#include <array>
#include <csignal>
#include <string_view>
#include <utility>

namespace aggmedic {
namespace {

// Beyond what is kept, stderr is read and dropped, up to here: a chatty login banner is no fault, an endless one is.
constexpr std::size_t error_output_flood_bytes = std::size_t{1024} * 1024;

// RFC 4254 section 6.10.
int signal_number(std::string_view name) {
    static constexpr std::array<std::pair<std::string_view, int>, 13> signals = {{{"ABRT", SIGABRT},
                                                                                  {"ALRM", SIGALRM},
                                                                                  {"FPE", SIGFPE},
                                                                                  {"HUP", SIGHUP},
                                                                                  {"ILL", SIGILL},
                                                                                  {"INT", SIGINT},
                                                                                  {"KILL", SIGKILL},
                                                                                  {"PIPE", SIGPIPE},
                                                                                  {"QUIT", SIGQUIT},
                                                                                  {"SEGV", SIGSEGV},
                                                                                  {"TERM", SIGTERM},
                                                                                  {"USR1", SIGUSR1},
                                                                                  {"USR2", SIGUSR2}}};
    for (const auto& [known, number] : signals) {
        if (known == name) return number;
    }
    return 0;
}

}  // namespace

SshChannel::SshChannel(ssh_session session, const CommandLimits& limits)
    : channel_(ssh_channel_new(session)), limits_(limits) {
    if (channel_ == nullptr) return;
    callbacks_.userdata = this;
    callbacks_.channel_data_function = on_data;
    callbacks_.channel_eof_function = on_eof;
    callbacks_.channel_close_function = on_close;
    callbacks_.channel_exit_status_function = on_exit_status;
    callbacks_.channel_exit_signal_function = on_exit_signal;
    ssh_callbacks_init(&callbacks_);
    ssh_set_channel_callbacks(channel_, &callbacks_);
}

SshChannel::~SshChannel() {
    if (channel_ == nullptr) return;
    ssh_remove_channel_callbacks(channel_, &callbacks_);
    ssh_channel_free(channel_);
}

bool SshChannel::receive() {
    // After the end of output ssh_channel_poll handles no packet any more; asking for the exit status, which may come
    // later, does.
    if (!output_ended_) return ssh_channel_poll(channel_, 0) != SSH_ERROR;
    static_cast<void>(ssh_channel_get_exit_status(channel_));
    return true;
}

void SshChannel::keep_output(std::string_view bytes) {
    if (!excess_.empty()) return;
    output_ += bytes;
    if (output_.size() > limits_.output_bytes)
        excess_ = fmt::format("more than {} bytes of output", limits_.output_bytes);
}

void SshChannel::keep_error_output(std::string_view bytes) {
    error_output_ += bytes.substr(0, limits_.error_output_bytes - error_output_.size());
    error_output_seen_ += bytes.size();
    if (error_output_seen_ > error_output_flood_bytes) {
        excess_ = fmt::format("more than {} bytes of error output", error_output_flood_bytes);
    }
}

int SshChannel::on_data(ssh_session, ssh_channel, void* bytes, std::uint32_t size, int is_stderr, void* self) {
    auto& channel = *static_cast<SshChannel*>(self);
    const std::string_view received(static_cast<const char*>(bytes), size);
    ++channel.changes_;
    if (is_stderr != 0) {
        channel.keep_error_output(received);
    } else {
        channel.keep_output(received);
    }
    return static_cast<int>(size);
}

void SshChannel::on_eof(ssh_session, ssh_channel, void* self) {
    auto& channel = *static_cast<SshChannel*>(self);
    ++channel.changes_;
    channel.output_ended_ = true;
}

void SshChannel::on_close(ssh_session, ssh_channel, void* self) {
    auto& channel = *static_cast<SshChannel*>(self);
    ++channel.changes_;
    channel.closed_ = true;
}

void SshChannel::on_exit_status(ssh_session, ssh_channel, int status, void* self) {
    auto& channel = *static_cast<SshChannel*>(self);
    ++channel.changes_;
    channel.exit_status_ = status & 0xFF;
}

void SshChannel::on_exit_signal(ssh_session, ssh_channel, const char* signal, int, const char*, const char*,
                                void* self) {
    auto& channel = *static_cast<SshChannel*>(self);
    ++channel.changes_;
    const int number = signal_number(signal != nullptr ? signal : "");
    channel.exit_status_ = number == 0 ? 255 : 128 + number;
}

}  // namespace aggmedic
