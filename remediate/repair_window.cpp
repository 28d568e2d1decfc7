#include "remediate/repair_window.hpp"

#include <date/tz.h>
#include <fmt/format.h>

#include <algorithm>

#include "net/text.hpp"

namespace aggmedic::remediate {
namespace {

using LocalDays = date::local_days;

constexpr int days_ahead = 9;

bool opens_on(const RepairWindow& window, LocalDays day) {
    return window.days.at(date::weekday(day).c_encoding());
}

}  // namespace

Result<const date::time_zone*> find_time_zone(std::string_view name) {
    const auto unknown = [&] {
        return fail(Errc::invalid_argument,
                    fmt::format("{} is no time zone of this machine; write one as Asia/Tokyo or UTC (folders of "
                                "/usr/share/zoneinfo, package tzdata)",
                                printable(name, 64)));
    };
    // A name of the database is a path of words: nothing outside of it is opened.
    const auto is_plain = [](char letter) {
        return (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z') ||
               (letter >= '0' && letter <= '9') || letter == '_' || letter == '-' || letter == '+' || letter == '/';
    };
    if (name.empty() || name.size() > 64 || name.front() == '/' || !std::ranges::all_of(name, is_plain))
        return unknown();
    try {
        const auto* zone = date::locate_zone(name);
        static_cast<void>(zone->get_info(date::sys_seconds{}));  // the file is read at the first question
        return zone;
    } catch (const std::exception&) {
        return unknown();
    }
}

bool is_open(const RepairWindow& window, TimePoint now) {
    const auto local = window.zone->to_local(now);
    const auto day = date::floor<date::days>(local);
    const auto time = local - day;
    if (window.from < window.to) return opens_on(window, day) && window.from <= time && time < window.to;
    return (opens_on(window, day) && window.from <= time) ||
           (opens_on(window, day - date::days(1)) && time < window.to);
}

bool is_any_open(std::span<const RepairWindow> windows, TimePoint now) {
    return std::ranges::any_of(windows, [&](const RepairWindow& window) { return is_open(window, now); });
}

bool is_open_throughout(std::span<const RepairWindow> windows, TimePoint begin, TimePoint end) {
    constexpr std::chrono::minutes step{1};  // windows begin and end, and clocks change, at whole minutes
    for (auto at = begin; at < end; at = date::floor<std::chrono::minutes>(at) + step) {
        if (!is_any_open(windows, at)) return false;
    }
    return is_any_open(windows, end);
}

std::optional<TimePoint> next_opening(std::span<const RepairWindow> windows, TimePoint now) {
    std::optional<TimePoint> next;
    for (const auto& window : windows) {
        const auto today = date::floor<date::days>(window.zone->to_local(now));
        for (int ahead = 0; ahead <= days_ahead; ++ahead) {
            const auto day = today + date::days(ahead);
            if (!opens_on(window, day)) continue;
            // A time that the clock skips begins where it goes on; one that it repeats begins twice.
            for (const auto which : {date::choose::earliest, date::choose::latest}) {
                const auto opening = date::floor<std::chrono::milliseconds>(
                    window.zone->to_sys(day + std::chrono::seconds(window.from), which));
                if (opening <= now || !is_open(window, opening) || (next && *next <= opening)) continue;
                next = opening;
            }
        }
    }
    return next;
}

std::string opening_in_words(std::span<const RepairWindow> windows, TimePoint opening) {
    for (const auto& window : windows) {
        if (!is_open(window, opening)) continue;
        const auto local = window.zone->to_local(opening);
        const auto day = date::floor<date::days>(local);
        const date::year_month_day date(day);
        const auto minutes = date::floor<std::chrono::minutes>(local - day).count();
        return fmt::format("{:04}-{:02}-{:02} {:02}:{:02} {}", static_cast<int>(date.year()),
                           static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), minutes / 60,
                           minutes % 60, window.zone->name());
    }
    return to_rfc3339(opening);
}

}  // namespace aggmedic::remediate
