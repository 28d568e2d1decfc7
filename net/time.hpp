#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace aggmedic {

// Wall-clock time, UTC, to the millisecond: what observations, findings, plans and the journal carry.
using TimePoint = std::chrono::sys_time<std::chrono::milliseconds>;

// RFC 3339 in UTC with milliseconds only where there are some: 2026-11-23T00:17:06Z, 2026-11-23T00:17:06.250Z.
std::string to_rfc3339(TimePoint time);
std::optional<TimePoint> from_rfc3339(std::string_view text);

// An HTTP Date header (RFC 9110 5.6.7, the IMF-fixdate form only).
std::optional<TimePoint> from_http_date(std::string_view text);

// The durations of the configuration: 250ms, 30s, 5m, 1h. No unit, a sign or a fraction is no duration.
std::optional<std::chrono::milliseconds> parse_duration(std::string_view text);
std::string format_duration(std::chrono::milliseconds duration);

}  // namespace aggmedic
