#include <algorithm>
#include <array>

#include "net/text.hpp"
#include "probes/causes/rules.hpp"

// Faults of the published authentication configuration itself: what extension API servers read to know a front proxy.
namespace aggmedic::probes {

namespace {

// kube-apiserver always sends these three; what is published has to name them (HTTP's case does not matter).
struct Header {
    std::string_view key, sent;
    const std::vector<std::string> PublishedAuth::* published;
};
constexpr std::array<Header, 3> sent_headers{{
    {"requestheader-username-headers", "x-remote-user", &PublishedAuth::username_headers},
    {"requestheader-group-headers", "x-remote-group", &PublishedAuth::group_headers},
    {"requestheader-extra-headers-prefix", "x-remote-extra-", &PublishedAuth::extra_headers_prefixes},
}};

std::vector<const Header*> missing_headers(const PublishedAuth& published) {
    std::vector<const Header*> missing;
    for (const auto& header : sent_headers) {
        if (published.malformed.contains(std::string(header.key))) continue;  // unknown, not missing
        const auto is_it = [&](const std::string& name) { return to_lower(name) == header.sent; };
        if (std::ranges::none_of(published.*header.published, is_it)) missing.push_back(&header);
    }
    return missing;
}

bool is_empty(const PublishedAuth& published) {
    return !published.has_requestheader_ca && !published.has_client_ca && !published.allowed_names &&
           !published.allowed_names_malformed && published.malformed.empty() && published.username_headers.empty();
}

// Adds the finding for each API that is refused, or for the cluster where none is (yet).
void add(const Case& seen, Assessment& assessment, const Finding& finding) {
    bool added = false;
    for (const auto& api : seen.apis) {
        if (!is_rejected(api)) continue;
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

void judge_headers(const Case& seen, Assessment& assessment) {
    const auto missing = missing_headers(*seen.published);
    if (missing.empty()) return;
    auto finding = make_finding("header-names-missing", Confidence::certain, AllowList::wrong);
    for (const auto* header : missing) {
        add_evidence(finding,
                     std::string(header->key) + " is " + listed(seen.published->*(header->published)) +
                         ", and kube-apiserver sends " + std::string(header->sent),
                     "configmap");
    }
    // Without the user's header nobody is known; without the others a caller only loses groups or extras.
    const bool is_user = missing.front() == sent_headers.data();
    if (is_user) return add(seen, assessment, finding);
    finding.severity = Severity::warning;
    assessment.findings.push_back(std::move(finding));
}

}  // namespace

bool is_config_map_gone(const Case& seen) {
    if (seen.published != nullptr) return is_empty(*seen.published);
    return std::ranges::any_of(seen.usable, [](const ApiserverView* view) {
        return !view->published && view->published.why().reason == "not-found";
    });
}

void judge_published(const Case& seen, Assessment& assessment) {
    if (seen.published == nullptr) {
        if (!is_config_map_gone(seen)) return;
        auto finding = make_finding("auth-configmap-gone", Confidence::certain, AllowList::wrong);
        add_evidence(finding, "kube-system/extension-apiserver-authentication answers 404", "configmap");
        add(seen, assessment, finding);
        return;
    }
    if (is_empty(*seen.published)) {
        auto finding = make_finding("auth-configmap-gone", Confidence::certain, AllowList::wrong);
        add_evidence(finding, "kube-system/extension-apiserver-authentication exists and holds none of its keys",
                     "configmap");
        add(seen, assessment, finding);
    } else if (!seen.published->has_requestheader_ca) {
        auto finding = make_finding("no-requestheader-ca", Confidence::certain, AllowList::wrong);
        add_evidence(finding, "the key requestheader-client-ca-file is missing", "configmap");
        add(seen, assessment, finding);
    } else {
        judge_headers(seen, assessment);
    }
}

}  // namespace aggmedic::probes
