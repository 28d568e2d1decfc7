#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <stdexcept>

#include "tests/lab/extension/extension.hpp"

namespace aggmedic::lab {

BlackHole::BlackHole(const Endpoint& endpoint) {
    sockaddr_in where{};
    where.sin_family = AF_INET;
    where.sin_port = htons(endpoint.port);
    ::inet_pton(AF_INET, endpoint.address.c_str(), &where.sin_addr);
    const auto* address = reinterpret_cast<const sockaddr*>(&where);
    const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int on = 1;
    ::setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    sockets_.push_back(listener);
    if (::bind(listener, address, sizeof where) != 0 || ::listen(listener, 0) != 0)
        throw std::runtime_error(endpoint.text() + " cannot be made a black hole");
    // Two connections fill a queue of length 0; from then on SYNs are dropped.
    for (int i = 0; i < 3; ++i) {
        const int filler = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        static_cast<void>(::connect(filler, address, sizeof where));
        sockets_.push_back(filler);
    }
}

BlackHole::~BlackHole() {
    for (const int socket : sockets_) ::close(socket);
}

bool is_struck(const World& world, const Extension& extension, const char* fault_name) {
    const auto value = fault(world.faults(), fault_name);
    return value && (value->empty() || *value == extension.service || *value == extension.api_service());
}

}  // namespace aggmedic::lab
