#include <set>

#include "probes/causes/rules.hpp"

// Up to Kubernetes 1.16 each kube-apiserver writes its own values at its start, and the last one wins: a name that one
// master lacks comes and goes with restarts, whatever is added to the others (k/k#82429).
namespace aggmedic::probes {

void judge_last_writer(const Case& seen, Assessment& assessment) {
    constexpr int union_since = 17;
    if (!seen.minor || *seen.minor >= union_since || seen.read.size() < 2 || !seen.has_names()) return;
    using Names = std::set<std::string>;
    const auto names_of = [](const ProxyClient& proxy) {
        return Names(proxy.flag_names.begin(), proxy.flag_names.end());
    };
    const Names published(seen.published->allowed_names->begin(), seen.published->allowed_names->end());
    std::string writer;
    bool differ = false;
    for (const auto& proxy : seen.read) {
        differ = differ || names_of(proxy) != names_of(seen.read.front());
        if (names_of(proxy) == published) writer = proxy.master;
    }
    if (!differ || writer.empty()) return;
    auto finding = make_finding("last-writer-wins", Confidence::certain, AllowList::wrong);
    add_evidence(finding, "published are " + listed(*seen.published->allowed_names) + ", what this master's flags say",
                 "configmap", writer);
    for (const auto& proxy : seen.read)
        add_evidence(finding, "the live process allows " + listed(proxy.flag_names), "ssh", proxy.master);
    for (auto& other : assessment.findings) {
        if (other.cause != "cn-not-allowed" || other.confidence != Confidence::certain) continue;
        other.consequence_of = finding.cause;
        other.allow_list = AllowList::wrong;
        other.remedy = finding.remedy;
        if (!other.apiservice.empty()) finding.severity = Severity::critical;
        std::erase_if(other.rules_out, [&](const RuledOut& each) { return each.cause == finding.cause; });
    }
    assessment.findings.insert(assessment.findings.begin(), std::move(finding));
}

}  // namespace aggmedic::probes
