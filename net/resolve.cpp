#include "net/resolve.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ip/address.hpp>
#include <memory>

namespace aggmedic {
namespace {

using asio::ip::tcp;
using Endpoints = std::vector<tcp::endpoint>;

// getaddrinfo cannot be interrupted: the lookup owns this and outlives a caller whose deadline has passed.
struct Lookup {
    explicit Lookup(const asio::any_io_executor& executor, SteadyTime deadline)
        : resolver(executor), answered(executor, deadline) {}
    tcp::resolver resolver;
    asio::steady_timer answered;  // cancelled by the answer
    bool done = false;
    boost::system::error_code error;
    Endpoints endpoints;
};

void start(const std::shared_ptr<Lookup>& lookup, const std::string& host, std::uint16_t port) {
    const auto flags = tcp::resolver::numeric_service;
    lookup->resolver.async_resolve(
        host, std::to_string(port), flags,
        [lookup](boost::system::error_code error, const tcp::resolver::results_type& results) {
            lookup->done = true;
            lookup->error = error;
            for (const auto& entry : results) lookup->endpoints.push_back(entry.endpoint());
            lookup->answered.cancel();
        });
}

}  // namespace

asio::awaitable<Result<Endpoints>> resolve(std::string host, std::uint16_t port, SteadyTime deadline) {
    boost::system::error_code not_an_address;
    const auto address = asio::ip::make_address(host, not_an_address);
    if (!not_an_address) co_return Endpoints{tcp::endpoint(address, port)};
    auto executor = co_await asio::this_coro::executor;
    auto lookup = std::make_shared<Lookup>(executor, deadline);
    start(lookup, host, port);
    const auto [waited] = co_await lookup->answered.async_wait(asio::as_tuple(asio::use_awaitable));
    if (!lookup->done) {
        lookup->resolver.cancel();
        if (waited) co_return fail(Errc::cancelled, "resolving " + host + ": cancelled");
        co_return fail(Errc::timeout, "resolving " + host + ": deadline exceeded");
    }
    if (lookup->error) co_return fail(Errc::resolve_failed, "resolving " + host + ": " + lookup->error.message());
    if (lookup->endpoints.empty()) co_return fail(Errc::resolve_failed, "resolving " + host + ": no address");
    co_return std::move(lookup->endpoints);
}

}  // namespace aggmedic
