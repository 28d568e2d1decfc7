#pragma once

#include <chrono>

#include "net/http_message.hpp"
#include "net/result.hpp"
#include "probes/observation.hpp"

namespace aggmedic::probes {

// One exchange as far as a judgement needs it: no body of a 200, the first 512 bytes of another.
Answer answer_of(const Result<HttpReply>& reply, TimePoint at, std::chrono::milliseconds took);

// Why an exchange that should have been a 200 was none: forbidden (with the permission that is missing), not-found,
// status.
Unobserved refusal_of(const Result<HttpReply>& reply, std::string_view permission);

// Date header minus our clock at the middle of the exchange.
Seen<std::int64_t> clock_offset_of(const HttpReply& reply, TimePoint at, std::chrono::milliseconds took);

}  // namespace aggmedic::probes
