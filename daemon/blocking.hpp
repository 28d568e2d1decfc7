#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <type_traits>
#include <utility>

namespace aggmedic::daemon {

namespace asio = boost::asio;

// Runs work that may block (SQLite with its fsync) on a thread of its own and comes back to the caller's. It is not
// cancelled, for it cannot stop in the middle: a cancelled caller leaves at its next wait. (Asio 1.81 would send the
// cancellation after the task to the other thread, and use the signal there after its end: seen by UBSan.)
template <class F>
asio::awaitable<std::invoke_result_t<F>> run_blocking(asio::thread_pool& pool, F work) {
    auto task = [work = std::move(work)]() mutable -> asio::awaitable<std::invoke_result_t<F>> { co_return work(); };
    const auto uncancelled = asio::bind_cancellation_slot(asio::cancellation_slot(), asio::use_awaitable);
    co_return co_await asio::co_spawn(pool, std::move(task), uncancelled);
}

}  // namespace aggmedic::daemon
