#pragma once

#include <chrono>
#include <optional>
#include <span>
#include <string>

#include "net/time.hpp"

namespace aggmedic::remediate {

// So many clusters that broke within so short a time that something they share is the likelier cause: both must hold.
struct MeltdownLimit {
    int clusters = 5;
    double ratio = 0.2;  // of all configured clusters
    std::chrono::milliseconds window{std::chrono::minutes(10)};
    bool operator==(const MeltdownLimit&) const = default;
};

// Why automatic repair is to suspend itself now, in one sentence; nullopt: it is not. `broken_since`: for each cluster
// with findings, when the newest of them began; `fleet`: how many clusters there are; what began up to `lifted` was
// known to the person who lifted the last suspension.
std::optional<std::string> meltdown(std::span<const TimePoint> broken_since, std::size_t fleet,
                                    const MeltdownLimit& limit, std::optional<TimePoint> lifted, TimePoint now);

}  // namespace aggmedic::remediate
