#pragma once

#include <memory>

#include "daemon/config.hpp"
#include "net/remote_host.hpp"

namespace aggmedic::daemon {

// SSH access as the configuration gives it: the same user and key on every master, each with its pinned host keys.
class ConfiguredAccess : public SshAccess {
  public:
    explicit ConfiguredAccess(std::shared_ptr<const ClusterConfig> cluster) : cluster_(std::move(cluster)) {}

    // Errors: invalid_argument (no such master, no SSH configured), host_key_mismatch (no key is pinned for it).
    asio::awaitable<Result<SshTarget>> acquire(std::string master) override;
    asio::awaitable<void> release(std::string master) override;

  private:
    std::shared_ptr<const ClusterConfig> cluster_;
};

Result<SshTarget> ssh_target_of(const ClusterConfig& cluster, std::string_view master);

}  // namespace aggmedic::daemon
