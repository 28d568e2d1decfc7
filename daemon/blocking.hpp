#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <type_traits>
#include <utility>

namespace aggmedic::daemon {

namespace asio = boost::asio;

// Runs work that may block (SQLite with its fsync) on a thread of its own and comes back to the caller's.
template <class F>
asio::awaitable<std::invoke_result_t<F>> run_blocking(asio::thread_pool& pool, F work) {
    auto task = [work = std::move(work)]() mutable -> asio::awaitable<std::invoke_result_t<F>> { co_return work(); };
    co_return co_await asio::co_spawn(pool, std::move(task), asio::use_awaitable);
}

}  // namespace aggmedic::daemon
