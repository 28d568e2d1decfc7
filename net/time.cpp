#include "net/time.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cstdint>

namespace aggmedic {
namespace {

using namespace std::chrono;

// Reads a text from left to right; every take_* leaves the reader where it was when it answers false or nullopt.
class Reader {
  public:
    explicit Reader(std::string_view text) : rest_(text) {}

    bool take(char expected) {
        if (rest_.empty() || rest_.front() != expected) return false;
        rest_.remove_prefix(1);
        return true;
    }

    bool take(std::string_view expected) {
        if (!rest_.starts_with(expected)) return false;
        rest_.remove_prefix(expected.size());
        return true;
    }

    std::optional<int> take_digits(std::size_t count) {
        if (rest_.size() < count) return std::nullopt;
        int value = 0;
        for (const char digit : rest_.substr(0, count)) {
            if (digit < '0' || digit > '9') return std::nullopt;
            value = value * 10 + (digit - '0');
        }
        rest_.remove_prefix(count);
        return value;
    }

    bool at_end() const { return rest_.empty(); }
    char peek() const { return rest_.empty() ? '\0' : rest_.front(); }

  private:
    std::string_view rest_;
};

std::optional<seconds> take_clock(Reader& reader) {
    const auto hour = reader.take_digits(2);
    if (!hour || !reader.take(':')) return std::nullopt;
    const auto minute = reader.take_digits(2);
    if (!minute || !reader.take(':')) return std::nullopt;
    const auto second = reader.take_digits(2);
    if (!second || *hour > 23 || *minute > 59 || *second > 60) return std::nullopt;  // 60: a leap second
    return hours(*hour) + minutes(*minute) + seconds(*second);
}

// The digits after the decimal point; Kubernetes' MicroTime writes six, what is below a millisecond is dropped.
std::optional<milliseconds> take_fraction(Reader& reader) {
    if (!reader.take('.')) return milliseconds(0);
    int count = 0;
    int value = 0;
    while (const auto digit = reader.take_digits(1)) {
        if (++count <= 3) value = value * 10 + *digit;
    }
    if (count == 0 || count > 9) return std::nullopt;
    for (int place = count; place < 3; ++place) value *= 10;
    return milliseconds(value);
}

std::optional<minutes> take_zone(Reader& reader) {
    if (reader.take('Z') || reader.take('z')) return minutes(0);
    const char sign = reader.peek();
    if (sign != '+' && sign != '-') return std::nullopt;
    reader.take(sign);
    const auto hour = reader.take_digits(2);
    if (!hour || !reader.take(':')) return std::nullopt;
    const auto minute = reader.take_digits(2);
    if (!minute || *hour > 23 || *minute > 59) return std::nullopt;
    const auto offset = hours(*hour) + minutes(*minute);
    return sign == '+' ? offset : -offset;
}

std::optional<sys_days> make_date(std::optional<int> year_number, std::optional<int> month_number,
                                  std::optional<int> day_number) {
    if (!year_number || !month_number || !day_number) return std::nullopt;
    const year_month_day date{year(*year_number), month(static_cast<unsigned>(*month_number)),
                              day(static_cast<unsigned>(*day_number))};
    if (!date.ok()) return std::nullopt;
    return sys_days(date);
}

std::optional<int> take_month_name(Reader& reader) {
    static constexpr std::array<std::string_view, 12> months = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                                "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    for (std::size_t index = 0; index < months.size(); ++index) {
        if (reader.take(months[index])) return static_cast<int>(index) + 1;
    }
    return std::nullopt;
}

bool take_weekday_name(Reader& reader) {
    for (const std::string_view day_name : {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"}) {
        if (reader.take(day_name)) return true;
    }
    return false;
}

}  // namespace

std::string to_rfc3339(TimePoint time) {
    const auto midnight = floor<days>(time);
    const year_month_day date(midnight);
    const hh_mm_ss clock(time - midnight);
    auto text = fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", static_cast<int>(date.year()),
                            static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                            clock.hours().count(), clock.minutes().count(), clock.seconds().count());
    if (clock.subseconds().count() != 0) text += fmt::format(".{:03}", clock.subseconds().count());
    return text + "Z";
}

std::optional<TimePoint> from_rfc3339(std::string_view text) {
    Reader reader(text);
    const auto year_number = reader.take_digits(4);
    if (!year_number || !reader.take('-')) return std::nullopt;
    const auto month_number = reader.take_digits(2);
    if (!month_number || !reader.take('-')) return std::nullopt;
    const auto date = make_date(year_number, month_number, reader.take_digits(2));
    if (!date || (!reader.take('T') && !reader.take('t'))) return std::nullopt;
    const auto clock = take_clock(reader);
    if (!clock) return std::nullopt;
    const auto fraction = take_fraction(reader);
    if (!fraction) return std::nullopt;
    const auto zone = take_zone(reader);
    if (!zone || !reader.at_end()) return std::nullopt;
    return TimePoint(*date) + *clock + *fraction - *zone;
}

std::optional<TimePoint> from_http_date(std::string_view text) {
    Reader reader(text);
    if (!take_weekday_name(reader) || !reader.take(", ")) return std::nullopt;
    const auto day_number = reader.take_digits(2);
    if (!day_number || !reader.take(' ')) return std::nullopt;
    const auto month_number = take_month_name(reader);
    if (!month_number || !reader.take(' ')) return std::nullopt;
    const auto date = make_date(reader.take_digits(4), month_number, day_number);
    if (!date || !reader.take(' ')) return std::nullopt;
    const auto clock = take_clock(reader);
    if (!clock || !reader.take(" GMT") || !reader.at_end()) return std::nullopt;
    return TimePoint(*date) + *clock;
}

std::optional<milliseconds> parse_duration(std::string_view text) {
    const auto digits = text.find_first_not_of("0123456789");
    if (digits == 0 || digits == std::string_view::npos) return std::nullopt;
    std::int64_t count = 0;
    const auto number = text.substr(0, digits);
    const auto parsed = std::from_chars(number.data(), number.data() + number.size(), count);
    if (parsed.ec != std::errc()) return std::nullopt;
    const auto unit = text.substr(digits);
    const std::int64_t scale = unit == "ms"  ? 1
                               : unit == "s" ? 1000
                               : unit == "m" ? 60'000
                               : unit == "h" ? 3'600'000
                                             : 0;
    if (scale == 0 || count > milliseconds::max().count() / scale) return std::nullopt;
    return milliseconds(count * scale);
}

std::string format_duration(milliseconds duration) {
    const auto count = duration.count();
    if (count % 1000 != 0) return fmt::format("{}ms", count);
    if (count == 0 || count % 60'000 != 0) return fmt::format("{}s", count / 1000);
    if (count % 3'600'000 != 0) return fmt::format("{}m", count / 60'000);
    return fmt::format("{}h", count / 3'600'000);
}

}  // namespace aggmedic
