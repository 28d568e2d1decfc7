#include "net/time.hpp"

#include <gtest/gtest.h>

namespace aggmedic {
namespace {

using namespace std::chrono_literals;

TimePoint at(std::int64_t milliseconds) {
    return TimePoint(std::chrono::milliseconds(milliseconds));
}

TEST(Rfc3339, WritesAndReadsTheSame) {
    const std::vector<std::pair<std::int64_t, std::string>> cases = {{0, "1970-01-01T00:00:00Z"},
                                                                     {1795392000250, "2026-11-23T00:00:00.250Z"},
                                                                     {951782400007, "2000-02-29T00:00:00.007Z"},
                                                                     {-1, "1969-12-31T23:59:59.999Z"}};
    for (const auto& [milliseconds, text] : cases) {
        EXPECT_EQ(to_rfc3339(at(milliseconds)), text);
        EXPECT_EQ(from_rfc3339(text), at(milliseconds)) << text;
    }
}

TEST(Rfc3339, ReadsOffsetsAndFractions) {
    EXPECT_EQ(from_rfc3339("2026-11-23T09:00:00+09:00"), from_rfc3339("2026-11-23T00:00:00Z"));
    EXPECT_EQ(from_rfc3339("2026-11-22T19:30:00-04:30"), from_rfc3339("2026-11-23T00:00:00Z"));
    EXPECT_EQ(from_rfc3339("2026-11-23T00:00:00.123456Z"), at(1795392000123));
    EXPECT_EQ(from_rfc3339("2026-11-23t00:00:00.5z"), at(1795392000500));
}

TEST(Rfc3339, RefusesEverythingElse) {
    for (const auto* text : {"", "2026-11-23", "2026-11-23T00:00:00", "2026-13-01T00:00:00Z", "2026-02-30T00:00:00Z",
                             "2026-11-23T24:00:00Z", "2026-11-23T00:60:00Z", "2026-11-23T00:00:00.Z",
                             "2026-11-23T00:00:00Z ", "2026-11-23 00:00:00Z", "26-11-23T00:00:00Z",
                             "2026-11-23T00:00:00+0900", "2026-11-23T00:00:00.1234567890Z", "-026-11-23T00:00:00Z"}) {
        EXPECT_EQ(from_rfc3339(text), std::nullopt) << text;
    }
}

TEST(HttpDate, ReadsTheFixedForm) {
    EXPECT_EQ(from_http_date("Sun, 06 Nov 1994 08:49:37 GMT"), from_rfc3339("1994-11-06T08:49:37Z"));
    for (const auto* text :
         {"", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994", "Sun, 6 Nov 1994 08:49:37 GMT",
          "Sun, 06 Nov 1994 08:49:37 UTC", "Sun, 31 Feb 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:37 GMT "}) {
        EXPECT_EQ(from_http_date(text), std::nullopt) << text;
    }
}

TEST(Duration, ReadsOneCountWithOneUnit) {
    EXPECT_EQ(parse_duration("250ms"), 250ms);
    EXPECT_EQ(parse_duration("30s"), 30s);
    EXPECT_EQ(parse_duration("5m"), 5min);
    EXPECT_EQ(parse_duration("1h"), 1h);
    EXPECT_EQ(parse_duration("0s"), 0ms);
    for (const auto* text : {"", "5", "s", "-5s", "+5s", "1.5s", "5 s", "5d", "1h30m", "5S", "99999999999999999999s",
                             "9223372036854775807h", "9223372036854775807s"}) {
        EXPECT_EQ(parse_duration(text), std::nullopt) << text;
    }
}

TEST(Duration, WritesTheLargestUnitThatFits) {
    EXPECT_EQ(format_duration(250ms), "250ms");
    EXPECT_EQ(format_duration(1250ms), "1250ms");
    EXPECT_EQ(format_duration(90s), "90s");
    EXPECT_EQ(format_duration(300s), "5m");
    EXPECT_EQ(format_duration(3h), "3h");
    EXPECT_EQ(format_duration(0ms), "0s");
}

}  // namespace
}  // namespace aggmedic
