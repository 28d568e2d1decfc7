#include <algorithm>

#include "net/text.hpp"
#include "remediate/guard.hpp"

// Gates about the aggregated APIs: a repair is judged by their answers, so each of them has to be known before.
namespace aggmedic::remediate {
namespace {

Refusal refusal(const Facts& facts, std::string reason) {
    return {.gate = "aggregated-apis-known", .subject = facts.input.observation.cluster, .reason = std::move(reason)};
}

bool is_ready(const probes::ApiserverView* apiserver) {
    return apiserver != nullptr && apiserver->readyz && apiserver->readyz->status == 200;
}

bool is_known_through(const probes::ApiCase& api, const std::string& master) {
    return std::ranges::any_of(api.through, [&](const probes::Through& through) {
        return through.apiserver->master == master && through.known();
    });
}

}  // namespace

std::optional<Refusal> gate_aggregated_apis(const Facts& facts) {
    const auto* listed = facts.input.observation.apiservices();
    if (listed == nullptr) {
        return refusal(facts,
                       "The list of APIServices could not be read, so nothing would show what the repair does: let the "
                       "probe list apiservices.apiregistration.k8s.io.");
    }
    const auto& apiservers = facts.input.observation.apiservers;
    if (std::ranges::any_of(apiservers, [](const auto& each) { return each.apiservices_left_out > 0; })) {
        return refusal(facts,
                       "There are more APIServices than are looked at: narrow them with apiservices.include, so that "
                       "every one that counts is known.");
    }
    if (listed->empty() && facts.calls_for_repair()) {
        return refusal(facts,
                       "No aggregated API is listed, so nothing would show that the repair worked: see what "
                       "apiservices.include and exclude leave.");
    }
    for (const auto& api : facts.seen.apis) {
        for (const auto& master : facts.input.masters) {
            // Of one that is not ready, master-ready says so.
            if (!is_ready(facts.apiserver(master)) || is_known_through(api, master)) continue;
            return refusal(facts, printable(api.apiservice->name, 256) +
                                      " gave no answer that tells anything through " + printable(master, 64) +
                                      ": wait until it does, or leave it out with " + "apiservices.exclude.");
        }
    }
    return std::nullopt;
}

}  // namespace aggmedic::remediate
