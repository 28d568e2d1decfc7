#pragma once

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "remediate/plan.hpp"
#include "remediate/run_edge.hpp"

namespace aggmedic::remediate {

struct Pod {
    std::string name, uid;
    bool ready = false;  // its condition Ready is True
    bool operator==(const Pod&) const = default;
};

// The pods of one selector that are not being deleted, as the repair credential. Errors: command_failed with what the
// apiserver said, malformed_reply, and those of the exchange.
asio::awaitable<Result<std::vector<Pod>>> list_pods(std::shared_ptr<RunEdge> edge, RestartPods pods);

// Deletes these pods one at a time: the next one, and the end, once each that was deleted has another one of its own
// UID that is Ready, as many are Ready as were, and within `pod_limit` after each deletion. Returns how many.
// `keep_on` is asked while it waits and before each pod; false ends it. Errors: cancelled, timeout (the other pods are
// left alone), and those of list_pods.
using KeepOn = std::function<asio::awaitable<bool>()>;
asio::awaitable<Result<int>> restart_pods(std::shared_ptr<RunEdge> edge, RestartPods pods, std::vector<Pod> found,
                                          std::chrono::milliseconds pod_limit, KeepOn keep_on);

// Whether pods serve an aggregated API: told by its APIService's service and by the pods that the service's endpoints
// name, both asked as the probe through `master`. unknown where either cannot be read.
enum class Serves { no, yes, unknown };
asio::awaitable<Serves> ask_serves(std::shared_ptr<RunEdge> edge, std::string master, std::string apiservice,
                                   RestartPods pods, std::vector<Pod> found);

}  // namespace aggmedic::remediate
