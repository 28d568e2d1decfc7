#include <algorithm>

#include "probes/causes/case.hpp"

// Whose identity an extension API server saw (design 4.10).
namespace aggmedic::probes {

namespace {

bool is_service_account(const Caller& caller) {
    return caller.user.starts_with("system:serviceaccount:");
}

// What one answer's pair of flow schemas says: kube-apiserver's own line first, the extension API server's second.
// Agreement means the right identity only where a masked one would have another schema: the caller is known to be no
// system:masters, and is a ServiceAccount (a certificate never falls under their schema) or the certificate is
// system:masters (schema `exempt`).
Identity from_pair(const Answer& answer, bool agreement_counts) {
    // A server that may not list flow schemas, or has not yet, sends an empty line; three lines are of another hop.
    if (answer.flow_schemas.size() != 2) return Identity::unknown;
    if (answer.flow_schemas[0].empty() || answer.flow_schemas[1].empty()) return Identity::unknown;
    if (answer.flow_schemas[0] != answer.flow_schemas[1]) return Identity::masked;
    return agreement_counts ? Identity::caller : Identity::unknown;
}

bool names_proxy(const Answer& answer, const std::vector<ProxyClient>& proxies) {
    if (answer.status != 403 || !answer.forbidden_user || answer.forbidden_user->empty()) return false;
    return std::ranges::any_of(proxies, [&](const ProxyClient& proxy) {
        return !proxy.absent && proxy.leaf.common_name == *answer.forbidden_user;
    });
}

// The agreement of a canary that may do more than it should is worth no more than the probe's.
bool is_canary_powerful(const Observation& observation) {
    const auto& beyond = observation.canary_beyond;
    return observation.canary.is_system_masters || (beyond && (beyond->status == 404 || beyond->status == 200));
}

Identity stronger(Identity a, Identity b) {
    const auto rank = [](Identity identity) { return static_cast<int>(identity); };
    return rank(a) >= rank(b) ? a : b;
}

}  // namespace

Identity identity_at(const ApiCase& api, const Observation& observation, const std::vector<ProxyClient>& proxies) {
    const auto& caller = observation.caller;
    const bool certificate_is_masters = !proxies.empty() && std::ranges::all_of(proxies, [](const ProxyClient& proxy) {
        return std::ranges::find(proxy.leaf.organizations, "system:masters") != proxy.leaf.organizations.end();
    });
    const bool counts =
        !caller.user.empty() && !caller.is_system_masters && (is_service_account(caller) || certificate_is_masters);
    Identity found = Identity::unknown;
    for (const auto& through : api.through) {
        for (const auto* answers : {&through.attempts->discovery, &through.attempts->resource}) {
            for (const auto& answer : *answers) {
                found = stronger(found, from_pair(answer, counts));
                const bool is_other = caller.user.empty() || answer.forbidden_user != caller.user;
                if (is_other && names_proxy(answer, proxies)) found = Identity::named;
            }
        }
        // A ServiceAccount that may get one name is not system:masters, so its agreement counts.
        for (const auto& answer : through.attempts->canary) {
            found = stronger(found, from_pair(answer, !is_canary_powerful(observation)));
            if (names_proxy(answer, proxies)) found = Identity::named;
        }
    }
    return found;
}

}  // namespace aggmedic::probes
