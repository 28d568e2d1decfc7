#include "probes/backend_places.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "probes/causes/case.hpp"

namespace aggmedic::probes {

namespace {

constexpr std::size_t places_max = 8;

// The Available condition or the answers show that the way failed, not what is at its end.
bool fails_on_the_way(const ApiCase& api) {
    constexpr std::array on_the_way{Symptom::no_status, Symptom::timed_out, Symptom::refused,
                                    Symptom::no_route,  Symptom::no_tls,    Symptom::unavailable};
    return api.fails() && std::ranges::find(on_the_way, api.symptom()) != on_the_way.end();
}

// Kubernetes refuses such addresses in Endpoints itself; a master that dials itself or its cloud's metadata service for
// us would tell whoever writes Endpoints what is there.
bool is_foreign(const in_addr& address) {
    const auto value = ntohl(address.s_addr);
    const auto first = value >> 24;
    return first != 0 && first != 127 && first < 224 && (value >> 16) != 0xa9fe;
}
bool is_foreign(const in6_addr& address) {
    return !IN6_IS_ADDR_UNSPECIFIED(&address) && !IN6_IS_ADDR_LOOPBACK(&address) && !IN6_IS_ADDR_LINKLOCAL(&address) &&
           !IN6_IS_ADDR_MULTICAST(&address) && !IN6_IS_ADDR_V4MAPPED(&address) && !IN6_IS_ADDR_V4COMPAT(&address);
}

std::string canonical(std::string_view host) {
    const std::string text(host);
    char written[INET6_ADDRSTRLEN] = {};
    if (in_addr four{}; inet_pton(AF_INET, text.c_str(), &four) == 1 && is_foreign(four)) return text;
    in6_addr six{};
    if (inet_pton(AF_INET6, text.c_str(), &six) != 1 || !is_foreign(six)) return {};
    if (inet_ntop(AF_INET6, &six, written, sizeof written) == nullptr) return {};
    return "[" + std::string(written) + "]";
}

// Of a kept endpoint, which is written host:port.
std::string place_in(std::string_view endpoint) {
    const auto colon = endpoint.rfind(':');
    if (colon == std::string_view::npos) return {};
    auto host = endpoint.substr(0, colon);
    if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
    const auto digits = endpoint.substr(colon + 1);
    int port = 0;
    const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), port);
    if (read.ec != std::errc() || read.ptr != digits.data() + digits.size()) return {};
    return place_of(host, port);
}

// In the order in which they are worth a connection.
std::vector<std::pair<std::string, std::string>> places_behind(const Workload& workload, int port) {
    std::vector<std::pair<std::string, std::string>> places;
    const auto add = [&](std::string place, const char* kind) {
        if (!place.empty()) places.emplace_back(std::move(place), kind);
    };
    if (workload.service && workload.service->has_port) add(place_of(workload.service->cluster_ip, port), "cluster-ip");
    if (!workload.endpoints) return places;
    for (const auto& endpoint : workload.endpoints->ready) add(place_in(endpoint), "pod");
    return places;
}

void add_place(std::vector<BackendPlace>& places, const std::string& apiservice, const std::string& address,
               const std::string& kind) {
    const auto known = std::ranges::find_if(
        places, [&](const BackendPlace& place) { return place.address == address && place.kind == kind; });
    if (known != places.end()) {
        known->apiservices.push_back(apiservice);
    } else if (places.size() < places_max) {
        places.push_back({.apiservices = {apiservice}, .address = address, .kind = kind});
    }
}

}  // namespace

std::string place_of(std::string_view host, int port) {
    if (port < 1 || port > 65535) return {};
    const auto address = canonical(host);
    return address.empty() ? std::string() : address + ":" + std::to_string(port);
}

std::vector<BackendPlace> backends_to_dial(const Observation& observation) {
    if (observation.workloads.empty()) return {};  // nothing fails, mostly: the digest is not for free
    struct Wanted {
        std::string apiservice;
        std::vector<std::pair<std::string, std::string>> places;
    };
    std::vector<Wanted> wanted;
    std::size_t rounds = 0;
    for (const auto& api : digest(observation, observation.finished).apis) {
        const auto* workload = observation.workload(api.apiservice->name);
        if (workload == nullptr || !fails_on_the_way(api)) continue;
        wanted.push_back({api.apiservice->name, places_behind(*workload, api.apiservice->port)});
        rounds = std::max(rounds, wanted.back().places.size());
    }
    std::vector<BackendPlace> places;
    for (std::size_t round = 0; round < rounds; round += round == 0 ? 2 : 1) {
        for (const auto& api : wanted) {
            // The first round takes the service's address and a pod: either without the other tells nothing.
            for (std::size_t at = round; at < api.places.size() && at < (round == 0 ? 2 : round + 1); ++at)
                add_place(places, api.apiservice, api.places[at].first, api.places[at].second);
        }
    }
    return places;
}

void name_backends(const std::vector<BackendPlace>& asked, MasterView& view) {
    if (!view.backends) return;
    std::vector<BackendReach> named;
    for (const auto& place : asked) {
        const auto seen = std::ranges::find(*view.backends, place.address, &BackendReach::address);
        if (seen == view.backends->end()) continue;
        for (const auto& apiservice : place.apiservices)
            named.push_back(
                {.apiservice = apiservice, .address = place.address, .kind = place.kind, .outcome = seen->outcome});
    }
    view.backends = std::move(named);
}

}  // namespace aggmedic::probes
