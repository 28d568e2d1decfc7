#include "daemon/alert_gate.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/streambuf.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include "daemon/server_url.hpp"

namespace aggmedic::daemon {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using Server = AlertGateConfig::Server;

AlertGateConfig prometheus(std::string query) {
    AlertGateConfig gate;
    gate.server = Server::prometheus;
    gate.url = "http://127.0.0.1:9090";
    gate.host = "127.0.0.1";
    gate.query = std::move(query);
    return gate;
}

HttpReply reply(std::string body, unsigned status = 200) {
    return {.status = status, .headers = {}, .body = std::move(body)};
}

TEST(AlertGate, AsksWithTheQueryEncoded) {
    auto gate = prometheus(R"(ALERTS{alertstate="firing"} == 1)");
    gate.path = "/prometheus";
    EXPECT_EQ(alert_request_path(gate),
              "/prometheus/api/v1/query?query=ALERTS%7Balertstate%3D%22firing%22%7D%20%3D%3D%201");
    gate.server = Server::alertmanager;
    gate.path = "";
    gate.matchers = {"severity=\"critical\"", "team!=\"a&b\""};
    EXPECT_EQ(alert_request_path(gate),
              "/api/v2/alerts?active=true&silenced=false&inhibited=false&unprocessed=true"
              "&filter=severity%3D%22critical%22&filter=team%21%3D%22a%26b%22");
}

TEST(AlertGate, NothingFiresWhereTheVectorIsEmpty) {
    const auto gate = prometheus("x");
    const auto none = parse_alerts(gate, reply(R"({"status":"success","data":{"resultType":"vector","result":[]}})"));
    ASSERT_TRUE(none);
    EXPECT_THAT(*none, IsEmpty());
    const auto some = parse_alerts(gate, reply(R"({"status":"success","data":{"resultType":"vector","result":[
        {"metric":{"alertname":"EtcdDown"},"value":[1,"1"]},{"metric":{},"value":[1,"0"]}]}})"));
    ASSERT_TRUE(some);
    EXPECT_THAT(*some, ElementsAre("EtcdDown", "an alert without a name"));
}

TEST(AlertGate, WhatIsNoCompleteAnswerProvesNothing) {
    const auto gate = prometheus("x");
    for (const auto* body :
         {"", "[]", "{}", "null", R"({"status":"error"})", R"({"status":"success"})",
          R"({"status":"success","data":{"resultType":"vector"}})",
          R"({"status":"success","data":{"resultType":"scalar","result":[1,"0"]}})",
          R"({"status":"success","data":{"resultType":"matrix","result":[]}})",
          R"({"status":"success","warnings":["a store is gone"],"data":{"resultType":"vector","result":[]}})"})
        EXPECT_FALSE(parse_alerts(gate, reply(body))) << body;
    EXPECT_FALSE(parse_alerts(gate, reply(R"({"status":"success","data":{"resultType":"vector","result":[]}})", 503)));
    auto alertmanager = gate;
    alertmanager.server = Server::alertmanager;
    EXPECT_FALSE(parse_alerts(alertmanager, reply("{}")));
    EXPECT_TRUE(parse_alerts(alertmanager, reply("[]"))->empty());
    EXPECT_THAT(*parse_alerts(alertmanager, reply(R"([{"labels":{"alertname":"A"}},{}])")),
                ElementsAre("A", "an alert without a name"));
}

TEST(MonitoringUrl, MayBePlainAndBehindAPath) {
    EXPECT_EQ(*parse_monitoring_url("http://p:9090"), (MonitoringUrl{false, {"p", 9090}, ""}));
    EXPECT_EQ(*parse_monitoring_url("https://p.example/prometheus/"),
              (MonitoringUrl{true, {"p.example", 443}, "/prometheus"}));
    for (const auto* url : {"p:9090", "ftp://p", "http://user@p", "http://p?x=1", "http://p:0", "http://"})
        EXPECT_FALSE(parse_monitoring_url(url)) << url;
}

namespace asio = boost::asio;

// Answers one request, or closes without a word where `answer` is empty.
asio::awaitable<void> serve_once(asio::ip::tcp::acceptor& acceptor, std::string answer, std::string& asked) {
    auto socket = co_await acceptor.async_accept(asio::use_awaitable);
    asio::streambuf bytes;
    co_await asio::async_read_until(socket, bytes, "\r\n\r\n", asio::use_awaitable);
    asked.assign(asio::buffers_begin(bytes.data()), asio::buffers_end(bytes.data()));
    if (!answer.empty()) co_await asio::async_write(socket, asio::buffer(answer), asio::use_awaitable);
}

Result<std::vector<std::string>> ask_a_server_that_says(const std::string& answer, std::string& asked) {
    asio::io_context io{1};
    asio::ip::tcp::acceptor acceptor(io, {asio::ip::make_address("127.0.0.1"), 0});
    auto gate = prometheus("up");
    gate.port = acceptor.local_endpoint().port();
    std::optional<Result<std::vector<std::string>>> alerts;
    asio::co_spawn(io, serve_once(acceptor, answer, asked), [](const std::exception_ptr&) {});
    asio::co_spawn(io, ask_alert_gate(io.get_executor(), gate),
                   [&](const std::exception_ptr& fault, Result<std::vector<std::string>> got) {
                       EXPECT_FALSE(fault);
                       alerts = std::move(got);
                   });
    io.run_for(std::chrono::seconds(20));
    EXPECT_TRUE(alerts);
    return alerts.value_or(fail(Errc::timeout, ""));
}

TEST(AlertGate, AsksAServerWithoutTls) {
    std::string asked;
    const std::string body = R"({"status":"success","data":{"resultType":"vector","result":[]}})";
    const auto alerts = ask_a_server_that_says(
        "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body, asked);
    ASSERT_TRUE(alerts) << alerts.error().detail;
    EXPECT_THAT(*alerts, IsEmpty());
    EXPECT_THAT(asked, HasSubstr("GET /api/v1/query?query=up HTTP/1.1\r\n"));
}

TEST(AlertGate, ASilentOrOddServerIsNoAnswer) {
    std::string asked;
    EXPECT_FALSE(ask_a_server_that_says("", asked));
    EXPECT_FALSE(ask_a_server_that_says("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n[]", asked));
    EXPECT_FALSE(ask_a_server_that_says("HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n", asked));
    EXPECT_FALSE(ask_a_server_that_says("no http at all\r\n\r\n", asked));
}

}  // namespace
}  // namespace aggmedic::daemon
