#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "probes/seen.hpp"

// What an outage of aggregated APIs does elsewhere in the cluster, as the API shows it. Never part of a verdict: it is
// asked for only while an aggregated API fails, and what of it cannot be seen hides no cause.
namespace aggmedic::probes {

// Objects of one kind that suffer from it.
struct Struck {
    std::size_t count = 0;
    std::size_t unexplained = 0;     // in the same state, and nothing says that it is because of this
    bool is_cut = false;             // there are more than were looked at
    std::vector<std::string> names;  // of `count`, the first few; namespace/name where they are in one
    bool operator==(const Struck&) const = default;
};

struct BlastRadius {
    std::string asked_through;  // the master, empty: the server address
    Seen<Struck> namespaces;    // Terminating with NamespaceDeletionDiscoveryFailure (since 1.16 a namespace says why)
    Seen<Struck> autoscalers;   // ScalingActive=False for want of metrics; not-asked where no metrics API fails
    Seen<Struck> pods;          // in a crash loop beside a failing API's own, in the namespace of its service
    bool operator==(const BlastRadius&) const = default;
};

}  // namespace aggmedic::probes
