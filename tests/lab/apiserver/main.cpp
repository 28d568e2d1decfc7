// Stands where kube-apiserver stands on a master: same path, same flags, same order of answers during a start and a
// stop.
#include <signal.h>
#include <unistd.h>

#include <iostream>
#include <thread>

#include "tests/lab/apiserver/apiserver.hpp"
#include "tests/lab/process.hpp"

namespace aggmedic::lab {
namespace {

struct Place {
    World world;
    std::size_t self;
};

Place own_place() {
    const auto place = nlohmann::json::parse(read_file("/run/lab/master.json"));
    return {load_world(place.at("lab").get<std::string>()), place.at("index").get<std::size_t>()};
}

// `next-restart` = fail | slow:SECONDS holds for one start; `start` has the same values and holds until it is taken
// away.
std::string start_fault() {
    const std::filesystem::path faults = "/run/lab/faults";
    if (const auto once = fault(faults, "next-restart")) {
        std::error_code ignored;
        if (*once == "fail" || once->starts_with("slow:")) std::filesystem::remove(faults / "next-restart", ignored);
        return *once;
    }
    return fault(faults, "start").value_or("");
}

void begin(Apiserver& server, HttpServer& http) {
    const auto sleep_until = [&](model::Seconds instant) {
        std::this_thread::sleep_for(instant - server.since_start());
    };
    sleep_until(server.start.port_opens());
    http.listen();
    sleep_until(server.start.answers_begin());
    http.serve();
}

// SIGTERM closes the port at once; the process stays as long as watches are open (61 s recorded) unless somebody kills
// it.
int linger(Apiserver& server, HttpServer& http, std::atomic<bool>& stopping) {
    wait_for_stop();
    stopping = true;
    http.close_port();
    server.store.remove("endpoint/" + server.place().address);
    const auto wanted = fault(server.faults(), "linger");
    std::this_thread::sleep_for(wanted ? std::chrono::milliseconds(static_cast<int>(std::stod(*wanted) * 1000))
                                       : server.world.scaled(61));
    std::cerr << "shut down" << std::endl;
    ::_exit(0);
}

int serve(std::vector<std::string> arguments) {
    const std::string trouble = start_fault();
    auto [world, self] = own_place();
    Apiserver server(std::move(world), self, model::ApiserverFlags(arguments));
    const double slower_by = trouble.starts_with("slow:") ? std::stod(trouble.substr(5)) : 0.0;
    server.start =
        model::ApiserverStart({.time_scale = server.world.time_scale, .slower_by = model::Seconds(slower_by)});
    if (trouble == "fail") throw std::runtime_error("Error: unable to start: context deadline exceeded");
    server.store.start();
    const TlsServing tls{.certificate_file = server.flags.value("tls-cert-file"),
                         .key_file = server.flags.value("tls-private-key-file"),
                         .client_ca_names_pem = read_file(server.flags.value("client-ca-file")),
                         .ask_for_client_certificate = true};
    const Endpoint endpoint{.address = server.place().address,
                            .port = static_cast<std::uint16_t>(std::stoi(server.flags.value("secure-port", "6443")))};
    HttpServer http(endpoint, tls, [&](const HttpRequest& request) { return server.handle(request); });
    std::atomic<bool> stopping{false};
    begin(server, http);
    std::thread([&] { run_publisher(server); }).detach();
    std::thread([&] { run_availability(server); }).detach();
    std::thread([&] { run_lease(server, stopping); }).detach();
    return linger(server, http, stopping);
}

}  // namespace
}  // namespace aggmedic::lab

int main(int argc, char** argv) {
    aggmedic::lab::block_stop_signals();
    ::signal(SIGQUIT, [](int) { ::_exit(2); });  // the real one writes its goroutines and ends
    try {
        return aggmedic::lab::serve(std::vector<std::string>(argv + 1, argv + argc));
    } catch (const std::exception& error) {
        std::cerr << error.what() << std::endl;
        return 1;
    }
}
