#include <algorithm>

#include "probes/causes/rules.hpp"

// What looks like a failure of aggregation and is none, or is over soon. Said, so that nobody repairs it.
namespace aggmedic::probes {

namespace {

constexpr std::chrono::minutes shortly{2};

const LogFact* find_fact(const Workload& workload, LogEvent event) {
    if (!workload.logs) return nullptr;
    for (const auto& log : *workload.logs) {
        const auto at = std::ranges::find(log.facts, event, &LogFact::event);
        if (at != log.facts.end()) return &*at;
    }
    return nullptr;
}

void add_noise(const Workload& workload, std::string_view cause, AllowList allow_list, std::string fact,
               Assessment& assessment) {
    auto finding = make_finding(cause, Confidence::certain, allow_list);
    finding.apiservice = workload.apiservice;
    add_evidence(finding, std::move(fact), "log");
    assessment.findings.push_back(std::move(finding));
}

// Names of other clients than the proxy: tried as front proxies first, because they come from the same CA.
void judge_noise_of_names(const Case& seen, const Workload& workload, Assessment& assessment) {
    if (!workload.logs || !seen.shared_ca || seen.read.empty()) return;
    std::vector<std::string> names;
    for (const auto& log : *workload.logs) {
        for (const auto& fact : log.facts) {
            const bool is_proxy = std::ranges::any_of(
                seen.read, [&](const ProxyClient& proxy) { return proxy.leaf.common_name == fact.common_name; });
            if (fact.event == LogEvent::cn_not_allowed && !is_proxy) names.push_back(fact.common_name);
        }
    }
    if (names.empty()) return;
    add_noise(workload, "noise-shared-ca-log", AllowList::dangerous,
              "the log rejects " + listed(names) + ", which are no proxy-client certificates", assessment);
}

void judge_restart_storm(const Case& seen, const Workload& workload, Assessment& assessment) {
    if (seen.published == nullptr || !seen.published->changed_at || !workload.pods || workload.pods->empty()) return;
    const auto changed = *seen.published->changed_at;
    const auto ended_then = [&](const PodFacts& pod) {
        return pod.last_exit_at && *pod.last_exit_at >= changed && *pod.last_exit_at <= changed + shortly;
    };
    const bool says_so = find_fact(workload, LogEvent::config_map_changed) != nullptr;
    const bool is_recent = seen.now <= changed + 2 * shortly;
    if (!is_recent || (!says_so && !std::ranges::all_of(*workload.pods, ended_then))) return;
    add_noise(workload, "extension-restart-storm", AllowList::wrong,
              "its pods ended within two minutes of the last change of the published configuration", assessment);
}

}  // namespace

void judge_noise(const Case& seen, Assessment& assessment) {
    for (const auto& workload : seen.observation.workloads) {
        judge_noise_of_names(seen, workload, assessment);
        judge_restart_storm(seen, workload, assessment);
        if (find_fact(workload, LogEvent::kubelet_unauthorized) != nullptr) {
            add_noise(workload, "backend-scrape-401", AllowList::wrong,
                      "its log holds refusals by kubelets, which are asked without the aggregation layer", assessment);
        }
    }
    for (const auto* apiserver : seen.usable) {
        if (!apiserver->anonymous || (apiserver->anonymous->status != 401 && apiserver->anonymous->status != 403))
            continue;
        auto finding = make_finding("anonymous-discovery-hardening", Confidence::certain, AllowList::none);
        add_evidence(finding,
                     "without a credential " + through_name(*apiserver) + " answers " +
                         std::to_string(apiserver->anonymous->status) + ", with one 200",
                     "answer", apiserver->master);
        assessment.findings.push_back(std::move(finding));
        break;
    }
}

}  // namespace aggmedic::probes
