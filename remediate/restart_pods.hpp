#pragma once

#include <boost/asio/awaitable.hpp>
#include <functional>
#include <string>

#include "remediate/plan.hpp"
#include "remediate/run_edge.hpp"

namespace aggmedic::remediate {

// Deletes the pods of one selector as the repair credential, one at a time: the next one after as many pods as before
// are ready again (or a minute has passed). Returns how many. `keep_on` is asked while it waits and before each pod;
// false ends it. Errors: cancelled, command_failed with what the apiserver said, malformed_reply, and those of the
// exchange.
using KeepOn = std::function<asio::awaitable<bool>()>;
asio::awaitable<Result<int>> restart_pods(std::shared_ptr<RunEdge> edge, RestartPods pods, KeepOn keep_on);

}  // namespace aggmedic::remediate
