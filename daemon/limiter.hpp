#pragma once

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cstddef>
#include <utility>

namespace aggmedic::daemon {

namespace asio = boost::asio;

// Lets at most so many coroutines of one thread in at once. Cancelling a waiter makes enter() throw. The limiter must
// outlive its places and waiters.
class Limiter {
  public:
    class Place {
      public:
        explicit Place(Limiter& limiter) : limiter_(&limiter) {}
        Place(Place&& other) noexcept : limiter_(std::exchange(other.limiter_, nullptr)) {}
        Place(const Place&) = delete;
        Place& operator=(const Place&) = delete;
        Place& operator=(Place&&) = delete;
        ~Place() {
            if (limiter_ != nullptr) limiter_->leave();
        }

      private:
        Limiter* limiter_;
    };

    Limiter(const asio::any_io_executor& executor, std::size_t places)
        : left_(executor, asio::steady_timer::time_point::max()), free_(places) {}

    asio::awaitable<Place> enter() {
        // A cancelled waiter leaves at the next co_await. leave() wakes all, so no wake-up is lost with it.
        while (free_ == 0) co_await left_.async_wait(asio::as_tuple(asio::use_awaitable));
        --free_;
        co_return Place(*this);
    }

  private:
    void leave() {
        ++free_;
        left_.cancel();
    }

    asio::steady_timer left_;
    std::size_t free_;
};

}  // namespace aggmedic::daemon
