#pragma once

#include <boost/asio/awaitable.hpp>

#include "daemon/looking.hpp"
#include "remediate/plan.hpp"

namespace aggmedic::daemon {

// What is asked only before something is planned or begun, beside the look at everything: the requests of `verify`
// through every master, as the probe, into `input.verify_requests`. What gives no answer is an answer of its own.
asio::awaitable<void> ask_before_acting(Looking looking, remediate::PlanInput& input);

}  // namespace aggmedic::daemon
