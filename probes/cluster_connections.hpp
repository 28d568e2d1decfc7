#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "net/https_client.hpp"
#include "probes/apiservice.hpp"
#include "probes/observe.hpp"

namespace aggmedic::probes {

// One kept connection as the probe, and one as the canary where there is such a credential. Exchanges on a lane are
// serial, so a backend that hangs holds up its lane only.
struct Lane {
    std::unique_ptr<HttpsClient> probe, canary;
};

// One apiserver and what is kept of it between cycles.
struct Peer {
    std::string master;   // empty: the server address
    std::string address;  // host:port
    HttpsTarget target;
    std::deque<Lane> lanes;  // references stay valid while lanes are added
    // For questions that no attempt may wait behind; and without any credential.
    std::unique_ptr<HttpsClient> aside, anonymous;
    std::set<std::string> silent;  // APIServices that answered nothing in the last cycle: asked after the others
};

// Used on one thread (or strand) only.
class ClusterConnections {
  public:
    ClusterConnections(asio::any_io_executor executor, ClusterTarget target);

    const ClusterTarget& target() const { return target_; }
    std::deque<Peer>& peers() { return peers_; }
    Peer* find(const std::string& master);
    const asio::any_io_executor& executor() const { return executor_; }

    Lane& lane(Peer& peer, std::size_t index);
    HttpsClient& aside(Peer& peer);
    HttpsClient& anonymous(Peer& peer);
    HttpsTarget as_canary(const HttpsTarget& target) const;
    // Every tenth cycle starts with full handshakes, so that a renewed serving certificate is seen.
    void begin_cycle();
    void end_cycle() { release(); }
    // Exchanges outside of a cycle: until the release the credentials stay.
    void hold() { ++running_; }
    void release() { --running_; }

    // False: they are the same, or exchanges are under way.
    bool use(Credential probe, Credential canary);

    std::map<std::string, ListableResource> resources;  // by APIService, as discovery named them last

  private:
    asio::any_io_executor executor_;
    ClusterTarget target_;
    std::deque<Peer> peers_;
    std::uint64_t cycles_ = 0;
    int running_ = 0;
};

}  // namespace aggmedic::probes
