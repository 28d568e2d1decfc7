#include "probes/exchange.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/experimental/parallel_group.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "probes/answer.hpp"
#include "probes/auth_config.hpp"

namespace aggmedic::probes {

namespace {

constexpr std::size_t config_map_limit = 8 * 1024 * 1024;
constexpr const char* config_map_path = "/api/v1/namespaces/kube-system/configmaps/extension-apiserver-authentication";

}  // namespace

Answer Exchange::answer() const {
    return answer_of(reply, at, took);
}

asio::awaitable<Exchange> get(HttpsClient& client, std::string path, std::chrono::milliseconds timeout,
                              std::size_t body_limit, bool fresh_connection) {
    HttpRequest request;
    request.path = std::move(path);
    request.timeout = timeout;
    request.body_limit = body_limit;
    request.fresh_connection = fresh_connection;
    co_return co_await send(client, std::move(request));
}

asio::awaitable<Exchange> send(HttpsClient& client, HttpRequest request) {
    using namespace std::chrono;
    const auto at = floor<milliseconds>(system_clock::now());
    const auto start = steady_clock::now();
    auto reply = co_await client.send(std::move(request));
    const auto took = duration_cast<milliseconds>(steady_clock::now() - start);
    Exchange exchange{.reply = std::move(reply), .at = at, .took = took};
    co_return exchange;
}

asio::awaitable<Exchange> get_readyz(HttpsClient& client, std::string& path, std::chrono::milliseconds timeout,
                                     bool fresh_connection) {
    path = "/readyz";
    auto exchange = co_await get(client, path, timeout, 64 * 1024, fresh_connection);
    if (exchange.reply && exchange.reply->status == 404) {
        path = "/healthz";
        exchange = co_await get(client, path, timeout, 64 * 1024, fresh_connection);
    }
    co_return exchange;
}

asio::awaitable<Seen<PublishedAuth>> get_published(HttpsClient& client, std::chrono::milliseconds timeout) {
    const auto exchange = co_await get(client, config_map_path, timeout, config_map_limit);
    if (!exchange.reply || exchange.reply->status != 200) {
        co_return refusal_of(exchange.reply, "get configmaps kube-system/extension-apiserver-authentication");
    }
    auto published = parse_published_auth(exchange.reply->body);
    if (!published) co_return unobserved(published.error());
    co_return std::move(*published);
}

asio::awaitable<void> join(std::vector<asio::awaitable<void>> work) {
    if (work.empty()) co_return;
    const auto executor = co_await asio::this_coro::executor;
    using Operation = decltype(asio::co_spawn(executor, std::move(work.front()), asio::deferred));
    std::vector<Operation> operations;
    for (auto& each : work) operations.push_back(asio::co_spawn(executor, std::move(each), asio::deferred));
    auto group = asio::experimental::make_parallel_group(std::move(operations));
    auto [order, faults] = co_await group.async_wait(asio::experimental::wait_for_all(), asio::use_awaitable);
    for (const auto& fault : faults) {
        if (fault) std::rethrow_exception(fault);
    }
}

}  // namespace aggmedic::probes
