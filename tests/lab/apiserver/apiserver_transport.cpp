#include "tests/lab/apiserver/apiserver.hpp"

// The way from this kube-apiserver to a service, and what may break it.
namespace aggmedic::lab {
namespace {

bool is_listed(const std::string& no_proxy, const std::string& address) {
    for (const auto& entry : model::parse_string_slice(no_proxy)) {
        if (entry == address) return true;
        // Only the networks that the lab's breaks write: whole octets.
        if (entry.ends_with("/16") && address.starts_with(entry.substr(0, entry.find('.', entry.find('.') + 1) + 1)))
            return true;
    }
    return false;
}

std::string variable(const char* lower, const char* upper) {
    for (const char* name : {lower, upper}) {
        if (const char* value = std::getenv(name); value != nullptr && *value != '\0') return value;
    }
    return {};
}

}  // namespace

std::optional<Endpoint> place_of_service(const Apiserver& server, const std::string& name_space,
                                         const std::string& service) {
    const auto endpoint = endpoint_of_service(server.store, name_space, service);
    if (!endpoint || server.flags.is_true("enable-aggregator-routing", false)) return endpoint;
    for (const auto& extension : server.world.extensions) {
        if (extension.name_space == name_space && extension.service == service) return extension.cluster_ip;
    }
    return endpoint;
}

std::optional<std::string> tunnel_fault(const Apiserver& server) {
    if (server.flags.given("egress-selector-config-file") && fault(server.faults(), "tunnel-down"))
        return "No agent available";
    return std::nullopt;
}

std::optional<std::string> transport_fault(const Apiserver& server, const Endpoint& where, Asker asker) {
    if (auto tunnel = tunnel_fault(server)) return tunnel;
    // Go reads the environment for every https request that the aggregator makes.
    if (!variable("https_proxy", "HTTPS_PROXY").empty() && !is_listed(variable("no_proxy", "NO_PROXY"), where.address))
        return "Forbidden";
    // Before 1.36 the check's own connection and the users' are different ones.
    if (asker == Asker::user && fault(server.faults(), "http2-lost")) return "http2: client connection lost";
    return std::nullopt;
}

std::optional<std::string> proxy_key_fault(const Apiserver& server) {
    if (server.generation.checks_proxy_key_at_start() || server.proxy_key_fits) return std::nullopt;
    return "tls: private key does not match public key";
}

}  // namespace aggmedic::lab
