#include "remediate/repair_window.hpp"

#include <gtest/gtest.h>

namespace aggmedic::remediate {
namespace {

using namespace std::chrono_literals;

TimePoint utc(std::string_view text) {
    return from_rfc3339(text).value();
}

constexpr std::array<bool, 7> working_days{false, true, true, true, true, true, false};
constexpr std::array<bool, 7> every_day{true, true, true, true, true, true, true};

RepairWindow window(std::chrono::minutes from, std::chrono::minutes to, std::string_view zone,
                    std::array<bool, 7> days = every_day) {
    const auto found = find_time_zone(zone);
    EXPECT_TRUE(found) << zone;
    return {.days = days, .from = from, .to = to, .zone = found.value_or(nullptr)};
}

TEST(RepairWindow, IsOpenByTheClockOfItsZone) {
    const auto office = window(9h, 17h, "Asia/Tokyo", working_days);
    struct Case {
        const char* now;
        bool open;
    };
    for (const auto& [now, open] : {Case{"2026-11-23T00:00:00Z", true},      // Monday 09:00
                                    Case{"2026-11-22T23:59:59Z", false},     // 08:59:59
                                    Case{"2026-11-23T07:59:59.999Z", true},  // 16:59
                                    Case{"2026-11-23T08:00:00Z", false},     // 17:00
                                    Case{"2026-11-27T23:59:00Z", false},     // Saturday there, Friday here
                                    Case{"2026-11-22T00:30:00Z", false}})    // Sunday
        EXPECT_EQ(is_open(office, utc(now)), open) << now;
}

TEST(RepairWindow, OverMidnightBelongsToTheDayOnWhichItOpens) {
    std::array<bool, 7> friday{};
    friday[5] = true;
    const auto night = window(22h, 4h, "UTC", friday);
    EXPECT_TRUE(is_open(night, utc("2026-11-27T22:00:00Z")));
    EXPECT_TRUE(is_open(night, utc("2026-11-28T03:59:00Z")));
    EXPECT_FALSE(is_open(night, utc("2026-11-28T04:00:00Z")));
    EXPECT_FALSE(is_open(night, utc("2026-11-27T03:00:00Z")));  // Thursday's night
    EXPECT_TRUE(is_open(window(0h, 24h, "UTC"), utc("2026-11-28T23:59:59Z")));
}

// Berlin: on 2026-03-29 the clock goes from 02:00 to 03:00, on 2026-10-25 from 03:00 back to 02:00.
TEST(RepairWindow, WhatTheClockSkipsIsNotInIt) {
    const auto skipped = window(2h, 3h, "Europe/Berlin");
    EXPECT_FALSE(is_open(skipped, utc("2026-03-29T00:59:59Z")));  // 01:59
    EXPECT_FALSE(is_open(skipped, utc("2026-03-29T01:00:00Z")));  // 03:00
    EXPECT_EQ(next_opening(std::span(&skipped, 1), utc("2026-03-28T12:00:00Z")), utc("2026-03-30T00:00:00Z"));
    const auto cut = window(150min, 4h, "Europe/Berlin");
    EXPECT_EQ(next_opening(std::span(&cut, 1), utc("2026-03-28T12:00:00Z")), utc("2026-03-29T01:00:00Z"));
}

TEST(RepairWindow, WhatTheClockRepeatsIsInItBothTimes) {
    const auto twice = window(150min, 170min, "Europe/Berlin");  // 02:30 to 02:50
    const auto windows = std::span(&twice, 1);
    EXPECT_TRUE(is_open(twice, utc("2026-10-25T00:30:00Z")));
    EXPECT_FALSE(is_open(twice, utc("2026-10-25T00:50:00Z")));
    EXPECT_TRUE(is_open(twice, utc("2026-10-25T01:30:00Z")));
    EXPECT_EQ(next_opening(windows, utc("2026-10-25T00:00:00Z")), utc("2026-10-25T00:30:00Z"));
    EXPECT_EQ(next_opening(windows, utc("2026-10-25T00:55:00Z")), utc("2026-10-25T01:30:00Z"));
}

TEST(RepairWindow, IsOpenThroughoutOnlyWithoutAGap) {
    const std::array apart{window(9h, 12h, "UTC"), window(730min, 17h, "UTC")};  // 12:10
    const std::array minute_apart{window(9h, 12h, "UTC"), window(721min, 17h, "UTC")};
    const std::array touching{window(9h, 12h, "UTC"), window(12h, 17h, "UTC")};
    const auto begin = utc("2026-11-23T11:57:30.500Z"), end = begin + 15min;
    EXPECT_FALSE(is_open_throughout(apart, begin, end));
    EXPECT_FALSE(is_open_throughout(minute_apart, begin, end));
    EXPECT_TRUE(is_open_throughout(touching, begin, end));
    EXPECT_TRUE(is_open_throughout(apart, begin, begin + 2min));
    EXPECT_FALSE(is_open_throughout(apart, begin, utc("2026-11-23T12:00:00Z")));
    EXPECT_FALSE(is_open_throughout(apart, utc("2026-11-23T12:05:00Z"), end));
    EXPECT_TRUE(is_open_throughout(touching, begin, begin));
}

TEST(RepairWindow, IsOpenThroughoutAChangeOfTheClockWhereItsOwnClockSaysSo) {
    const std::array skipped{window(90min, 2h, "Europe/Berlin"), window(3h, 4h, "Europe/Berlin")};
    EXPECT_TRUE(is_open_throughout(skipped, utc("2026-03-29T00:50:00Z"), utc("2026-03-29T01:10:00Z")));
    EXPECT_FALSE(is_open_throughout(skipped, utc("2026-03-30T00:20:00Z"), utc("2026-03-30T01:10:00Z")));
    const std::array twice{window(150min, 170min, "Europe/Berlin")};  // 02:30 to 02:50, both times
    EXPECT_FALSE(is_open_throughout(twice, utc("2026-10-25T00:40:00Z"), utc("2026-10-25T01:35:00Z")));
    const std::array repeated{window(2h, 3h, "Europe/Berlin")};
    EXPECT_TRUE(is_open_throughout(repeated, utc("2026-10-25T00:00:00Z"), utc("2026-10-25T01:59:59Z")));
    EXPECT_FALSE(is_open_throughout(repeated, utc("2026-10-25T00:00:00Z"), utc("2026-10-25T02:00:00Z")));
}

// Over two years in four zones: where the next opening is said to be, it is open, and not a moment before.
TEST(RepairWindow, TheNextOpeningIsTheFirstMomentThatIsOpen) {
    for (const auto* zone : {"Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Tokyo"}) {
        const std::array windows{window(105min, 135min, zone), window(23h, 30min, zone, working_days)};
        for (auto now = utc("2026-01-01T00:00:00Z"); now < utc("2028-01-01T00:00:00Z"); now += 19h + 13min) {
            const auto opening = next_opening(windows, now);
            ASSERT_TRUE(opening);
            ASSERT_TRUE(is_any_open(windows, *opening)) << zone << " " << to_rfc3339(now);
            ASSERT_FALSE(is_any_open(windows, *opening - 1ms)) << zone << " " << to_rfc3339(*opening);
            const bool open_now = is_any_open(windows, now);
            for (auto between = now; !open_now && between < *opening; between += 20min)
                ASSERT_FALSE(is_any_open(windows, between)) << zone << " " << to_rfc3339(between);
        }
    }
}

TEST(RepairWindow, SaysWhenItOpensByItsOwnClock) {
    const auto office = window(9h, 17h, "Asia/Tokyo", working_days);
    const auto windows = std::span(&office, 1);
    const auto opening = next_opening(windows, utc("2026-11-20T12:00:00Z"));  // Friday evening
    ASSERT_TRUE(opening);
    EXPECT_EQ(opening_in_words(windows, *opening), "2026-11-23 09:00 Asia/Tokyo");
}

TEST(RepairWindow, KnowsNoZoneOutsideTheDatabase) {
    for (const auto* name :
         {"", "Mars/Olympus", "/etc/passwd", "../../etc/passwd", "Asia/../Asia/Tokyo", "Asia", "UTC\n"})
        EXPECT_FALSE(find_time_zone(name)) << name;
}

}  // namespace
}  // namespace aggmedic::remediate
