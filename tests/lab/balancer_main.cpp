// The cluster's load balancer: connections to one address are handed to the masters whose health check passed, in turn.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <atomic>
#include <iostream>
#include <thread>

#include "tests/lab/http.hpp"
#include "tests/lab/process.hpp"
#include "tests/lab/world.hpp"

namespace aggmedic::lab {
namespace {

struct Master {
    Endpoint endpoint;
    std::atomic<bool> healthy{false};
};

sockaddr_in socket_address(const Endpoint& endpoint) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(endpoint.port);
    ::inet_pton(AF_INET, endpoint.address.c_str(), &address.sin_addr);
    return address;
}

int connected(const Endpoint& endpoint) {
    const int descriptor = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const sockaddr_in address = socket_address(endpoint);
    if (::connect(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return descriptor;
    ::close(descriptor);
    return -1;
}

void pump(int a, int b) {
    std::vector<char> buffer(1 << 16);
    pollfd both[2] = {{.fd = a, .events = POLLIN, .revents = 0}, {.fd = b, .events = POLLIN, .revents = 0}};
    for (;;) {
        if (::poll(both, 2, -1) < 0) return;
        for (int i = 0; i < 2; ++i) {
            if (both[i].revents == 0) continue;
            const ssize_t size = ::recv(both[i].fd, buffer.data(), buffer.size(), 0);
            if (size <= 0) return;
            for (ssize_t sent = 0; sent < size;) {
                const ssize_t more =
                    ::send(both[1 - i].fd, buffer.data() + sent, static_cast<std::size_t>(size - sent), MSG_NOSIGNAL);
                if (more <= 0) return;
                sent += more;
            }
        }
    }
}

// A master that refuses is passed over, as balancers do with a retry on connect.
void forward(int client, std::vector<std::unique_ptr<Master>>& masters, std::size_t first) {
    for (std::size_t i = 0; i < masters.size(); ++i) {
        Master& master = *masters[(first + i) % masters.size()];
        if (!master.healthy) continue;
        const int server = connected(master.endpoint);
        if (server < 0) continue;
        pump(client, server);
        ::close(server);
        break;
    }
    ::close(client);
}

void watch_health(Master& master, const World& world) {
    HttpClient client(master.endpoint, TlsAsking{});
    HttpRequest request;
    request.target = world.kubernetes().has_readyz() ? "/readyz" : "/healthz";
    request.headers = {{"Authorization", "Bearer " + read_file(world.pki("admin.token"))}};
    for (;;) {
        client.disconnect();
        const auto reply = client.exchange(request, std::chrono::seconds(2));
        master.healthy = reply && reply->status == 200;
        std::this_thread::sleep_for(std::max(world.scaled(5), std::chrono::milliseconds(250)));
    }
}

int serve(const World& world) {
    std::vector<std::unique_ptr<Master>> masters;
    for (const auto& place : world.masters) {
        masters.push_back(std::make_unique<Master>());
        masters.back()->endpoint = {place.address, 8443};
        std::thread([&master = *masters.back(), &world] { watch_health(master, world); }).detach();
    }
    const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int yes = 1;
    ::setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    const sockaddr_in address = socket_address(world.balancer);
    if (::bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        ::listen(listener, 128) != 0) {
        std::cerr << "the load balancer cannot listen on " << world.balancer.text() << std::endl;
        return 1;
    }
    for (std::size_t turn = 0;; ++turn) {
        const int client = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
        if (client >= 0) std::thread([client, &masters, turn] { forward(client, masters, turn); }).detach();
    }
}

}  // namespace
}  // namespace aggmedic::lab

int main(int argc, char** argv) {
    std::string directory;
    CLI::App app("the lab's load balancer");
    app.add_option("--lab", directory)->required();
    CLI11_PARSE(app, argc, argv);
    try {
        const auto world = aggmedic::lab::load_world(directory);
        return aggmedic::lab::serve(world);
    } catch (const std::exception& error) {
        std::cerr << error.what() << std::endl;
        return 1;
    }
}
