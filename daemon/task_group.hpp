#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/steady_timer.hpp>
#include <list>
#include <memory>
#include <string>

namespace aggmedic::daemon {

namespace asio = boost::asio;

// Coroutines that are started, cancelled and waited for together. What one throws is logged and ends it alone. On one
// thread; it lives on until the last of them has ended.
class TaskGroup : public std::enable_shared_from_this<TaskGroup> {
  public:
    explicit TaskGroup(const asio::any_io_executor& executor);

    void spawn(std::string name, asio::awaitable<void> work);
    void cancel();
    asio::awaitable<void> wait();  // until none is left
    bool empty() const { return tasks_.empty(); }

  private:
    struct Task {
        asio::cancellation_signal stop;
    };

    asio::any_io_executor executor_;
    std::list<Task> tasks_;
    asio::steady_timer ended_;
};

}  // namespace aggmedic::daemon
