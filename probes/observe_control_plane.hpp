#pragma once

#include <boost/asio/awaitable.hpp>
#include <functional>
#include <string>
#include <vector>

#include "net/https_client.hpp"
#include "probes/control_plane.hpp"

namespace aggmedic::probes {

// A request through one master, as the probe; a longer timeout of the request counts.
using AskThrough = std::function<asio::awaitable<Result<HttpReply>>(std::string master, HttpRequest request)>;

// One lost connection is no answer; what was silent for all of its time is not asked again.
asio::awaitable<Result<HttpReply>> ask_twice(AskThrough ask, std::string master, HttpRequest request);

// Through every master what it finds of the etcd members; of the rest, what the first master says that answers.
// Without `order` neither leases nor endpoints are asked for. Judges nothing; what may not be read says which grant is
// missing.
asio::awaitable<ControlPlane> observe_control_plane(AskThrough ask, std::vector<std::string> masters, bool order);

}  // namespace aggmedic::probes
