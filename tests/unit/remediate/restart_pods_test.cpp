#include "remediate/restart_pods.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <nlohmann/json.hpp>

#include "remediate/run_hosts.hpp"

namespace aggmedic::remediate {
namespace {

using nlohmann::json;
using testing::ElementsAre;

// A namespace with pods whose controller makes a new one a few seconds after one was deleted.
class Pods : public RunEdge {
  public:
    std::vector<Pod> pods{{"catalog-1", "a", true}, {"catalog-2", "b", true}};
    std::vector<std::string> asked, bodies;
    std::string list_body;  // instead of the list
    unsigned list_status = 200, delete_status = 200;
    bool keeps_names = false;   // as a StatefulSet does
    int ready_successors = 99;  // those behind them never become Ready
    int most_missing = 0;

    asio::awaitable<probes::Seen<probes::Answer>> readyz(std::string) override { co_return probes::Answer{}; }
    asio::awaitable<probes::Seen<probes::PublishedAuth>> published(std::string) override {
        co_return probes::PublishedAuth{};
    }
    asio::awaitable<probes::ApiServiceAttempts> apiservice(std::string, probes::ApiService) override {
        co_return probes::ApiServiceAttempts{};
    }
    asio::awaitable<Result<HttpReply>> as_probe(std::string, HttpRequest) override {
        co_return fail(Errc::timeout, "");
    }
    asio::awaitable<Result<HttpReply>> as_repair(HttpRequest request) override {
        asked.push_back(request.method + " " + request.path);
        HttpReply reply;
        if (request.method == "DELETE") {
            bodies.push_back(request.body);
            reply.status = delete_status;
            const auto name = request.path.substr(request.path.rfind('/') + 1);
            const bool is_there = std::erase_if(pods, [&](const Pod& pod) { return pod.name == name; }) > 0;
            if (!is_there) reply.status = 404;
            due_ = now_ + std::chrono::seconds(5);
            due_name_ = keeps_names ? name : "new-" + std::to_string(made_ + 1);
            co_return reply;
        }
        reply.status = list_status;
        if (due_ && now_ >= *due_) {
            ++made_;
            pods.push_back({due_name_, "uid-" + std::to_string(made_), made_ <= ready_successors});
            due_.reset();
        }
        most_missing = std::max(most_missing, 2 - static_cast<int>(std::ranges::count_if(pods, &Pod::ready)));
        json items = json::array();
        for (const auto& pod : pods) {
            items.push_back(
                {{"metadata", {{"name", pod.name}, {"uid", pod.uid}}},
                 {"status", {{"conditions", {{{"type", "Ready"}, {"status", pod.ready ? "True" : "False"}}}}}}});
        }
        reply.body = list_body.empty() ? json{{"items", items}}.dump() : list_body;
        co_return reply;
    }
    asio::awaitable<void> sleep(std::chrono::milliseconds duration) override {
        now_ += duration;
        co_return;
    }
    SteadyTime now() override { return now_; }
    std::vector<std::string> uids() const {
        std::vector<std::string> all;
        for (const auto& pod : pods) all.push_back(pod.uid);
        return all;
    }

  private:
    SteadyTime now_{std::chrono::seconds(100)};
    std::optional<SteadyTime> due_;
    std::string due_name_;
    int made_ = 0;
};

asio::awaitable<Result<int>> list_and_restart(std::shared_ptr<Pods> pods, RestartPods wanted,
                                              std::function<bool()> keep_on) {
    const auto found = co_await list_pods(pods, wanted);
    if (!found) co_return std::unexpected(found.error());
    const auto ask = [keep_on]() -> asio::awaitable<bool> { co_return keep_on(); };
    co_return co_await restart_pods(pods, wanted, *found, std::chrono::seconds(60), ask);
}

Result<int> restart(
    std::shared_ptr<Pods> pods, std::string selector = "release=catalog,app in (a,b)",
    std::function<bool()> keep_on = [] { return true; }) {
    asio::io_context io(1);
    std::optional<Result<int>> result;
    RestartPods wanted{.namespace_ = "catalog", .selector = std::move(selector)};
    asio::co_spawn(io, list_and_restart(pods, wanted, std::move(keep_on)),
                   [&](std::exception_ptr, Result<int> made) { result = std::move(made); });
    io.run();
    return *result;
}

TEST(RestartPods, DeletesOneAfterTheOther) {
    const auto pods = std::make_shared<Pods>();
    EXPECT_EQ(restart(pods), 2);
    EXPECT_THAT(pods->uids(), ElementsAre("uid-1", "uid-2"));
    EXPECT_EQ(pods->most_missing, 1);
    EXPECT_EQ(pods->asked.front(),
              "GET /api/v1/namespaces/catalog/pods?labelSelector=release%3Dcatalog%2Capp%20in%20%28a%2Cb%29");
    EXPECT_EQ(json::parse(pods->bodies[0])["preconditions"]["uid"], "a");
    EXPECT_EQ(json::parse(pods->bodies[1])["preconditions"]["uid"], "b");
}

TEST(RestartPods, KnowsAPodThatComesBackUnderItsNameByItsUid) {
    const auto pods = std::make_shared<Pods>();
    pods->keeps_names = true;
    EXPECT_EQ(restart(pods), 2);
    EXPECT_THAT(pods->uids(), ElementsAre("uid-1", "uid-2"));
    EXPECT_EQ(pods->pods[0].name, "catalog-1");
}

TEST(RestartPods, WaitsForASuccessorOfEachTheLastOneToo) {
    auto pods = std::make_shared<Pods>();
    pods->ready_successors = 0;
    auto result = restart(pods);
    EXPECT_EQ(result.error().code, Errc::timeout);
    EXPECT_THAT(result.error().detail,
                testing::HasSubstr("pod catalog-1 was not replaced by a Ready one within 60 s (0 "
                                   "of 1 new pods are Ready)"));
    EXPECT_THAT(pods->uids(), testing::Contains("b")) << "the pod that still serves was deleted";
    pods = std::make_shared<Pods>();
    pods->ready_successors = 1;
    EXPECT_THAT(restart(pods).error().detail, testing::HasSubstr("pod catalog-2 was not replaced"));
}

TEST(RestartPods, APodThatIsNotReadyGetsAReadySuccessor) {
    const auto pods = std::make_shared<Pods>();
    pods->pods = {{"catalog-1", "a", false}};
    EXPECT_EQ(restart(pods), 1);
    EXPECT_THAT(pods->uids(), ElementsAre("uid-1"));
    EXPECT_TRUE(pods->pods[0].ready);
}

TEST(RestartPods, APodThatIsGoneByItselfIsReplacedToo) {
    const auto pods = std::make_shared<Pods>();
    pods->delete_status = 409;
    EXPECT_EQ(restart(pods), 2);
}

TEST(RestartPods, LeavesTheNextPodAloneWhenItIsToStop) {
    const auto pods = std::make_shared<Pods>();
    const auto result = restart(pods, "release=catalog", [&pods] { return pods->pods.front().uid == "a"; });
    EXPECT_EQ(result.error().code, Errc::cancelled);
    EXPECT_THAT(pods->uids(), testing::Contains("b"));
}

TEST(RestartPods, SaysWhatTheApiserverSaid) {
    auto pods = std::make_shared<Pods>();
    pods->list_status = 403;
    EXPECT_EQ(restart(pods).error().code, Errc::command_failed);
    pods = std::make_shared<Pods>();
    pods->delete_status = 403;
    EXPECT_THAT(restart(pods).error().detail, testing::HasSubstr("deleting pod catalog-1 answered 403"));
}

TEST(RestartPods, RefusesWhatIsNoListOfPods) {
    for (const char* body : {"garbage", "[]", "{}", R"({"items":3})", R"({"items":[{"metadata":{"name":"a"}}]})",
                             R"({"items":[{"metadata":{"name":"../../secrets","uid":"a"}}]})"}) {
        const auto pods = std::make_shared<Pods>();
        pods->list_body = body;
        EXPECT_EQ(restart(pods).error().code, Errc::malformed_reply) << body;
        EXPECT_EQ(pods->asked.size(), 1U);
    }
}

TEST(HelperAnswer, TellsARefusalFromAHelperThatNeverRan) {
    using Kind = HelperAnswer::Kind;
    const auto kind = [](int status, std::string out, std::string err = {}) {
        return read_helper_answer(
                   VerbReply{.exit_status = status, .output = std::move(out), .error_output = std::move(err)})
            .kind;
    };
    EXPECT_EQ(kind(0, "ok swapped\n"), Kind::ok);
    EXPECT_EQ(kind(25, "no changed 1234\n"), Kind::no);
    EXPECT_EQ(kind(1, "", "sudo: a password is required"), Kind::not_run);
    EXPECT_EQ(kind(127, "", "sudo: not found"), Kind::not_run);
    EXPECT_EQ(kind(0, ""), Kind::unknown);
    EXPECT_EQ(kind(0, "no changed\n"), Kind::unknown);
    EXPECT_EQ(kind(1, "ok swapped\n"), Kind::unknown);
    EXPECT_EQ(kind(137, ""), Kind::unknown);
    EXPECT_EQ(read_helper_answer(fail(Errc::timeout, "x")).kind, Kind::unknown);
    EXPECT_EQ(read_helper_answer(
                  VerbReply{.exit_status = 28, .output = "no supervisor exit 1 \x1b[31m\n", .error_output = {}})
                  .detail,
              "supervisor exit 1 \\x1b[31m");
}

}  // namespace
}  // namespace aggmedic::remediate
