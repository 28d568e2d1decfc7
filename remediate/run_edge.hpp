#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <memory>
#include <string>

#include "net/deadline.hpp"
#include "net/https_client.hpp"
#include "probes/observe.hpp"

namespace aggmedic::remediate {

// What a run asks of the cluster over HTTPS, and its clock. The real one asks over fresh connections; the tests' one is
// a world in memory under virtual time. An empty master is the server address.
class RunEdge {
  public:
    virtual ~RunEdge() = default;
    virtual asio::awaitable<probes::Seen<probes::Answer>> readyz(std::string master) = 0;
    virtual asio::awaitable<probes::Seen<probes::PublishedAuth>> published(std::string master) = 0;
    virtual asio::awaitable<probes::ApiServiceAttempts> apiservice(std::string master, probes::ApiService api) = 0;
    virtual asio::awaitable<Result<HttpReply>> as_probe(std::string master, HttpRequest request) = 0;
    virtual asio::awaitable<Result<HttpReply>> as_repair(HttpRequest request) = 0;  // at the server address

    virtual asio::awaitable<void> sleep(std::chrono::milliseconds duration) = 0;
    virtual SteadyTime now() = 0;
};

std::shared_ptr<RunEdge> make_run_edge(asio::any_io_executor executor,
                                       std::shared_ptr<probes::ClusterConnections> connections,
                                       probes::ClusterTarget target, probes::Credential repair,
                                       probes::ProbeSettings probing);

}  // namespace aggmedic::remediate
