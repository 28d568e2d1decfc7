#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "net/time.hpp"
#include "probes/causes/rules.hpp"

// Everything works, and somebody is let in, or will be shut out: findings of the class security, on healthy clusters
// too.
namespace aggmedic::probes {

namespace {

using Names = std::set<std::string>;

Finding make_security(std::string_view cause, Severity severity, AllowList allow_list = AllowList::none) {
    auto finding = make_finding(cause, Confidence::certain, allow_list);
    finding.finding_class = FindingClass::security;
    finding.severity = severity;
    return finding;
}

std::vector<std::string> fingerprints(const MasterView& master, std::string_view flag) {
    std::vector<std::string> found;
    for (const auto& file : master.files) {
        if (file.flag != flag) continue;
        for (const auto& certificate : file.certificates) found.push_back(certificate.sha256);
    }
    return found;
}

// AGG-04: what kube-apiserver 1.35 compares at its start (k/k#131411).
void judge_upgrade(const Case& seen, Assessment& assessment) {
    for (const auto& [name, master] : seen.observation.masters) {
        if (!master) continue;
        if (master->start_faults &&
            std::ranges::find(*master->start_faults, "ca-overlap") != master->start_faults->end()) {
            auto finding = make_finding("apiserver-refuses-start", Confidence::certain, AllowList::right);
            finding.master = name;
            add_evidence(finding, "its last start ended with the refusal of the shared CA and the empty names", "ssh",
                         name);
            assessment.findings.push_back(std::move(finding));
            continue;
        }
        if (!master->process || !allowed_names(master->process->arguments.flags).empty()) continue;
        const auto client = fingerprints(*master, "client-ca-file");
        const auto requestheader = fingerprints(*master, "requestheader-client-ca-file");
        if (std::ranges::find_first_of(requestheader, client) == requestheader.end()) continue;
        auto finding = make_security("apiserver-refuses-start", Severity::warning, AllowList::dangerous);
        finding.master = name;
        add_evidence(finding,
                     "no allowed names, and a requestheader CA is also a client CA: it would not start under "
                     "Kubernetes 1.35",
                     "ssh", name);
        assessment.findings.push_back(std::move(finding));
    }
}

void judge_shared_ca(const Case& seen, Assessment& assessment) {
    if (!seen.shared_ca || !seen.shared_ca_known || seen.published->allowed_names_malformed) return;
    const bool open = !seen.published->allowed_names || seen.published->allowed_names->empty();
    auto finding = make_security(open ? "open-door" : "shared-ca", Severity::warning,
                                 open ? AllowList::dangerous : AllowList::none);
    add_evidence(finding, "a requestheader CA is also a client CA", "configmap");
    if (open) {
        add_evidence(finding, "no allowed names are published: every client certificate passes as a front proxy",
                     "configmap");
    } else {
        const auto& names = *seen.published->allowed_names;
        add_evidence(finding, "the published allowed names are " + listed(names), "configmap");
        if (std::ranges::find(names, "") != names.end())
            add_evidence(finding,
                         "one of them is empty (a trailing comma in the arguments): a certificate without CN passes",
                         "configmap");
    }
    assessment.findings.push_back(std::move(finding));
}

// What is published and no master's arguments account for: nothing ever shrinks it (>= 1.17).
void judge_unexplained(const Case& seen, Assessment& assessment) {
    Names names, authorities;
    for (const auto& proxy : seen.read) names.insert(proxy.flag_names.begin(), proxy.flag_names.end());
    for (const auto& [name, master] : seen.observation.masters) {
        const auto found = fingerprints(*master, "requestheader-client-ca-file");
        if (found.empty()) return;  // not seen
        authorities.insert(found.begin(), found.end());
    }
    std::vector<std::string> strange;
    if (seen.published->allowed_names) {
        for (const auto& name : *seen.published->allowed_names) {
            if (!names.contains(name)) strange.push_back(name);
        }
    }
    std::vector<std::string> strange_cas;
    for (const auto& ca : seen.published->requestheader_ca) {
        if (!authorities.contains(ca.sha256)) strange_cas.push_back(ca.subject + " " + ca.sha256.substr(0, 16));
    }
    if (strange.empty() && strange_cas.empty()) return;
    auto finding = make_security("unexplained-trust", Severity::warning);
    if (!strange.empty())
        add_evidence(finding, "published names that no master's arguments hold: " + listed(strange), "configmap");
    // A recreated master, or a ConfigMap that was repaired alone: a deleted ConfigMap is built anew from arguments.
    for (const auto& proxy : seen.read) {
        if (proxy.absent || std::ranges::find(strange, proxy.leaf.common_name) == strange.end()) continue;
        add_evidence(finding,
                     "the proxy-client certificate in use has CN " + quoted(proxy.leaf.common_name) +
                         ": it is believed only until the ConfigMap is built anew",
                     "ssh", proxy.master);
    }
    if (!strange_cas.empty())
        add_evidence(finding, "published CAs that no master's file holds: " + listed(strange_cas), "configmap");
    assessment.findings.push_back(std::move(finding));
}

// A name that was added for a certificate which the platform has replaced since. The first entry is the platform's own.
void judge_superfluous(const Case& seen, Assessment& assessment) {
    Names used, serving;
    for (const auto& proxy : seen.read) {
        if (!proxy.causes().empty()) return;
        used.insert(proxy.leaf.common_name);
    }
    for (const auto* apiserver : seen.usable) {
        if (!apiserver->serving || apiserver->serving->empty()) continue;
        const auto& leaf = apiserver->serving->front();
        serving.insert(leaf.common_name);
        serving.insert(leaf.dns_names.begin(), leaf.dns_names.end());
    }
    Names superfluous;
    for (const auto& proxy : seen.read) {
        for (std::size_t i = 1; i < proxy.flag_names.size(); ++i) {
            const auto& name = proxy.flag_names[i];
            if (!used.contains(name) && serving.contains(name)) superfluous.insert(name);
        }
    }
    if (superfluous.empty()) return;
    auto finding = make_security("superfluous-name", Severity::info);
    add_evidence(finding,
                 "the masters' arguments allow " + listed({superfluous.begin(), superfluous.end()}) +
                     ", and every proxy-client certificate has another CN that is allowed",
                 "ssh");
    assessment.findings.push_back(std::move(finding));
}

struct Ending {
    Certificate certificate;
    std::string what, source, master;
};

void judge_ending(const Case& seen, const Ending& ending, Assessment& assessment) {
    using std::chrono::days;
    const auto left = ending.certificate.not_after - seen.true_now();
    if (left <= std::chrono::milliseconds(0) || left > days(30)) return;
    const auto severity = left <= days(1) ? Severity::critical : left <= days(7) ? Severity::warning : Severity::info;
    auto finding = make_security("certificate-ends-soon", severity);
    finding.master = ending.master;
    add_evidence(finding,
                 fmt::format("{} ends at {}, within {} day(s)", ending.what, to_rfc3339(ending.certificate.not_after),
                             left <= days(1)   ? 1
                             : left <= days(7) ? 7
                                               : 30),
                 ending.source, ending.master);
    assessment.findings.push_back(std::move(finding));
}

void judge_endings(const Case& seen, Assessment& assessment) {
    for (const auto& proxy : seen.read) {
        if (proxy.absent) continue;
        judge_ending(seen,
                     {.certificate = proxy.leaf,
                      .what = "the proxy-client certificate",
                      .source = "ssh",
                      .master = seen.read.size() > 1 ? proxy.master : ""},
                     assessment);
    }
    for (const auto& ca : seen.published->requestheader_ca) {
        if (!ca.is_ca) continue;
        judge_ending(seen,
                     {.certificate = ca,
                      .what = "the published requestheader CA " + quoted(ca.subject),
                      .source = "configmap",
                      .master = ""},
                     assessment);
    }
}

}  // namespace

void judge_security(const Case& seen, Assessment& assessment) {
    judge_upgrade(seen, assessment);
    if (seen.published == nullptr || !seen.published->has_requestheader_ca) return;
    judge_shared_ca(seen, assessment);
    if (all_read(seen)) {
        judge_unexplained(seen, assessment);
        judge_superfluous(seen, assessment);
    }
    judge_endings(seen, assessment);
}

}  // namespace aggmedic::probes
