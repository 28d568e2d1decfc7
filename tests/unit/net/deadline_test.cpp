#include "net/deadline.hpp"

#include <gtest/gtest.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>
#include <optional>
#include <stdexcept>

#include "net/async_mutex.hpp"

namespace aggmedic {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

asio::awaitable<Result<int>> wait_for(std::chrono::milliseconds time) {
    asio::steady_timer timer(co_await asio::this_coro::executor, time);
    co_await timer.async_wait(asio::use_awaitable);
    co_return 7;
}

asio::awaitable<Result<int>> throw_at_once() {
    co_await asio::steady_timer(co_await asio::this_coro::executor, 0ms).async_wait(asio::use_awaitable);
    throw std::runtime_error("broken");
}

Result<int> run(Clock::duration limit, asio::awaitable<Result<int>> operation) {
    asio::io_context io(1);
    auto outcome =
        asio::co_spawn(io, with_deadline(Clock::now() + limit, "waiting", std::move(operation)), asio::use_future);
    io.run();
    return outcome.get();
}

TEST(WithDeadline, ReturnsWhatFinishesInTime) {
    EXPECT_EQ(run(20s, wait_for(1ms)), 7);
}

TEST(WithDeadline, CancelsWhatDoesNot) {
    const auto outcome = run(20ms, wait_for(std::chrono::hours(1)));
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error(), (Error{Errc::timeout, "waiting: deadline exceeded"}));
}

TEST(WithDeadline, ReportsAThrownFailureAtOnceAndNotAsATimeout) {
    const auto begin = Clock::now();
    const auto outcome = run(60s, throw_at_once());
    EXPECT_LT(Clock::now() - begin, 30s);
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error(), (Error{Errc::io_failed, "broken"}));
}

asio::awaitable<Result<int>> either_of_two_waits() {
    using namespace asio::experimental::awaitable_operators;
    co_await (wait_for(std::chrono::hours(1)) || wait_for(std::chrono::hours(2)));
    co_return 7;
}

// `||` throws an exception of its own when both of its sides were cancelled.
TEST(WithDeadline, ReportsACancelledChoiceAsCancelled) {
    asio::io_context io(1);
    asio::cancellation_signal cancel;
    std::optional<Result<int>> outcome;
    const auto done = [&](const std::exception_ptr&, Result<int> result) { outcome = std::move(result); };
    asio::co_spawn(io, as_result(either_of_two_waits()), asio::bind_cancellation_slot(cancel.slot(), done));
    io.poll();
    cancel.emit(asio::cancellation_type::terminal);
    io.run();
    ASSERT_TRUE(outcome && !*outcome);
    EXPECT_EQ(outcome->error().code, Errc::cancelled) << outcome->error().detail;
}

asio::awaitable<void> count_inside(AsyncMutex& mutex, int& inside, int& most) {
    const auto guard = co_await mutex.lock();
    most = std::max(most, ++inside);
    co_await wait_for(1ms);
    --inside;
}

TEST(AsyncMutex, LetsInOneAtATime) {
    asio::io_context io(1);
    AsyncMutex mutex(io.get_executor());
    int inside = 0;
    int most = 0;
    for (int count = 0; count < 10; ++count) asio::co_spawn(io, count_inside(mutex, inside, most), asio::use_future);
    io.run();
    EXPECT_EQ(most, 1);
    EXPECT_FALSE(mutex.locked());
}

}  // namespace
}  // namespace aggmedic
