#include <fmt/format.h>

#include <algorithm>

#include "probes/canary_timing.hpp"
#include "probes/causes/rules.hpp"

// What the canary's timing means beside the certificates.
namespace aggmedic::probes {

namespace {

TimingSays timing_of(const Through& through) {
    const auto& timing = through.attempts->timing;
    return timing ? judge_timing(*timing) : TimingSays::nothing;
}

bool is_masters(const ProxyClient& proxy) {
    return std::ranges::find(proxy.leaf.organizations, "system:masters") != proxy.leaf.organizations.end();
}

// Whether a certificate can be an ordinary client at all, and is not believed as a proxy.
bool may_collapse(const ProxyClient& proxy) {
    return !proxy.absent && proxy.logs_in && !proxy.causes().empty();
}

bool collapse_is_ruled_out(const Case& seen) {
    if (!seen.read.empty()) return std::ranges::none_of(seen.read, may_collapse) && seen.unread.empty();
    if (std::ranges::any_of(seen.guessed, may_collapse)) return false;
    // The likely certificate is fine; or no certificate can be an ordinary client and a proxy of one CA.
    const bool a_guess_fits = std::ranges::any_of(seen.guessed, [](const ProxyClient& guess) {
        return guess.fault == ChainFault::none && guess.causes().empty();
    });
    return a_guess_fits || (seen.shared_ca_known && !seen.shared_ca);
}

// A certificate that logs in and is no system:masters is asked about like any caller: a check tells nothing then.
bool check_means_caller(const Case& seen) {
    const auto& proxies = seen.read.empty() ? seen.guessed : seen.read;
    return !proxies.empty() && std::ranges::all_of(proxies, [](const ProxyClient& proxy) {
        return proxy.absent || !proxy.logs_in || is_masters(proxy);
    });
}

}  // namespace

Identity timed_identity_at(const ApiCase& api, const Case& seen) {
    const auto& observation = seen.observation;
    if (is_canary_blind(observation) || (observation.canary_beyond && observation.canary_beyond->status != 403))
        return Identity::unknown;
    const auto said = [&](TimingSays what) {
        return std::ranges::any_of(api.through, [&](const Through& through) { return timing_of(through) == what; });
    };
    if (said(TimingSays::masked)) return collapse_is_ruled_out(seen) ? Identity::unknown : Identity::masked;
    return said(TimingSays::caller) && check_means_caller(seen) ? Identity::caller : Identity::unknown;
}

void add_timing_evidence(Finding& finding, const ApiCase& api) {
    for (const auto& through : api.through) {
        const auto& timing = through.attempts->timing;
        if (timing_of(through) == TimingSays::nothing) continue;
        add_evidence(
            finding,
            fmt::format("through {} a GET of aggmedic-canary in a new namespace was slower than a repeated one in {} "
                        "of {} pairs: {} (healthy: {} or more, masked: {} or less)",
                        through_name(*through.apiserver), timing->slower, timing->pairs,
                        timing_of(through) == TimingSays::masked ? "no permission check is made for the canary"
                                                                 : "a permission check is made for the canary",
                        timing_slower_healthy, timing_slower_masked),
            "answer", through.apiserver->master);
    }
}

}  // namespace aggmedic::probes
