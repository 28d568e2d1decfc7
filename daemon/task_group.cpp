#include "daemon/task_group.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <vector>

#include "daemon/log.hpp"

namespace aggmedic::daemon {
namespace {

void log_fault(const std::string& name, const std::exception_ptr& fault) {
    if (!fault) return;
    try {
        std::rethrow_exception(fault);
    } catch (const boost::system::system_error& error) {
        if (error.code() == asio::error::operation_aborted) return;  // cancelled
        log_error("a task failed", {{"task", name}, {"error", error.what()}});
    } catch (const std::exception& error) {
        log_error("a task failed", {{"task", name}, {"error", error.what()}});
    }
}

}  // namespace

TaskGroup::TaskGroup(const asio::any_io_executor& executor)
    : executor_(executor), ended_(executor, asio::steady_timer::time_point::max()) {}

void TaskGroup::spawn(std::string name, asio::awaitable<void> work) {
    const auto task = tasks_.emplace(tasks_.end());
    asio::co_spawn(
        executor_, std::move(work),
        asio::bind_cancellation_slot(task->stop.slot(), [self = shared_from_this(), task,
                                                         name = std::move(name)](const std::exception_ptr& fault) {
            log_fault(name, fault);
            self->tasks_.erase(task);
            self->ended_.cancel();
        }));
}

void TaskGroup::cancel() {
    // A cancelled task may end, and leave the list, while its signal is still being sent.
    std::vector<asio::cancellation_signal*> signals;
    for (auto& task : tasks_) signals.push_back(&task.stop);
    for (auto* signal : signals) {
        asio::post(executor_, [self = shared_from_this(), signal] {
            for (auto& task : self->tasks_) {
                if (&task.stop == signal) return task.stop.emit(asio::cancellation_type::terminal);
            }
        });
    }
}

asio::awaitable<void> TaskGroup::wait() {
    const auto self = shared_from_this();
    while (!tasks_.empty()) co_await ended_.async_wait(asio::as_tuple(asio::use_awaitable));
}

}  // namespace aggmedic::daemon
