#pragma once

#include <array>
#include <chrono>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "net/result.hpp"
#include "net/time.hpp"

namespace date {
class time_zone;
}

namespace aggmedic::remediate {

// When automatic repair may begin, by the wall clock of a time zone. What the clock skips in spring is not in a window,
// what it repeats in autumn is in it both times.
struct RepairWindow {
    std::array<bool, 7> days{};         // on which it opens, Sunday first
    std::chrono::minutes from{}, to{};  // since midnight; `to` at or before `from` is on the next day
    const date::time_zone* zone = nullptr;
};

// A zone of the tz database of this machine (/usr/share/zoneinfo, Debian's tzdata), by its name there: Asia/Tokyo, UTC.
// Read once and kept for the life of the process. Errors: invalid_argument.
Result<const date::time_zone*> find_time_zone(std::string_view name);

bool is_open(const RepairWindow& window, TimePoint now);
bool is_any_open(std::span<const RepairWindow> windows, TimePoint now);
// At every moment from `begin` to `end`, also where one window goes over into the next.
bool is_open_throughout(std::span<const RepairWindow> windows, TimePoint begin, TimePoint end);

// The next moment after `now` at which one of them opens; nullopt: none does within nine days.
std::optional<TimePoint> next_opening(std::span<const RepairWindow> windows, TimePoint now);

// "2026-11-23 09:00 Asia/Tokyo", by the clock of the window that opens then.
std::string opening_in_words(std::span<const RepairWindow> windows, TimePoint opening);

}  // namespace aggmedic::remediate
