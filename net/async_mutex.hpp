#pragma once

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <utility>

namespace aggmedic {

namespace asio = boost::asio;

// Lets coroutines of one thread or strand into a section one after another. Cancelling a waiter makes lock() throw
// operation_aborted. The mutex must outlive its guards and waiters.
class AsyncMutex {
  public:
    class Guard {
      public:
        explicit Guard(AsyncMutex& mutex) : mutex_(&mutex) {}
        Guard(Guard&& other) noexcept : mutex_(std::exchange(other.mutex_, nullptr)) {}
        Guard(const Guard&) = delete;
        Guard& operator=(const Guard&) = delete;
        Guard& operator=(Guard&&) = delete;
        ~Guard() {
            if (mutex_ != nullptr) mutex_->unlock();
        }

      private:
        AsyncMutex* mutex_;
    };

    explicit AsyncMutex(const asio::any_io_executor& executor)
        : released_(executor, std::chrono::steady_clock::time_point::max()) {}

    asio::awaitable<Guard> lock() {
        // A cancelled waiter leaves at the next co_await. unlock() wakes all, so no wake-up is lost with it.
        while (locked_) co_await released_.async_wait(asio::as_tuple(asio::use_awaitable));
        locked_ = true;
        co_return Guard(*this);
    }

    bool locked() const { return locked_; }

  private:
    void unlock() {
        locked_ = false;
        released_.cancel();
    }

    asio::steady_timer released_;
    bool locked_ = false;
};

}  // namespace aggmedic
