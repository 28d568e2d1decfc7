#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <string>
#include <vector>

#include "daemon/config.hpp"
#include "net/http_message.hpp"
#include "net/result.hpp"

namespace aggmedic::daemon {

namespace asio = boost::asio;

// The request's path: Prometheus' instant query (/api/v1/query), or Alertmanager's list of active alerts that nobody
// silenced or inhibited (/api/v2/alerts). Pure.
std::string alert_request_path(const AlertGateConfig& gate);

// The alerts that fire, by name. Whatever is no complete answer (another status, `warnings` of a partial result, a
// result that is no vector) is malformed_reply: it proves nothing. Pure.
Result<std::vector<std::string>> parse_alerts(const AlertGateConfig& gate, const HttpReply& reply);

asio::awaitable<Result<std::vector<std::string>>> ask_alert_gate(asio::any_io_executor executor, AlertGateConfig gate);

}  // namespace aggmedic::daemon
