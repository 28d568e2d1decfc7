#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <exception>
#include <variant>

#include "net/result.hpp"

namespace aggmedic {

namespace asio = boost::asio;
using SteadyTime = std::chrono::steady_clock::time_point;

// The Error for what an operation threw: cancelled, or io_failed with its words. `||` wraps what its sides threw in one
// exception; the first of them counts.
Error error_from(const std::exception_ptr& thrown);

// Turns what an operation throws into an Error, so that a failure is never mistaken for a success or a timeout by `||`,
// which waits for the first success.
template <class T>
asio::awaitable<Result<T>> as_result(asio::awaitable<Result<T>> operation) {
    try {
        co_return co_await std::move(operation);
    } catch (const std::exception&) {
        co_return std::unexpected(error_from(std::current_exception()));
    }
}

// Runs `operation` for at most until `deadline`; then it is cancelled and the answer is Errc::timeout. The operation
// must honour cancellation, else it holds this up. `what` names the operation in the error's detail.
template <class T>
asio::awaitable<Result<T>> with_deadline(SteadyTime deadline, std::string what, asio::awaitable<Result<T>> operation) {
    using namespace asio::experimental::awaitable_operators;
    asio::steady_timer timer(co_await asio::this_coro::executor, deadline);
    auto guarded = as_result(std::move(operation));
    auto first = co_await (std::move(guarded) || timer.async_wait(asio::use_awaitable));
    if (first.index() == 0) co_return std::move(std::get<0>(first));
    co_return fail(Errc::timeout, what + ": deadline exceeded");
}

}  // namespace aggmedic
