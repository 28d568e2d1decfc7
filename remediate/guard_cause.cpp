#include <algorithm>
#include <set>

#include "net/text.hpp"
#include "probes/common_name.hpp"
#include "remediate/guard.hpp"

// Gates about the diagnosis and the name: only one cause is repaired by a name on the list, and only for one name.
namespace aggmedic::remediate {
namespace {

using probes::AllowList;
using probes::Confidence;
using probes::Finding;
using probes::FindingClass;
using probes::Severity;

Refusal refusal(std::string_view gate, const Facts& facts, std::string reason) {
    return {.gate = std::string(gate), .subject = facts.input.observation.cluster, .reason = std::move(reason)};
}

bool a_name_would_help(const Finding& finding) {
    return finding.allow_list == AllowList::right || finding.allow_list == AllowList::dangerous;
}

// What follows from it and goes with it.
bool is_consequence(const Finding& finding) {
    return (finding.cause == "identity-collapse" || finding.cause == "masters-differ") &&
           finding.consequence_of == "cn-not-allowed";
}

}  // namespace

bool is_repairable(const Finding& finding) {
    if (finding.confidence != Confidence::certain || !a_name_would_help(finding)) return false;
    if (finding.finding_class != FindingClass::fault) return false;
    if (!finding.consequence_of.empty() && finding.consequence_of != "cn-not-allowed") return false;
    return finding.cause == "cn-not-allowed" || finding.cause == "masters-differ";
}

std::optional<Refusal> gate_diagnosis(const Facts& facts) {
    if (!facts.calls_for_repair()) return std::nullopt;
    std::set<std::string> names;
    const Finding* unsure = nullptr;
    for (const auto& finding : facts.input.assessment.findings) {
        if (is_repairable(finding)) names.insert(finding.common_name);
        if (finding.cause == "cn-not-allowed" && !is_repairable(finding)) unsure = &finding;
    }
    if (names.size() > 1) {
        return refusal(
            "diagnosis", facts,
            "Several names are missing; one list entry cannot repair them: see the runbook of cn-not-allowed.");
    }
    if (unsure != nullptr && unsure->confidence != Confidence::certain) {
        return refusal("diagnosis", facts,
                       "cn-not-allowed is inferred and not certain: the masters must be readable over SSH.");
    }
    if (unsure != nullptr)
        return refusal("diagnosis", facts, "No name can be added for this certificate: reissue it with an allowed CN.");
    if (names.size() == 1) return std::nullopt;
    return refusal("diagnosis", facts,
                   "A name on the list would repair nothing here: aggmedic explain " + facts.input.observation.cluster +
                       " says why.");
}

std::optional<Refusal> gate_competing_cause(const Facts& facts) {
    for (const auto& finding : facts.input.assessment.findings) {
        if (is_repairable(finding) || (is_consequence(finding) && finding.confidence == Confidence::certain)) continue;
        // Whatever else was found, a warning too: the plan's ground is that this is the one cause.
        if (finding.finding_class == FindingClass::security) continue;
        if (finding.severity == Severity::info && finding.confidence != Confidence::ambiguous) continue;
        if (finding.cause == "cn-not-allowed" && finding.consequence_of.empty() &&
            finding.confidence != Confidence::ambiguous)
            continue;                                      // that one is the diagnosis gate's
        if (finding.cause == "pending-restart") continue;  // unapplied-edits asks of each master what it means
        const std::string where = finding.apiservice.empty() ? "" : " at " + printable(finding.apiservice, 128);
        return refusal(
            "competing-cause", facts,
            printable(finding.cause, 64) + where +
                " was found too, and the allow-list does not explain it: resolve that first (aggmedic explain).");
    }
    return std::nullopt;
}

std::optional<Refusal> gate_common_name(const Facts& facts) {
    if (!facts.calls_for_repair() || facts.published() == nullptr) return std::nullopt;
    std::set<std::string> names;
    for (const auto& master : facts.input.masters) {
        const auto* proxy = facts.proxy(master);
        if (proxy != nullptr && !proxy->absent) names.insert(proxy->leaf.common_name);
    }
    if (names.size() > 1) {
        return refusal("common-name", facts,
                       "The masters present certificates with different CNs: give them one, or see the runbook.");
    }
    if (names.empty()) return std::nullopt;  // the certificate gate names each master
    if (const auto why = probes::common_name_refusal(*names.begin()); !why.empty()) {
        return refusal("common-name", facts,
                       printable(why, 256) + ": reissue the proxy-client certificate with an allowed CN.");
    }
    for (const auto& finding : facts.input.assessment.findings) {
        if (is_repairable(finding) && finding.common_name != *names.begin()) {
            return refusal("common-name", facts,
                           "The finding and the masters' certificates name different CNs: plan again.");
        }
    }
    return std::nullopt;
}

std::optional<Refusal> gate_shared_ca(const Facts& facts) {
    if (!facts.common_name) return std::nullopt;
    for (const auto& ca : facts.shared_ca_sha256) {
        if (facts.acceptance("shared-ca", ca) != nullptr) continue;
        return Refusal{.gate = "shared-ca",
                       .subject = ca,
                       .reason = "This CA issues client certificates too: whoever holds one with CN " +
                                 printable(*facts.common_name, 128) +
                                 " could act as anybody at the extension API servers. Accept it for this CA and CN in "
                                 "accept_risk (with an end "
                                 "date) or with --accept-risk shared-ca, or separate the CAs."};
    }
    return std::nullopt;
}

}  // namespace aggmedic::remediate
