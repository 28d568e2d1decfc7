#include <fmt/format.h>

#include <algorithm>

#include "net/text.hpp"
#include "net/time.hpp"
#include "probes/causes/rules.hpp"
#include "probes/common_name.hpp"

// What SSH read of the live processes' certificates, against the published configuration: cn-not-allowed, wrong issuer,
// expired, wrong key usage, absent, and the identity collapse that follows. Structure decides; answers only say which
// APIs it strikes.
namespace aggmedic::probes {

namespace {

// Masters with the same fault of the same certificate name.
struct Fault {
    std::string_view cause;
    std::vector<const ProxyClient*> masters;
    const ProxyClient& first() const { return *masters.front(); }
};

std::vector<Fault> group_faults(const std::vector<ProxyClient>& read) {
    std::vector<Fault> faults;
    for (const auto& proxy : read) {
        for (const auto cause : proxy.causes()) {
            const auto same = [&](const Fault& fault) {
                return fault.cause == cause && fault.first().leaf.common_name == proxy.leaf.common_name;
            };
            const auto at = std::ranges::find_if(faults, same);
            if (at == faults.end()) {
                faults.push_back({.cause = cause, .masters = {&proxy}});
            } else {
                at->masters.push_back(&proxy);
            }
        }
    }
    return faults;
}

void explain_chain(Finding& finding, const ProxyClient& proxy) {
    const auto& leaf = proxy.leaf;
    const auto valid = fmt::format("valid from {} to {}", to_rfc3339(leaf.not_before), to_rfc3339(leaf.not_after));
    if (finding.cause == "proxy-cert-wrong-issuer") {
        add_evidence(finding,
                     "the proxy-client certificate, issued by " + quoted(leaf.issuer) +
                         ", does not lead to a published requestheader CA",
                     "ssh", proxy.master);
        rule_out(finding, "cn-not-allowed", "names are compared only after the issuer");
    } else if (finding.cause == "proxy-cert-expired") {
        add_evidence(finding, "the proxy-client certificate is " + valid, "ssh", proxy.master);
        if (!proxy.has("proxy-cert-wrong-issuer"))
            rule_out(finding, "proxy-cert-wrong-issuer",
                     "apart from the dates it leads to a published requestheader CA");
        rule_out(finding, "cn-not-allowed", "names are compared only after the dates");
    } else if (finding.cause == "clock-skew") {
        add_evidence(finding, "the proxy-client certificate is not valid yet: " + valid, "ssh", proxy.master);
        rule_out(finding, "cn-not-allowed", "names are compared only after the dates");
    } else if (finding.cause == "wrong-key-usage") {
        add_evidence(finding, "the proxy-client certificate's extended key usage has no clientAuth", "ssh",
                     proxy.master);
        if (proxy.fault == ChainFault::wrong_usage) {
            rule_out(finding, "proxy-cert-wrong-issuer", "it leads to a published requestheader CA");
            rule_out(finding, "proxy-cert-expired", "it is " + valid);
        }
    } else if (finding.cause == "no-proxy-client-cert") {
        add_evidence(finding, "the live process runs without --proxy-client-cert-file", "ssh", proxy.master);
        rule_out(finding, "cn-not-allowed", "there is no certificate whose name could be allowed");
    } else if (proxy.fault == ChainFault::none) {
        add_evidence(finding, "it leads to a published requestheader CA, may authenticate clients, and is " + valid,
                     "ssh", proxy.master);
        rule_out(finding, "proxy-cert-wrong-issuer", "the chain leads to a published requestheader CA");
        rule_out(finding, "proxy-cert-expired", "the certificate is " + valid);
        rule_out(finding, "wrong-key-usage", "the certificate may authenticate clients");
        if (const auto refusal = common_name_refusal(leaf.common_name); !refusal.empty()) {
            add_evidence(finding, "no name can be added for it: " + refusal, "ssh", proxy.master);
            finding.remedy = "Reissue the proxy-client certificate with an allowed CN.";
        }
    }
}

Finding base_finding(const Case& seen, const Fault& fault) {
    const auto allow_list =
        fault.cause == "cn-not-allowed" ? allow_list_for(seen, fault.first().leaf.common_name) : AllowList::wrong;
    auto finding = make_finding(fault.cause, Confidence::certain, allow_list);
    for (const auto* proxy : fault.masters) {
        if (proxy->absent) continue;
        add_name_evidence(finding, seen, *proxy);
        break;
    }
    for (const auto* proxy : fault.masters) {
        explain_chain(finding, *proxy);
        if (proxy != fault.masters.back()) finding.rules_out.clear();  // the last one's stand for all
    }
    const bool is_renewed = std::ranges::any_of(fault.masters, &ProxyClient::is_renewed);
    if (is_renewed) {
        finding.confidence = Confidence::ambiguous;
        finding.allow_list = AllowList::wrong;
        finding.candidates = {finding.cause, "proxy-cert-expired"};
        if (finding.cause == "proxy-cert-expired") finding.candidates.pop_back();
        finding.rules_out.clear();
        add_renewal_evidence(finding, seen);
    }
    const bool is_disputed = std::ranges::any_of(fault.masters, &ProxyClient::dates_disputed);
    if (is_disputed && fault.cause == "proxy-cert-expired") {
        finding.confidence = Confidence::ambiguous;
        finding.candidates = {"proxy-cert-expired", "clock-skew"};
        add_evidence(finding, "the clocks disagree: by one of them the certificate is still valid", "answer");
        std::erase_if(finding.rules_out, [](const RuledOut& each) { return each.cause == "cn-not-allowed"; });
    } else if (is_disputed && fault.cause == "cn-not-allowed") {
        finding.confidence = Confidence::ambiguous;
        finding.allow_list = AllowList::wrong;
        finding.candidates = {"cn-not-allowed", "clock-skew"};
        add_evidence(finding, "the clocks disagree: by one of them the certificate is not valid now", "answer");
        std::erase_if(finding.rules_out, [](const RuledOut& each) { return each.cause == "proxy-cert-expired"; });
    }
    rule_out(finding, "our-own-401", "/api answers 200 to the same credential");
    return finding;
}

bool answers_well(const ApiCase& api, const Fault& fault) {
    return api.works() && std::ranges::any_of(api.through, [&](const Through& through) {
               const auto& master = through.apiserver->master;
               return through.fine() > 0 &&
                      (master.empty() ||
                       std::ranges::any_of(fault.masters, [&](const auto* proxy) { return proxy->master == master; }));
           });
}

// The identity that an API takes callers for under this fault; `caller` also where the fault does not reach it.
std::optional<Identity> collapsed(const Case& seen, const ApiCase& api, const Fault& fault) {
    std::vector<ProxyClient> proxies;
    for (const auto* proxy : fault.masters) proxies.push_back(*proxy);
    const auto identity = identity_at(api, seen.observation, proxies);
    if (identity == Identity::named || identity == Identity::masked) return identity;
    const bool logs_in = std::ranges::any_of(fault.masters, &ProxyClient::logs_in);
    // An agreeing pair is an extension API server that still holds the name, whatever is published now.
    if (identity == Identity::caller || !logs_in || !answers_well(api, fault)) return std::nullopt;
    return identity;
}

// One finding for the cluster when every master that was read has the fault, else one for each master.
void add_for_masters(const Case& seen, const Fault& fault, const Finding& finding, Assessment& assessment) {
    if (fault.masters.size() == seen.read.size()) {
        assessment.findings.push_back(finding);
        return;
    }
    for (const auto* proxy : fault.masters) {
        auto each = finding;
        each.master = proxy->master;
        assessment.findings.push_back(std::move(each));
    }
}

void judge_fault(const Case& seen, const Fault& fault, Assessment& assessment) {
    const auto base = base_finding(seen, fault);
    bool struck = false;
    for (const auto& api : seen.apis) {
        const auto identity = collapsed(seen, api, fault);
        const bool logs_in = std::ranges::any_of(fault.masters, &ProxyClient::logs_in);
        if (!identity && !accounts_for(fault.cause, api, logs_in)) continue;
        struck = true;
        auto finding = base;
        finding.apiservice = api.apiservice->name;
        add_api_evidence(finding, api);
        rule_out(finding, "no-backend", "the extension API server was reached");
        add_for_masters(seen, fault, finding, assessment);
        if (!identity) continue;
        // A permission check for the canary speaks against what the files and the 200 suggest: the extension API server
        // may still hold an older configuration.
        const bool is_doubted = *identity == Identity::unknown && timed_identity_at(api, seen) == Identity::caller;
        const auto confidence = is_doubted ? Confidence::probable : Confidence::certain;
        assessment.findings.push_back(
            identity_collapse(seen, api, *identity, fault.first().leaf.common_name, confidence, fault.cause));
    }
    if (struck) return;
    // No API suffers from it: there is none, or they hold an older configuration. It strikes at their next restart.
    auto finding = base;
    finding.severity = Severity::warning;
    add_for_masters(seen, fault, finding, assessment);
}

}  // namespace

void judge_read_certificates(const Case& seen, Assessment& assessment) {
    // Without a CA that could be read, no chain says anything.
    if (seen.published == nullptr || seen.published->requestheader_ca.empty()) return;
    for (const auto& fault : group_faults(seen.read)) judge_fault(seen, fault, assessment);
}

}  // namespace aggmedic::probes
