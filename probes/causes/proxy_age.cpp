#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "net/time.hpp"
#include "probes/causes/rules.hpp"

// A proxy-client certificate that was renewed under a running kube-apiserver. Up to Kubernetes 1.19 the process goes on
// with the one that it read at its start, so the file does not show what is presented.
namespace aggmedic::probes {

namespace {

constexpr std::string_view remedy =
    "The file holds a renewed certificate already: restart the kube-apiserver of each master that the evidence names, "
    "one at a time.";

const NamedFile* certificate_file(const MasterView& master) {
    const auto& flags = master.process->arguments.flags;
    const auto flag = flags.find("proxy-client-cert-file");
    if (flag == flags.end()) return nullptr;
    const auto at = std::ranges::find_if(master.files, [&](const NamedFile& file) {
        return file.flag == flag->first && file.path == flag->second.back();
    });
    return at == master.files.end() ? nullptr : &*at;
}

// What the server's log says against the certificate that it is shown; the dates are what a renewal is for.
bool refuses_for_another_reason(const Workload* workload) {
    if (workload == nullptr || !workload->logs) return false;
    constexpr std::array others{LogEvent::unknown_authority, LogEvent::incompatible_key_usage, LogEvent::cn_not_allowed,
                                LogEvent::certificate_not_yet_valid};
    return std::ranges::any_of(*workload->logs, [&](const ExtensionLog& log) {
        return std::ranges::any_of(
            log.facts, [&](const LogFact& fact) { return std::ranges::find(others, fact.event) != others.end(); });
    });
}

}  // namespace

bool is_certificate_renewed(const Case& seen) {
    return std::ranges::any_of(seen.read, &ProxyClient::is_renewed);
}

void add_renewal_evidence(Finding& finding, const Case& seen) {
    for (const auto& proxy : seen.read) {
        if (!proxy.is_renewed) continue;
        const auto& master = *seen.observation.masters.at(proxy.master);
        const auto* file = certificate_file(master);
        if (file == nullptr) continue;
        add_evidence(
            finding,
            fmt::format("the proxy-client certificate's file is of {}, and the process of {}: up to Kubernetes "
                        "1.19 it presents the certificate that it read at its start",
                        to_rfc3339(*file->modified), to_rfc3339(*master.process->started_at)),
            "ssh", proxy.master);
    }
}

Finding renewed_certificate(const Case& seen, Confidence confidence) {
    auto finding = make_finding("proxy-cert-expired", confidence, AllowList::wrong);
    finding.remedy = remedy;
    add_renewal_evidence(finding, seen);
    return finding;
}

void judge_older_certificates(const Case& seen, Assessment& assessment) {
    if (!is_certificate_renewed(seen)) return;
    bool struck = false;
    for (const auto& api : seen.apis) {
        if (!accounts_for("proxy-cert-expired", api, false)) continue;
        struck = true;
        const auto& name = api.apiservice->name;
        if (is_explained(assessment, name)) continue;
        auto finding = renewed_certificate(seen, Confidence::probable);
        if (refuses_for_another_reason(seen.observation.workload(name))) {
            finding.confidence = Confidence::ambiguous;
            finding.candidates = {"proxy-cert-expired", "proxy-cert-wrong-issuer", "wrong-key-usage"};
        }
        finding.apiservice = name;
        add_api_evidence(finding, api);
        rule_out(finding, "cn-not-allowed", "the file's certificate is valid, and its CN is published");
        assessment.findings.push_back(std::move(finding));
    }
    if (struck) return;
    // Nothing suffers yet: the old certificate is still believed, and will end.
    for (const auto& proxy : seen.read) {
        if (!proxy.is_renewed) continue;
        auto finding = make_finding("pending-restart", Confidence::certain, AllowList::none);
        finding.master = proxy.master;
        finding.remedy = remedy;
        add_renewal_evidence(finding, seen);
        std::erase_if(finding.evidence, [&](const Evidence& each) { return each.master != proxy.master; });
        assessment.findings.push_back(std::move(finding));
    }
}

}  // namespace aggmedic::probes
