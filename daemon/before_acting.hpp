#pragma once

#include <boost/asio/awaitable.hpp>

#include "daemon/looking.hpp"
#include "remediate/plan.hpp"

namespace aggmedic::daemon {

// What is asked only before something is planned or begun, beside the look at everything: what stands around the
// masters, into `input.observation.control_plane`, and the requests of `verify` through every master, into
// `input.verify_requests`. All as the probe; what gives no answer is an answer of its own.
asio::awaitable<void> ask_before_acting(Looking looking, remediate::PlanInput& input);

}  // namespace aggmedic::daemon
