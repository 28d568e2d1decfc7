#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/thread_pool.hpp>
#include <thread>

#include "daemon/configured_access.hpp"
#include "daemon/limiter.hpp"
#include "daemon/planning.hpp"
#include "daemon/running.hpp"
#include "daemon/task_group.hpp"
#include "net/blocking.hpp"

namespace aggmedic::daemon {
namespace {

using namespace std::chrono_literals;

asio::awaitable<void> sleep_for(std::chrono::milliseconds time) {
    asio::steady_timer timer(co_await asio::this_coro::executor, time);
    co_await timer.async_wait(asio::use_awaitable);
}

asio::awaitable<void> fail_at_once() {
    co_await sleep_for(0ms);
    throw std::runtime_error("no");
}

asio::awaitable<void> note_end(std::shared_ptr<TaskGroup> group, bool& ended) {
    co_await group->wait();
    ended = true;
}

TEST(TaskGroup, WaitsForAllAndOutlivesWhatOneThrows) {
    asio::io_context io(1);
    const auto group = std::make_shared<TaskGroup>(io.get_executor());
    group->spawn("a", sleep_for(20ms));
    group->spawn("b", fail_at_once());
    bool ended = false;
    asio::co_spawn(io, note_end(group, ended), asio::detached);
    io.run();
    EXPECT_TRUE(ended);
    EXPECT_TRUE(group->empty());
}

TEST(TaskGroup, CancelEndsWhatWouldNotEnd) {
    asio::io_context io(1);
    const auto group = std::make_shared<TaskGroup>(io.get_executor());
    for (int count = 0; count < 3; ++count) group->spawn("sleeper", sleep_for(1h));
    asio::post(io, [group] { group->cancel(); });
    io.run_for(10s);
    EXPECT_TRUE(group->empty());
}

asio::awaitable<void> pass(Limiter& limiter, int& inside, int& most) {
    const auto place = co_await limiter.enter();
    most = std::max(most, ++inside);
    co_await sleep_for(2ms);
    --inside;
}

asio::awaitable<void> block(asio::thread_pool& pool, std::atomic<bool>& blocking, bool& came_back) {
    came_back = co_await run_blocking(pool, [&blocking] {
        blocking = true;
        std::this_thread::sleep_for(50ms);
        return true;
    });
    co_await sleep_for(1h);
}

// Cancelled in the middle, again and again: nothing of it may be used after its end.
TEST(RunBlocking, EndsItsWorkBeforeACancelledCallerLeaves) {
    asio::thread_pool pool(1);
    for (int round = 0; round < 10; ++round) {
        asio::io_context io(1);
        std::atomic<bool> blocking = false;
        bool came_back = false;
        const auto group = std::make_shared<TaskGroup>(io.get_executor());
        group->spawn("blocked", block(pool, blocking, came_back));
        while (!blocking) io.poll();
        group->cancel();
        io.restart();
        io.run_for(10s);
        EXPECT_TRUE(came_back);
        EXPECT_TRUE(group->empty());
    }
    pool.join();
}

TEST(Limiter, LetsInNoMoreThanItHasPlaces) {
    asio::io_context io(1);
    Limiter limiter(io.get_executor(), 3);
    int inside = 0, most = 0;
    for (int count = 0; count < 20; ++count) asio::co_spawn(io, pass(limiter, inside, most), asio::detached);
    io.run_for(10s);
    EXPECT_EQ(most, 3);
    EXPECT_EQ(inside, 0);
}

TEST(Limiter, ACancelledWaiterTakesNoPlace) {
    asio::io_context io(1);
    Limiter limiter(io.get_executor(), 1);
    int inside = 0, most = 0;
    const auto group = std::make_shared<TaskGroup>(io.get_executor());
    asio::co_spawn(io, pass(limiter, inside, most), asio::detached);
    group->spawn("waiter", pass(limiter, inside, most));
    asio::post(io, [group] { group->cancel(); });
    io.run_for(100ms);
    asio::co_spawn(io, pass(limiter, inside, most), asio::detached);
    io.restart();
    io.run_for(100ms);
    EXPECT_EQ(inside, 0);
    EXPECT_TRUE(group->empty());
}

TEST(MakeRunId, SortsAsTimeDoesAndIsAWordOfTheHelper) {
    const TimePoint time{std::chrono::seconds(1'795'000'000)};
    const auto id = make_run_id(time);
    EXPECT_THAT(id, testing::StartsWith("20261118T"));
    EXPECT_LE(id.size(), 64U);
    EXPECT_EQ(id.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-"),
              std::string::npos);
    EXPECT_LT(id, make_run_id(time + 1s));
    EXPECT_NE(id, make_run_id(time));
}

TEST(AcceptedIn, TakesOnlyWhatAPersonAccepted) {
    remediate::Plan plan;
    plan.accepted = {{.id = "shared-ca", .ca_sha256 = "a", .cn = "b", .until = {}, .by = "configuration"},
                     {.id = "single-master", .ca_sha256 = {}, .cn = {}, .until = {}, .by = "uid=7"}};
    const auto accepted = accepted_in(plan);
    ASSERT_EQ(accepted.size(), 1U);
    EXPECT_EQ(accepted[0].id, "single-master");
}

TEST(SshTargetOf, PinsTheMastersKeysOrRefuses) {
    ClusterConfig cluster;
    probes::MasterAddress first, second;
    first.name = "m";
    first.address = "10.0.0.1";
    first.ssh_port = 2222;
    second.name = "n";
    second.address = "10.0.0.2";
    cluster.target.masters = {first, second};
    EXPECT_FALSE(ssh_target_of(cluster, "m"));  // no ssh
    cluster.ssh = SshConfig{.user = "vcap",
                            .private_key_pem = "k",
                            .known_hosts =
                                "[10.0.0.1]:2222 ssh-ed25519 "
                                "AAAAC3NzaC1lZDI1NTE5AAAAIJd6RB3Ksjf5WRmMRsbO6CjSYVJCLIrZPyHHMsWfhKKG\n"};
    const auto target = ssh_target_of(cluster, "m");
    ASSERT_TRUE(target);
    EXPECT_EQ(target->port, 2222);
    EXPECT_EQ(target->host_keys.size(), 1U);
    EXPECT_EQ(ssh_target_of(cluster, "n").error().code, Errc::host_key_mismatch);
    EXPECT_FALSE(ssh_target_of(cluster, "o"));
}

}  // namespace
}  // namespace aggmedic::daemon
