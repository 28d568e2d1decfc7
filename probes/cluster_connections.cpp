#include "probes/cluster_connections.hpp"

#include <algorithm>

#include "probes/apiserver.hpp"

namespace aggmedic::probes {

namespace {

std::string host_and_port(const std::string& host, std::uint16_t port) {
    const bool is_ipv6 = host.find(':') != std::string::npos;
    return (is_ipv6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

bool is_same(const Credential& one, const Credential& other) {
    return one.bearer_token == other.bearer_token && one.client_certificate_pem == other.client_certificate_pem &&
           one.client_key_pem == other.client_key_pem;
}

void put_into(HttpsTarget& target, const Credential& credential) {
    target.bearer_token = credential.bearer_token;
    target.client_certificate_pem = credential.client_certificate_pem;
    target.client_key_pem = credential.client_key_pem;
}

Peer peer_at(const ClusterTarget& cluster, std::string master, const std::string& host, std::uint16_t port,
             const std::string& server_name) {
    Peer peer;
    peer.master = std::move(master);
    peer.address = host_and_port(host, port);
    peer.target.host = host;
    peer.target.port = port;
    peer.target.server_name = server_name;
    peer.target.ca_pem = cluster.ca_pem;
    peer.target.insecure_skip_tls_verify = cluster.insecure_skip_tls_verify;
    put_into(peer.target, cluster.probe);
    return peer;
}

}  // namespace

ClusterConnections::ClusterConnections(asio::any_io_executor executor, ClusterTarget target)
    : executor_(std::move(executor)), target_(std::move(target)) {
    const auto& cluster_name = target_.server_name.empty() ? target_.server_host : target_.server_name;
    if (!target_.server_host.empty()) {
        peers_.push_back(peer_at(target_, "", target_.server_host, target_.server_port, cluster_name));
    }
    for (const auto& master : target_.masters) {
        // A master is addressed by IP and proves the name that the cluster's certificate carries.
        const auto& server_name = master.server_name.empty() ? cluster_name : master.server_name;
        peers_.push_back(peer_at(target_, master.name, master.address, master.api_port, server_name));
    }
}

Peer* ClusterConnections::find(const std::string& master) {
    const auto at = std::ranges::find(peers_, master, &Peer::master);
    return at == peers_.end() ? nullptr : &*at;
}

HttpsTarget ClusterConnections::as_canary(const HttpsTarget& target) const {
    auto canary = target;
    put_into(canary, target_.canary);
    return canary;
}

Lane& ClusterConnections::lane(Peer& peer, std::size_t index) {
    while (peer.lanes.size() <= index) peer.lanes.emplace_back();
    auto& lane = peer.lanes[index];
    if (!lane.probe) lane.probe = std::make_unique<HttpsClient>(executor_, peer.target);
    if (!lane.canary && !target_.canary.empty()) {
        lane.canary = std::make_unique<HttpsClient>(executor_, as_canary(peer.target));
    }
    return lane;
}

HttpsClient& ClusterConnections::aside(Peer& peer) {
    if (!peer.aside) peer.aside = std::make_unique<HttpsClient>(executor_, peer.target);
    return *peer.aside;
}

HttpsClient& ClusterConnections::anonymous(Peer& peer) {
    if (!peer.anonymous) {
        auto nobody = peer.target;
        put_into(nobody, Credential{});
        peer.anonymous = std::make_unique<HttpsClient>(executor_, std::move(nobody));
    }
    return *peer.anonymous;
}

bool ClusterConnections::use(Credential probe, Credential canary) {
    if (running_ > 0 || (is_same(probe, target_.probe) && is_same(canary, target_.canary))) return false;
    target_.probe = std::move(probe);
    target_.canary = std::move(canary);
    for (auto& peer : peers_) {
        put_into(peer.target, target_.probe);
        peer.aside.reset();
        peer.anonymous.reset();
        for (auto& lane : peer.lanes) {
            lane.probe.reset();
            lane.canary.reset();
        }
    }
    return true;
}

void ClusterConnections::begin_cycle() {
    constexpr std::uint64_t full_handshake_every = 10;
    ++running_;
    if (cycles_++ % full_handshake_every != 0 || running_ > 1) return;
    for (auto& peer : peers_) {
        for (auto& lane : peer.lanes) {
            if (lane.probe) lane.probe->forget();
        }
    }
}

Caller caller_of(const Credential& credential) {
    return parse_caller(credential.bearer_token, credential.client_certificate_pem);
}

asio::awaitable<Result<bool>> refresh_credentials(std::shared_ptr<ClusterConnections> connections, bool refused) {
    auto probe = connections->target().probe;
    auto canary = connections->target().canary;
    std::optional<Error> trouble;
    for (auto* credential : {&probe, &canary}) {
        const auto source = credential->source;
        if (!source) continue;
        auto current = co_await source->current(refused);
        if (current) {
            *credential = std::move(*current);
            credential->source = source;
        } else if (!trouble) {
            trouble = current.error();
        }
    }
    const bool changed = connections->use(std::move(probe), std::move(canary));
    if (trouble && !changed) co_return std::unexpected(*trouble);
    co_return changed;
}

bool is_credential_refused(const Observation& observation) {
    return std::ranges::any_of(observation.apiservers, [](const ApiserverView& apiserver) {
        return apiserver.control && apiserver.control->status == 401;
    });
}

std::shared_ptr<ClusterConnections> connect_cluster(asio::any_io_executor executor, ClusterTarget target) {
    return std::make_shared<ClusterConnections>(std::move(executor), std::move(target));
}

}  // namespace aggmedic::probes
