#include "net/ssh_channel.hpp"

#include <array>
#include <csignal>
#include <string_view>
#include <utility>

namespace aggmedic {
namespace {

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

SshChannel::SshChannel(ssh_session session) : channel_(ssh_channel_new(session)) {
    if (channel_ == nullptr) return;
    callbacks_.userdata = this;
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

void SshChannel::on_exit_status(ssh_session, ssh_channel, int status, void* self) {
    static_cast<SshChannel*>(self)->exit_status_ = status & 0xFF;
}

void SshChannel::on_exit_signal(ssh_session, ssh_channel, const char* signal, int, const char*, const char*,
                                void* self) {
    const int number = signal_number(signal != nullptr ? signal : "");
    static_cast<SshChannel*>(self)->exit_status_ = number == 0 ? 255 : 128 + number;
}

}  // namespace aggmedic
