#include "daemon/master_views.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace aggmedic::daemon {
namespace {

constexpr int doublings_max = 10;

// The first retry comes with the next cycle, the following ones ever later, up to the usual interval.
milliseconds retry_after(int failures, MasterViews::Timing timing) {
    const auto doublings = std::min(failures - 1, doublings_max);
    return std::min(timing.interval * (1 << doublings), timing.master_interval);
}

constexpr int looks_for_backends_max = 5;  // more often than without

bool contains(const MasterViews::Backends& backends, const probes::BackendPlace& place) {
    return std::ranges::find(backends, place) != backends.end();
}

void forget_backends(const MasterViews::Backends& dialled, probes::MasterView& view) {
    if (!view.backends) return;
    std::erase_if(*view.backends, [&](const probes::BackendReach& reach) {
        return std::ranges::none_of(dialled, [&](const probes::BackendPlace& place) {
            return place.address == reach.address && place.kind == reach.kind &&
                   std::ranges::find(place.apiservices, reach.apiservice) != place.apiservices.end();
        });
    });
}

}  // namespace

std::string seen_from_outside(const probes::Observation& observation, const std::string& master) {
    std::string text;
    for (const auto& apiserver : observation.apiservers) {
        if (apiserver.master != master) continue;
        text += apiserver.readyz ? fmt::format("readyz {};", apiserver.readyz->status) : std::string("silent;");
        if (apiserver.version) text += *apiserver.version + ";";
        if (apiserver.serving && !apiserver.serving->empty()) text += apiserver.serving->front().sha256 + ";";
    }
    if (const auto* published = observation.published()) text += published->resource_version;
    return text;
}

std::vector<std::string> MasterViews::due(const probes::Observation& observation, const Backends& backends,
                                          const std::vector<std::string>& masters, Timing timing, SteadyTime now) {
    std::vector<std::string> names;
    for (const auto& master : masters) {
        const auto found = kept_.find(master);
        if (found == kept_.end()) {
            names.push_back(master);
            continue;
        }
        auto& kept = found->second;
        std::erase_if(kept.dialled, [&](const auto& place) { return !contains(backends, place); });
        if (kept.view) forget_backends(kept.dialled, *kept.view);
        const auto wait = kept.failures > 0 ? retry_after(kept.failures, timing) : timing.master_interval;
        const bool changed = kept.outside != seen_from_outside(observation, master);
        // A little early is better than a whole cycle late.
        const bool old = now - kept.looked + timing.interval / 2 >= wait;
        const bool undialled = std::ranges::any_of(
            backends, [&](const auto& place) { return kept.failures == 0 && !contains(kept.dialled, place); });
        // The first failure is worth a look at once; endpoints that come and go are not worth one each.
        const bool dialled_lately =
            !kept.dialled.empty() && now - kept.looked < timing.master_interval / looks_for_backends_max;
        if (old || changed || (undialled && !dialled_lately)) names.push_back(master);
    }
    return names;
}

void MasterViews::store(const probes::Observation& observation, const Backends& backends, Looks looks, SteadyTime now) {
    for (auto& [master, look] : looks) {
        auto& kept = kept_[master];
        kept.looked = now;
        kept.outside = seen_from_outside(observation, master);
        kept.dialled = backends;
        if (look) {
            kept.view = std::move(look->view);
            kept.failures = 0;
        } else {
            kept.view = probes::unobserved(look.error());
            ++kept.failures;
        }
    }
}

void MasterViews::merge_into(probes::Observation& observation, const std::vector<std::string>& masters, Timing timing,
                             SteadyTime now) const {
    const auto stale = [](std::string detail) {
        return probes::Unobserved{.reason = "timeout", .detail = std::move(detail)};
    };
    for (const auto& master : masters) {
        auto& view = observation.masters[master];
        const auto found = kept_.find(master);
        if (found == kept_.end()) {
            view = stale("was not looked at yet");
        } else if (now - found->second.looked > 2 * timing.master_interval) {
            view = stale("the last look is too old");
        } else if (found->second.outside != seen_from_outside(observation, master)) {
            view = stale("the last look is from before a change that was seen since");
        } else {
            view = found->second.view;
        }
    }
}

void MasterViews::keep_only(const std::vector<std::string>& masters) {
    std::erase_if(kept_, [&](const auto& entry) { return std::ranges::find(masters, entry.first) == masters.end(); });
}

}  // namespace aggmedic::daemon
