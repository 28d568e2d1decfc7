#include "remediate/meltdown.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace aggmedic::remediate {

std::optional<std::string> meltdown(std::span<const TimePoint> broken_since, std::size_t fleet,
                                    const MeltdownLimit& limit, std::optional<TimePoint> lifted, TimePoint now) {
    const auto counts = [&](TimePoint since) { return since >= now - limit.window && (!lifted || since > *lifted); };
    const auto broken = static_cast<std::size_t>(std::ranges::count_if(broken_since, counts));
    if (broken < static_cast<std::size_t>(limit.clusters)) return std::nullopt;
    if (static_cast<double>(broken) < limit.ratio * static_cast<double>(fleet)) return std::nullopt;
    const auto minutes = std::chrono::duration<double, std::ratio<60>>(limit.window).count();
    return fmt::format("findings began on {} of {} clusters within {:.3g} minutes", broken, fleet, minutes);
}

}  // namespace aggmedic::remediate
