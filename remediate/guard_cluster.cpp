#include <algorithm>

#include "net/text.hpp"
#include "remediate/guard.hpp"
#include "remediate/platform_words.hpp"

// Gates about the cluster as a whole: how fresh and how complete the view is, and whether there is something to change.
namespace aggmedic::remediate {
namespace {

constexpr std::chrono::minutes observation_age_max{2};

Refusal refusal(std::string_view gate, const Facts& facts, std::string reason) {
    return {.gate = std::string(gate), .subject = facts.input.observation.cluster, .reason = std::move(reason)};
}

}  // namespace

std::optional<Refusal> gate_observation(const Facts& facts) {
    const auto age = facts.input.now - facts.input.observation.started;
    if (age >= std::chrono::milliseconds(0) && age <= observation_age_max) return std::nullopt;
    return refusal("observation", facts, "The cluster was last looked at more than 2 minutes ago: plan again.");
}

std::optional<Refusal> gate_platform(const Facts& facts) {
    const auto& platform = facts.input.observation.platform;
    if (probes::find_platform(platform) == nullptr) return refusal("platform", facts, not_edited(platform));
    for (const auto& master : facts.input.masters) {
        const auto* view = facts.view(master);
        if (view != nullptr && view->platform != platform) return refusal("platform", facts, not_edited("mixed"));
    }
    return std::nullopt;
}

std::optional<Refusal> gate_method(const Facts& facts) {
    const auto& method = facts.input.method;
    if (method == "args" || method == "configmap" || (method == "revert" && facts.is_revert())) return std::nullopt;
    return refusal("method", facts, "Only the methods args and configmap are known: plan with --method args.");
}

std::optional<Refusal> gate_masters_listed(const Facts& facts) {
    const auto& masters = facts.input.masters;
    if (masters.empty()) return refusal("masters-listed", facts, "No master is configured: list every one of them.");
    for (const auto& [name, view] : facts.input.observation.masters) {
        if (std::ranges::find(masters, name) == masters.end()) {
            return refusal("masters-listed", facts,
                           "Master " + printable(name, 64) + " was seen and is not configured: plan again.");
        }
    }
    return std::nullopt;
}

std::optional<Refusal> gate_kubernetes_version(const Facts& facts) {
    std::optional<std::string> version;
    for (const auto& master : facts.input.masters) {
        const auto* apiserver = facts.apiserver(master);
        if (apiserver == nullptr || !apiserver->version || !kubernetes_minor(*apiserver->version)) {
            return refusal("kubernetes-version", facts,
                           "The version of " + master + " is not known: its /version must be readable.");
        }
        if (version && *version != *apiserver->version) {
            return refusal("kubernetes-version", facts, "The masters run different versions: let the upgrade finish.");
        }
        version = *apiserver->version;
    }
    return std::nullopt;
}

std::optional<Refusal> gate_configmap(const Facts& facts) {
    const auto* published = facts.published();
    if (published == nullptr) {
        return refusal("configmap", facts,
                       "The published authentication config could not be read: let the probe get the ConfigMap "
                       "kube-system/extension-apiserver-authentication.");
    }
    if (published->allowed_names_malformed) {
        return refusal("configmap", facts,
                       "The published allowed names are no JSON list, and the masters leave such a value alone: "
                       "correct it by hand.");
    }
    if (!published->malformed.empty()) {
        return refusal("configmap", facts,
                       "The published " + printable(published->malformed.begin()->first, 64) +
                           " cannot be read, and extension API servers may refuse the whole configuration for it: "
                           "correct it first.");
    }
    if (!published->allowed_names || published->allowed_names->empty()) {
        return refusal("configmap", facts,
                       "No allowed names are published, so any name is accepted: adding one would narrow access. See "
                       "the runbook of "
                       "open-door.");
    }
    if (!published->has_requestheader_ca || published->requestheader_ca.empty()) {
        return refusal("configmap", facts, "No requestheader CA is published: a name would change nothing.");
    }
    return std::nullopt;
}

std::optional<Refusal> gate_something_to_edit(const Facts& facts) {
    if (!facts.calls_for_repair() || !facts.common_name || facts.edits.size() != facts.input.masters.size())
        return std::nullopt;
    if (std::ranges::any_of(facts.input.masters, [&](const std::string& master) { return facts.is_to_edit(master); })) {
        return std::nullopt;
    }
    return refusal(
        "something-to-edit", facts,
        "Every master's file carries the name already: what is left is not in the arguments. Look at the published "
        "ConfigMap and at webhooks that may block its update.");
}

std::optional<Refusal> gate_single_master(const Facts& facts) {
    if (facts.input.masters.size() != 1 || facts.acceptance("single-master", {}) != nullptr) return std::nullopt;
    if (!facts.is_to_change(facts.input.masters.front()) && facts.input.method != "args") return std::nullopt;
    return refusal(
        "single-master", facts,
        "There is one master, so its restart takes the whole API away: accept it with --accept-risk single-master.");
}

}  // namespace aggmedic::remediate
