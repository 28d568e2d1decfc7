#include "daemon/cli/interrupts.hpp"

#include <pthread.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

namespace aggmedic::cli {
namespace {

sigset_t watched() {
    sigset_t set;
    sigemptyset(&set);
    for (const int number : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&set, number);
    return set;
}

}  // namespace

Interrupts::Interrupts() {
    const auto set = watched();
    pthread_sigmask(SIG_BLOCK, &set, nullptr);
    descriptor_ = ::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

Interrupts::~Interrupts() {
    if (descriptor_ >= 0) ::close(descriptor_);
    const auto set = watched();
    pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
}

std::optional<int> Interrupts::take() {
    signalfd_siginfo information{};
    if (::read(descriptor_, &information, sizeof information) != sizeof information) return std::nullopt;
    return static_cast<int>(information.ssi_signo);
}

}  // namespace aggmedic::cli
