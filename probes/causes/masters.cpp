#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "net/text.hpp"
#include "probes/causes/rules.hpp"

// Masters that do not present the same trust, and masters whose file is not what they run.
namespace aggmedic::probes {

namespace {

struct Sides {
    const Through* works = nullptr;
    const Through* refused = nullptr;  // never answers well, and passes on 401s
};

// The condition is shared and flaps, so the good master gives 503s too: what tells them apart is that one passes on
// 401s and never a 200, and another answers well at least now and then (measured: half and half).
Sides sides_of(const ApiCase& api) {
    Sides sides;
    for (const auto& through : api.through) {
        if (through.apiserver->master.empty()) continue;
        if (through.fine() > 1 && through.seen(Symptom::unauthorized) == 0) sides.works = &through;
        if (through.fine() == 0 && through.seen(Symptom::unauthorized) > 0) sides.refused = &through;
    }
    return sides;
}

// Through one address that several masters stand behind, their answers come mixed.
bool is_mixed(const ApiCase& api) {
    return api.through.size() == 1 && api.through.front().seen(Symptom::unauthorized) > 1 &&
           api.through.front().fine() > 1;
}

// Of the CAs only: where one file serves all purposes, each master's holds its own leaf beside the common CA.
std::set<std::string> ca_fingerprints(const MasterView& master, std::string_view flag) {
    std::set<std::string> found;
    for (const auto& file : master.files) {
        if (file.flag != flag) continue;
        for (const auto& certificate : file.certificates) {
            if (certificate.is_ca) found.insert(certificate.sha256);
        }
    }
    return found;
}

// After a certificate fault of some masters only: the difference is its consequence.
bool add_consequences(Assessment& assessment) {
    std::vector<Finding> consequences;
    for (const auto& finding : assessment.findings) {
        if (finding.master.empty() || finding.confidence != Confidence::certain || !is_trust_cause(finding.cause))
            continue;
        const auto same = [&](const Finding& other) { return other.apiservice == finding.apiservice; };
        if (std::ranges::any_of(consequences, same)) continue;
        const auto allow_list = finding.cause == "cn-not-allowed" ? finding.allow_list : AllowList::wrong;
        auto difference = make_finding("masters-differ", Confidence::certain, allow_list);
        difference.severity = finding.severity;
        difference.apiservice = finding.apiservice;
        difference.consequence_of = finding.cause;
        difference.common_name = finding.common_name;
        difference.since = finding.since;
        difference.evidence = finding.evidence;
        consequences.push_back(std::move(difference));
    }
    assessment.findings.insert(assessment.findings.end(), consequences.begin(), consequences.end());
    return !consequences.empty();
}

std::set<std::string> flag_names(const ProxyClient& proxy) {
    return {proxy.flag_names.begin(), proxy.flag_names.end()};
}

// The flags differ although what is published is right: some masters were repaired and some were not, and the published
// list keeps the name until it is rebuilt without them.
void judge_flag_names(const Case& seen, Assessment& assessment) {
    const auto& first = seen.read.front();
    const bool differ = std::ranges::any_of(
        seen.read, [&](const ProxyClient& proxy) { return flag_names(proxy) != flag_names(first); });
    if (!differ) return;
    std::set<std::string> common_names;
    bool only_the_name = true;
    auto finding = make_finding("masters-differ", Confidence::certain, AllowList::wrong);
    for (const auto& proxy : seen.read) {
        common_names.insert(proxy.leaf.common_name);
        auto rest = flag_names(proxy), rest_of_first = flag_names(first);
        const bool lacks = rest.erase(proxy.leaf.common_name) == 0;
        rest_of_first.erase(proxy.leaf.common_name);
        only_the_name = only_the_name && rest == rest_of_first && !proxy.flag_names.empty();
        add_evidence(finding,
                     fmt::format("the live process allows {}{}", listed(proxy.flag_names),
                                 lacks ? ", without its certificate's CN" : ""),
                     "ssh", proxy.master);
    }
    finding.severity = Severity::warning;
    finding.common_name = first.leaf.common_name;
    if (only_the_name && common_names.size() == 1) {
        finding.allow_list = allow_list_for(seen, first.leaf.common_name);
        finding.remedy =
            "Add the CN on the masters that lack it, one at a time: aggmedic plan CLUSTER shows the change.";
    }
    if (seen.has_names())
        add_evidence(finding, "the published allowed names are " + listed(*seen.published->allowed_names), "configmap");
    assessment.findings.push_back(std::move(finding));
}

void judge_ca_files(const Case& seen, Assessment& assessment) {
    const std::string flag = "requestheader-client-ca-file";
    std::map<std::string, std::set<std::string>> bundles;
    for (const auto& [name, master] : seen.observation.masters) {
        if (!master) continue;
        auto found = ca_fingerprints(*master, flag);
        if (!found.empty()) bundles.emplace(name, std::move(found));
    }
    if (bundles.size() < 2) return;
    const auto& first = bundles.begin()->second;
    const bool differ = std::ranges::any_of(bundles, [&](const auto& bundle) { return bundle.second != first; });
    if (!differ) return;
    auto finding = make_finding("masters-differ", Confidence::certain, AllowList::wrong);
    finding.severity = Severity::warning;
    for (const auto& [name, bundle] : bundles) {
        add_evidence(finding,
                     fmt::format("its requestheader CA file holds {} certificate(s), the first {}", bundle.size(),
                                 bundle.begin()->substr(0, 16)),
                     "ssh", name);
    }
    assessment.findings.push_back(std::move(finding));
}

}  // namespace

void judge_answers_by_master(const Case& seen, Assessment& assessment) {
    for (const auto& api : seen.apis) {
        if (is_explained(assessment, api.apiservice->name)) continue;
        const auto [works, refused] = sides_of(api);
        const bool mixed = is_mixed(api);
        if ((works == nullptr || refused == nullptr) && !mixed) continue;
        auto finding =
            make_finding("masters-differ", mixed ? Confidence::ambiguous : Confidence::probable, AllowList::wrong);
        finding.apiservice = api.apiservice->name;
        if (mixed) {
            finding.candidates = {"masters-differ", "stale-ca-in-extension", "proxy-cert-wrong-issuer"};
        } else {
            add_evidence(finding,
                         fmt::format("{} passes on 401s and never a 200, {} answers", through_name(*refused->apiserver),
                                     through_name(*works->apiserver)),
                         "answer", refused->apiserver->master);
            rule_out(finding, "stale-ca-in-extension", "the same extension API server believes another master");
        }
        add_api_evidence(finding, api);
        rule_out(finding, "no-backend", "the extension API server was reached");
        rule_out(finding, "our-own-401", "/api answers 200 to the same credential");
        assessment.findings.push_back(std::move(finding));
    }
}

void judge_masters(const Case& seen, Assessment& assessment) {
    const bool last_writer = std::ranges::any_of(
        assessment.findings, [](const Finding& finding) { return finding.cause == "last-writer-wins"; });
    if (add_consequences(assessment)) return;
    if (!last_writer && seen.read.size() > 1) judge_flag_names(seen, assessment);
    const bool named = std::ranges::any_of(assessment.findings, [](const Finding& finding) {
        return finding.cause == "masters-differ" && finding.apiservice.empty();
    });
    if (!named) judge_ca_files(seen, assessment);
}

void judge_pending_restarts(const Case& seen, Assessment& assessment) {
    for (const auto& [name, master] : seen.observation.masters) {
        if (!master || !master->file_arguments || !master->process || master->file_equals_process) continue;
        auto finding = make_finding("pending-restart", Confidence::certain, AllowList::none);
        finding.master = name;
        std::erase_if(assessment.findings, [&](const Finding& each) {
            return each.cause == finding.cause && each.master == name;  // of a file: the restart is the same
        });
        std::vector<std::string> flags = master->differing_flags;
        add_evidence(finding, "the file and the live process differ in " + listed(flags), "ssh", name);
        const auto in_file = allowed_names(master->file_arguments->flags);
        const auto in_process = allowed_names(master->process->arguments.flags);
        if (in_file != in_process) {
            add_evidence(finding, "the file allows " + listed(in_file) + ", the process " + listed(in_process), "ssh",
                         name);
        }
        assessment.findings.push_back(std::move(finding));
    }
}

}  // namespace aggmedic::probes
