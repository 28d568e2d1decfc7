#include "daemon/alert_gate.hpp"

#include <fmt/format.h>

#include <boost/asio/use_awaitable.hpp>
#include <boost/url/encode.hpp>
#include <boost/url/rfc/unreserved_chars.hpp>
#include <nlohmann/json.hpp>

#include "net/https_client.hpp"
#include "net/plain_http.hpp"
#include "net/text.hpp"

namespace aggmedic::daemon {
namespace {

using nlohmann::json;

constexpr auto timeout = std::chrono::seconds(10);

std::string encoded(const std::string& text) {
    return boost::urls::encode(text, boost::urls::unreserved_chars);
}

std::string name_of(const json& labels) {
    const auto name = labels.is_object() ? labels.value("alertname", json()) : json();
    return name.is_string() ? name.get<std::string>() : "an alert without a name";
}

Result<std::vector<std::string>> of_prometheus(const json& answer) {
    const auto malformed = [](std::string why) { return fail(Errc::malformed_reply, "Prometheus " + std::move(why)); };
    if (!answer.is_object() || answer.value("status", json()) != "success") return malformed("says no success");
    // A part of the data may be missing then, and with it what fires.
    if (answer.contains("warnings") && !answer["warnings"].empty()) return malformed("warns of a partial result");
    const auto data = answer.value("data", json());
    if (!data.is_object() || data.value("resultType", json()) != "vector" || !data.contains("result") ||
        !data["result"].is_array())
        return malformed("answers with no instant vector: the query must be one that gives none while nothing fires");
    std::vector<std::string> names;
    for (const auto& sample : data["result"])
        names.push_back(name_of(sample.is_object() ? sample.value("metric", json()) : json()));
    return names;
}

Result<std::vector<std::string>> of_alertmanager(const json& answer) {
    if (!answer.is_array()) return fail(Errc::malformed_reply, "Alertmanager answers with no list of alerts");
    std::vector<std::string> names;
    for (const auto& alert : answer)
        names.push_back(name_of(alert.is_object() ? alert.value("labels", json()) : json()));
    return names;
}

}  // namespace

std::string alert_request_path(const AlertGateConfig& gate) {
    if (gate.server == AlertGateConfig::Server::prometheus)
        return gate.path + "/api/v1/query?query=" + encoded(gate.query);
    auto path = gate.path + "/api/v2/alerts?active=true&silenced=false&inhibited=false&unprocessed=true";
    for (const auto& matcher : gate.matchers) path += "&filter=" + encoded(matcher);
    return path;
}

Result<std::vector<std::string>> parse_alerts(const AlertGateConfig& gate, const HttpReply& reply) {
    if (reply.status != 200)
        return fail(Errc::malformed_reply, fmt::format("{} answers with status {}", gate.url, reply.status));
    const auto answer = json::parse(reply.body, nullptr, false);
    if (answer.is_discarded()) return fail(Errc::malformed_reply, gate.url + " answers with no JSON");
    return gate.server == AlertGateConfig::Server::prometheus ? of_prometheus(answer) : of_alertmanager(answer);
}

asio::awaitable<Result<std::vector<std::string>>> ask_alert_gate(asio::any_io_executor executor, AlertGateConfig gate) {
    HttpRequest request;
    request.path = alert_request_path(gate);
    request.timeout = timeout;
    Result<HttpReply> reply;
    if (gate.is_tls) {
        HttpsTarget target;
        target.host = gate.host;
        target.port = gate.port;
        target.ca_pem = gate.ca_pem;
        target.bearer_token = gate.bearer_token;
        HttpsClient client(executor, std::move(target));
        reply = co_await client.send(std::move(request));
    } else {
        reply = co_await ask_plainly(gate.host, gate.port, std::move(request));
    }
    if (!reply) co_return std::unexpected(std::move(reply.error()));
    co_return parse_alerts(gate, *reply);
}

}  // namespace aggmedic::daemon
