#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "net/time.hpp"

namespace aggmedic::remediate {

// A person's word that no run starts.
struct Pause {
    std::string cluster;  // empty: the fleet
    std::int64_t uid = -1;
    TimePoint at{};
    std::string reason;
    bool operator==(const Pause&) const = default;
};

// Automatic repair's own, for the whole fleet; it binds no person, and only a person lifts it.
struct Suspension {
    TimePoint at{};
    std::string why;
    bool operator==(const Suspension&) const = default;
};

// What keeps runs from starting, as the journal remembers it for all processes.
struct Holds {
    std::vector<Pause> pauses;
    std::optional<Suspension> suspension;      // that nobody has lifted since
    std::map<std::string, TimePoint> resumed;  // when a person last resumed a cluster; "" is the fleet
    bool operator==(const Holds&) const = default;

    const Pause* pause_of(const std::string& cluster) const;                // its own or the fleet's; nullptr: none
    std::optional<TimePoint> resumed_at(const std::string& cluster) const;  // the later of its own and the fleet's
};

}  // namespace aggmedic::remediate
