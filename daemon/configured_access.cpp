#include "daemon/configured_access.hpp"

#include <algorithm>

#include "net/known_hosts.hpp"

namespace aggmedic::daemon {

Result<SshTarget> ssh_target_of(const ClusterConfig& cluster, std::string_view master) {
    const auto& masters = cluster.target.masters;
    const auto found = std::ranges::find(masters, master, &probes::MasterAddress::name);
    if (found == masters.end()) return fail(Errc::invalid_argument, "no such master: " + std::string(master));
    if (!cluster.ssh) return fail(Errc::invalid_argument, "no ssh is configured for " + cluster.target.name);
    SshTarget target;
    target.address = found->ssh_address.empty() ? found->address : found->ssh_address;
    target.port = found->ssh_port;
    target.user = cluster.ssh->user;
    target.private_key_pem = cluster.ssh->private_key_pem;
    target.helper_installed = cluster.ssh->helper_installed;
    auto keys = known_host_keys(cluster.ssh->known_hosts, target.address, target.port);
    if (!keys) return std::unexpected(keys.error());
    if (keys->empty()) return fail(Errc::host_key_mismatch, "no host key is pinned for " + target.address);
    target.host_keys = std::move(*keys);
    return target;
}

asio::awaitable<Result<SshTarget>> ConfiguredAccess::acquire(std::string master) {
    co_return ssh_target_of(*cluster_, master);
}

asio::awaitable<void> ConfiguredAccess::release(std::string) {
    co_return;
}

}  // namespace aggmedic::daemon
