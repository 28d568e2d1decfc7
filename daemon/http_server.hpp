#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <functional>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "net/result.hpp"

namespace aggmedic::daemon {

namespace asio = boost::asio;

// What the pages show; called on the server's executor.
struct HttpHandlers {
    std::function<std::string()> metrics;
    std::function<bool()> ready, alive;
    std::function<Result<void>()> reload;
    std::function<asio::awaitable<nlohmann::json>(std::string)> api;  // clusters, findings, plans, runs
};

// /metrics, /-/healthy, /-/ready, /-/reload (POST), / and /api/v1/{clusters,findings,plans,runs}. Plain HTTP/1.1, at
// most 64 connections, a header of at most 8 KiB within 10 s; nothing that changes a master can be asked here.
class HttpServer {
  public:
    // Errors: invalid_argument (no such address), io_failed (in use, not allowed).
    static Result<std::unique_ptr<HttpServer>> listen(asio::any_io_executor executor, const std::string& host,
                                                      std::uint16_t port, HttpHandlers handlers);
    ~HttpServer();

    std::uint16_t port() const;
    // Serves until cancelled. Connections that are open then are closed with the server.
    asio::awaitable<void> serve();

  private:
    class Impl;
    explicit HttpServer(std::shared_ptr<Impl> impl);
    std::shared_ptr<Impl> impl_;
};

}  // namespace aggmedic::daemon
