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
    std::vector<std::string> names{"catalog-1", "catalog-2"};
    std::vector<std::string> asked;
    std::string list_body;  // instead of the list
    unsigned list_status = 200, delete_status = 200;
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
            reply.status = delete_status;
            std::erase(names, request.path.substr(request.path.rfind('/') + 1));
            missing_until_ = now_ + std::chrono::seconds(5);
            co_return reply;
        }
        reply.status = list_status;
        if (now_ >= missing_until_ && missing_until_ != SteadyTime{} && names.size() < 2)
            names.push_back("new-" + std::to_string(++made_));
        most_missing = std::max(most_missing, 2 - static_cast<int>(names.size()));
        json items = json::array();
        for (const auto& name : names) {
            items.push_back({{"metadata", {{"name", name}}},
                             {"status", {{"conditions", {{{"type", "Ready"}, {"status", "True"}}}}}}});
        }
        reply.body = list_body.empty() ? json{{"items", items}}.dump() : list_body;
        co_return reply;
    }
    asio::awaitable<void> sleep(std::chrono::milliseconds duration) override {
        now_ += duration;
        co_return;
    }
    SteadyTime now() override { return now_; }

  private:
    SteadyTime now_{std::chrono::seconds(100)};
    SteadyTime missing_until_{};
    int made_ = 0;
};

Result<int> restart(
    std::shared_ptr<Pods> pods, std::string selector = "release=catalog,app in (a,b)",
    std::function<bool()> keep_on = [] { return true; }) {
    asio::io_context io(1);
    std::optional<Result<int>> result;
    asio::co_spawn(io,
                   restart_pods(pods, {.namespace_ = "catalog", .selector = std::move(selector)},
                                [&keep_on]() -> asio::awaitable<bool> { co_return keep_on(); }),
                   [&](std::exception_ptr, Result<int> made) { result = std::move(made); });
    io.run();
    return *result;
}

TEST(RestartPods, DeletesOneAfterTheOther) {
    const auto pods = std::make_shared<Pods>();
    EXPECT_EQ(restart(pods), 2);
    EXPECT_THAT(pods->names, ElementsAre("new-1", "new-2"));
    EXPECT_EQ(pods->most_missing, 1);
    EXPECT_EQ(pods->asked.front(),
              "GET /api/v1/namespaces/catalog/pods?labelSelector=release%3Dcatalog%2Capp%20in%20%28a%2Cb%29");
}

TEST(RestartPods, LeavesTheNextPodAloneWhenItIsToStop) {
    const auto pods = std::make_shared<Pods>();
    const auto result = restart(pods, "release=catalog", [&pods] { return pods->names.front() == "catalog-1"; });
    EXPECT_EQ(result.error().code, Errc::cancelled);
    EXPECT_THAT(pods->names, testing::Contains("catalog-2"));
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
    for (const char* body :
         {"garbage", "[]", "{}", R"({"items":3})", R"({"items":[{"metadata":{"name":"../../secrets"}}]})"}) {
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
