#include <algorithm>

#include "probes/causes/rules.hpp"

// Faults of the published authentication configuration itself: what extension API servers read to know a front proxy.
namespace aggmedic::probes {

namespace {

bool publishes_user_header(const PublishedAuth& published) {
    return std::ranges::any_of(published.username_headers, [](const std::string& header) { return !header.empty(); });
}

// Adds the finding for each API that is refused, or for the cluster where none is (yet).
void add(const Case& seen, Assessment& assessment, const Finding& finding) {
    bool added = false;
    for (const auto& api : seen.apis) {
        if (!is_rejected(api, true)) continue;
        auto each = finding;
        each.apiservice = api.apiservice->name;
        add_api_evidence(each, api);
        assessment.findings.push_back(std::move(each));
        added = true;
    }
    if (added) return;
    auto cluster_wide = finding;
    cluster_wide.severity = Severity::warning;  // a fault that has not struck: running servers keep what they read
    assessment.findings.push_back(std::move(cluster_wide));
}

}  // namespace

void judge_published(const Case& seen, Assessment& assessment) {
    if (seen.published == nullptr) {
        const bool gone = std::ranges::any_of(seen.usable, [](const ApiserverView* view) {
            return !view->published && view->published.why().reason == "not-found";
        });
        if (!gone) return;
        auto finding = make_finding("auth-configmap-gone", Confidence::certain, AllowList::wrong);
        add_evidence(finding, "kube-system/extension-apiserver-authentication answers 404", "configmap");
        add(seen, assessment, finding);
        return;
    }
    if (!seen.published->has_requestheader_ca) {
        auto finding = make_finding("no-requestheader-ca", Confidence::certain, AllowList::wrong);
        add_evidence(finding, "the key requestheader-client-ca-file is missing", "configmap");
        add(seen, assessment, finding);
    } else if (!publishes_user_header(*seen.published)) {
        auto finding = make_finding("header-names-missing", Confidence::certain, AllowList::wrong);
        add_evidence(finding, "requestheader-username-headers names no header", "configmap");
        add(seen, assessment, finding);
    }
}

}  // namespace aggmedic::probes
