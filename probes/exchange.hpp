#pragma once

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <string>
#include <vector>

#include "net/https_client.hpp"
#include "probes/observation.hpp"

namespace aggmedic::probes {

// A reply with the times around it.
struct Exchange {
    Result<HttpReply> reply;
    TimePoint at{};  // our clock when it was asked
    std::chrono::milliseconds took{};
    Answer answer() const;
};

asio::awaitable<Exchange> send(HttpsClient& client, HttpRequest request);

asio::awaitable<Exchange> get(HttpsClient& client, std::string path, std::chrono::milliseconds timeout,
                              std::size_t body_limit = 1024 * 1024, bool fresh_connection = false);

// /readyz, or /healthz where there is no /readyz (before Kubernetes 1.16); `path` says which it was.
asio::awaitable<Exchange> get_readyz(HttpsClient& client, std::string& path, std::chrono::milliseconds timeout,
                                     bool fresh_connection);

asio::awaitable<Seen<PublishedAuth>> get_published(HttpsClient& client, std::chrono::milliseconds timeout);

// Awaits all of them side by side; the first exception is thrown after the last has ended.
asio::awaitable<void> join(std::vector<asio::awaitable<void>> work);

}  // namespace aggmedic::probes
