#include <algorithm>

#include "probes/causes/rules.hpp"

// A 401 has an owner. The control request asks for nothing aggregated: what it refuses, kube-apiserver refuses itself.
namespace aggmedic::probes {

namespace {

// An apiserver that is still starting (readyz 500) may refuse anything; one that refuses us may refuse /readyz too.
bool speaks(const ApiserverView& apiserver) {
    if (!apiserver.readyz || !apiserver.control) return false;
    const auto status = apiserver.readyz->status;
    return status == 200 || status == 401 || status == 403;
}

bool refuses_us(const ApiserverView& apiserver) {
    const auto& control = *apiserver.control;
    return control.status == 401 || (control.status == 403 && control.forbidden_user == "system:anonymous");
}

Finding our_own_401(const ApiserverView& apiserver) {
    auto finding = make_finding("our-own-401", Confidence::certain, AllowList::wrong);
    const bool anonymous = apiserver.control->status == 403;
    add_evidence(finding,
                 anonymous ? "GET /api through " + through_name(apiserver) +
                                 " answers 403 to system:anonymous: no credential was recognised"
                           : "GET /api through " + through_name(apiserver) + " answers 401 to the probe's credential",
                 "answer", apiserver.master);
    rule_out(finding, "cn-not-allowed", "/api is not aggregated, and it refuses the same credential");
    return finding;
}

}  // namespace

void judge_credential(const Case& seen, Assessment& assessment) {
    std::vector<const ApiserverView*> refusing;
    std::size_t speaking = 0;
    for (const auto& apiserver : seen.observation.apiservers) {
        if (!speaks(apiserver)) continue;
        ++speaking;
        if (refuses_us(apiserver)) refusing.push_back(&apiserver);
    }
    if (refusing.empty()) return;
    if (refusing.size() == speaking) {
        auto finding = our_own_401(*refusing.front());
        for (std::size_t i = 1; i < refusing.size(); ++i) {
            const auto more = our_own_401(*refusing[i]);
            finding.evidence.insert(finding.evidence.end(), more.evidence.begin(), more.evidence.end());
        }
        assessment.findings.push_back(std::move(finding));
        return;
    }
    for (const auto* apiserver : refusing) {
        auto finding = our_own_401(*apiserver);
        finding.master = apiserver->master;
        assessment.findings.push_back(std::move(finding));
    }
}

}  // namespace aggmedic::probes
