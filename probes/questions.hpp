#pragma once

#include <algorithm>
#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <string>

#include "net/https_client.hpp"

namespace aggmedic::probes {

// Questions to the core API that share a connection and the time that is left for them in a cycle.
class Questions {
  public:
    // No later than `end`, and for at most `timeout` together.
    Questions(HttpsClient& client, std::chrono::milliseconds timeout, SteadyTime end)
        : client_(client), timeout_(timeout / 2), end_(std::min(std::chrono::steady_clock::now() + timeout, end)) {}

    asio::awaitable<Result<HttpReply>> ask(std::string path, std::string accept = "application/json") {
        HttpRequest request;
        request.path = std::move(path);
        request.accept = std::move(accept);
        co_return co_await send(std::move(request));
    }

    // A question that the API answers and stores nowhere.
    asio::awaitable<Result<HttpReply>> review(std::string body) {
        HttpRequest request;
        request.method = "POST";
        request.path = "/apis/authorization.k8s.io/v1/subjectaccessreviews";
        request.body = std::move(body);
        request.content_type = "application/json";
        co_return co_await send(std::move(request));
    }

  private:
    static constexpr std::size_t body_bytes_max = 1024 * 1024;

    asio::awaitable<Result<HttpReply>> send(HttpRequest request) {
        using std::chrono::milliseconds;
        const auto left = std::chrono::floor<milliseconds>(end_ - std::chrono::steady_clock::now());
        if (left <= milliseconds(0)) co_return fail(Errc::timeout, "no time was left in this cycle");
        request.timeout = std::min(left, timeout_);
        request.body_limit = body_bytes_max;
        co_return co_await client_.send(std::move(request));
    }

    HttpsClient& client_;
    std::chrono::milliseconds timeout_;
    std::chrono::steady_clock::time_point end_;
};

}  // namespace aggmedic::probes
