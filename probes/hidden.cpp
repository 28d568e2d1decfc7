#include "probes/hidden.hpp"

#include <algorithm>
#include <array>

#include "net/text.hpp"
#include "probes/causes/rules.hpp"

namespace aggmedic::probes {

namespace {

bool is_any(std::string_view cause, std::initializer_list<std::string_view> causes) {
    return std::ranges::find(causes, cause) != causes.end();
}

bool rests_on(const Finding& finding, std::string_view source) {
    return std::ranges::any_of(finding.evidence, [&](const Evidence& evidence) { return evidence.source == source; });
}

bool is_about_trust(const Finding& finding) {
    return finding.cause == "identity-collapse" || is_trust_cause(finding.cause) ||
           std::ranges::any_of(finding.candidates, [](const std::string& each) { return is_trust_cause(each); });
}

// The files and the ConfigMap have proved the cause before and do not show it any more, at no API.
bool is_proven_over(const Finding& finding, const Gaps& gaps) {
    const bool follows = !finding.consequence_of.empty() && gaps.proven_apis.contains(finding.apiservice);
    if (!follows && !is_structural(finding)) return false;
    const auto& root = follows ? finding.consequence_of : finding.cause;
    return std::ranges::find(gaps.assessment.findings, root, &Finding::cause) == gaps.assessment.findings.end();
}

// The aggregated API that a fact is about; empty: none in particular.
std::string_view api_of(const UnobservedFact& fact) {
    constexpr std::array<std::string_view, 7> beginnings{
        "aggregated API ", "canary at ", "namespace of ", "service of ", "endpoints of ", "pods of ", "logs of "};
    for (const auto beginning : beginnings) {
        if (fact.what.starts_with(beginning)) return std::string_view(fact.what).substr(beginning.size());
    }
    return {};
}

bool is_at(std::string_view api, const Finding& finding) {
    return api == printable(finding.apiservice, 256);
}

bool is_of_another_master(const UnobservedFact& fact, const Finding& finding) {
    return !fact.master.empty() && !finding.master.empty() && fact.master != finding.master;
}

bool hides_by_cause(const UnobservedFact& fact, const Finding& finding) {
    if (is_of_another_master(fact, finding)) return false;
    const auto api = api_of(fact);
    if (!api.empty() && !finding.apiservice.empty() && !is_at(api, finding)) return false;
    return std::ranges::find(fact.causes, finding.cause) != fact.causes.end();
}

bool hides_of_published(std::string_view part, const Finding& finding) {
    if (part == "client-ca-file") return is_any(finding.cause, {"identity-collapse", "shared-ca"});
    if (part == "allowed names")
        return is_any(finding.cause, {"cn-not-allowed", "identity-collapse", "open-door", "unexplained-trust",
                                      "superfluous-name", "apiserver-refuses-start", "last-writer-wins"});
    if (part.ends_with("-headers") || part.ends_with("-headers-prefix")) return finding.cause == "header-names-missing";
    return is_about_trust(finding) || rests_on(finding, "configmap");  // the CA, or all of it
}

bool hides_of_master(const UnobservedFact& fact, const Finding& finding) {
    const bool is_about_ssh =
        is_any(fact.what, {"master over SSH", "kube-apiserver process", "proxy-client certificate"});
    if (!finding.master.empty()) return finding.master == fact.master;
    return finding.cause == "masters-differ" || (is_about_ssh && rests_on(finding, "ssh"));
}

bool hides(const UnobservedFact& fact, const Finding& finding, const Gaps& gaps) {
    constexpr std::string_view published = "the published ";
    const std::string_view what = fact.what;
    const auto& api = finding.apiservice;
    if (!fact.causes.empty()) return hides_by_cause(fact, finding) && !is_proven_over(finding, gaps);
    if (is_any(what, {"version", "aggregator metrics", "connections to the server address"})) return false;
    if (what.starts_with("identity ") || what.starts_with("canary ")) {
        const bool is_identity = is_any(finding.cause, {"identity-collapse", "cn-not-allowed"});
        const bool is_here = api_of(fact).empty() || api.empty() || is_at(api_of(fact), finding);
        return is_identity && is_here && !is_proven_over(finding, gaps);
    }
    if (what.starts_with("aggregated API "))
        return is_at(api_of(fact), finding) && !is_of_another_master(fact, finding) && !is_proven_over(finding, gaps);
    if (what.ends_with(" more APIServices"))
        return !api.empty() && (!gaps.listed || !gaps.listed->names.contains(api)) && !is_proven_over(finding, gaps);
    if (what == "the list of APIServices")
        return (!api.empty() || finding.cause == "masters-differ" || rests_on(finding, "apiservice") ||
                rests_on(finding, "answer")) &&
               !is_proven_over(finding, gaps);
    if (what.starts_with(published)) return hides_of_published(what.substr(published.size()), finding);
    if (what == "apiserver" && fact.master.empty()) return finding.cause == "our-own-401";
    return fact.master.empty() || hides_of_master(fact, finding);
}

}  // namespace

bool is_structural(const Finding& finding) {
    return is_trust_cause(finding.cause) && rests_on(finding, "ssh");
}

bool is_known(const Finding& finding, const Gaps& gaps) {
    return std::ranges::none_of(gaps.assessment.unobserved,
                                [&](const UnobservedFact& fact) { return hides(fact, finding, gaps); });
}

}  // namespace aggmedic::probes
