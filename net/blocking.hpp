#pragma once

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/execution/outstanding_work.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/prefer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <exception>
#include <type_traits>
#include <utility>

namespace aggmedic {

namespace asio = boost::asio;

// Runs work that may block (SQLite with its fsync) on `pool`, a thread pool or an executor, and comes back to the
// caller's executor; what it throws is thrown there. It cannot stop in the middle, so it is not cancelled: a cancelled
// caller leaves at its next wait. (co_spawn on the pool would in Boost 1.81 send a cancellation after the task to the
// other thread, and use it there after its end.) The result must be default-constructible.
template <class Pool, class F>
asio::awaitable<std::invoke_result_t<F>> run_blocking(Pool& pool, F work) {
    using Value = std::invoke_result_t<F>;
    auto initiate = [&pool](auto handler, F task) {
        auto home = asio::prefer(asio::get_associated_executor(handler), asio::execution::outstanding_work.tracked);
        asio::post(pool, [handler = std::move(handler), task = std::move(task), home = std::move(home)]() mutable {
            std::exception_ptr thrown;
            Value value{};
            try {
                value = task();
            } catch (...) {
                thrown = std::current_exception();
            }
            asio::post(home, [handler = std::move(handler), thrown, value = std::move(value)]() mutable {
                std::move(handler)(thrown, std::move(value));
            });
        });
    };
    using Signature = void(std::exception_ptr, Value);
    co_return co_await asio::async_initiate<const asio::use_awaitable_t<>, Signature>(
        std::move(initiate), asio::use_awaitable, std::move(work));
}

}  // namespace aggmedic
