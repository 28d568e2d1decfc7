#include <algorithm>
#include <map>

#include "net/text.hpp"
#include "probes/causes/rules.hpp"

// The two flags of the proxy-client certificate as the live process has them, and the files that they name.
namespace aggmedic::probes {

namespace {

std::string value_of(const MasterView& master, const std::string& flag) {
    const auto& flags = master.process->arguments.flags;
    const auto at = flags.find(flag);
    return at == flags.end() || at->second.empty() ? std::string() : at->second.back();
}

const NamedFile* file_of(const MasterView& master, const std::string& flag) {
    const auto path = value_of(master, flag);
    const auto at = std::ranges::find_if(master.files,
                                         [&](const NamedFile& file) { return file.flag == flag && file.path == path; });
    return at == master.files.end() ? nullptr : &*at;
}

// What is wrong with the pair; empty: nothing that can be seen.
std::string fault_of(const MasterView& master, bool anonymous_seen) {
    const std::string certificate = "proxy-client-cert-file", key = "proxy-client-key-file";
    const bool has_certificate = !value_of(master, certificate).empty(), has_key = !value_of(master, key).empty();
    if (has_key && !has_certificate) return "--proxy-client-key-file is set and --proxy-client-cert-file is not";
    // Without its key kube-apiserver presents no certificate; that shows.
    if (has_certificate && !has_key && anonymous_seen)
        return "--proxy-client-cert-file is set and --proxy-client-key-file is not";
    for (const auto& flag : {certificate, key}) {
        const auto* file = file_of(master, flag);
        if (file == nullptr) continue;
        if (!file->exists) return "the file of --" + flag + " (" + printable(file->path, 256) + ") does not exist";
        if (!file->readable)
            return "the file of --" + flag + " (" + printable(file->path, 256) + ") cannot be read by its process";
    }
    if (master.proxy_key_matches && !*master.proxy_key_matches)
        return "the key of --proxy-client-key-file does not belong to the certificate";
    return {};
}

// One finding for the cluster where every master has the fault (master empty), else one for each.
Finding mistyped(const std::string& master, const std::map<std::string, std::string>& faults) {
    auto finding = make_finding("flag-typo-or-key-mismatch", Confidence::certain, AllowList::wrong);
    finding.master = master;
    for (const auto& [name, fault] : faults) add_evidence(finding, fault, "ssh", name);
    rule_out(finding, "cn-not-allowed", "without a usable pair no name is presented");
    return finding;
}

void add(const Case& seen, Finding finding, Assessment& assessment) {
    bool struck = false;
    for (const auto& api : seen.apis) {
        if (!accounts_for(finding.cause, api, false)) continue;
        auto each = finding;
        each.apiservice = api.apiservice->name;
        add_api_evidence(each, api);
        assessment.findings.push_back(std::move(each));
        struck = true;
    }
    if (struck) return;
    finding.severity = Severity::warning;  // the process may still hold the pair that it read
    assessment.findings.push_back(std::move(finding));
}

}  // namespace

void judge_proxy_flags(const Case& seen, Assessment& assessment) {
    const bool anonymous_seen = std::ranges::any_of(
        seen.apis, [](const ApiCase& api) { return api.fails() && api.symptom() == Symptom::anonymous; });
    std::map<std::string, std::string> faults;
    for (const auto& [name, master] : seen.observation.masters) {
        if (!master || !master->process) continue;
        auto fault = fault_of(*master, anonymous_seen);
        if (!fault.empty()) faults.emplace(name, std::move(fault));
    }
    if (faults.empty()) return;
    // It is this, and not just the missing certificate that it amounts to.
    std::erase_if(assessment.findings, [&](const Finding& each) {
        return each.cause == "no-proxy-client-cert" && (each.master.empty() || faults.contains(each.master));
    });
    if (faults.size() == seen.observation.masters.size()) return add(seen, mistyped("", faults), assessment);
    for (const auto& fault : faults) add(seen, mistyped(fault.first, {fault}), assessment);
}

}  // namespace aggmedic::probes
