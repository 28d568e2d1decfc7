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

// Ended by itself: who cannot start ends with a fault.
bool left_between(const PodFacts& pod, TimePoint from, TimePoint to) {
    return pod.last_exit_at && *pod.last_exit_at >= from && *pod.last_exit_at <= to &&
           pod.last_exit_code.value_or(0) == 0;
}
bool all_left_between(const Workload& workload, TimePoint from, TimePoint to) {
    return workload.pods && !workload.pods->empty() &&
           std::ranges::all_of(*workload.pods, [&](const PodFacts& pod) { return left_between(pod, from, to); });
}

// Its pods left as the published configuration moved; nullopt: they did not, or it was a while ago.
std::optional<Finding> restart_storm(const Case& seen, const Workload& workload) {
    if (seen.published == nullptr) return std::nullopt;
    const auto changed = seen.published->changed_at;
    const bool is_recent = changed && seen.now <= *changed + 2 * shortly;
    const auto* told = find_fact(workload, LogEvent::config_map_changed);
    const bool says_so =
        told != nullptr && (is_recent || (!changed && told->last && seen.now <= *told->last + 2 * shortly));
    if (!says_so && !(is_recent && all_left_between(workload, *changed, *changed + shortly))) return std::nullopt;
    auto finding =
        make_finding("extension-restart-storm", says_so ? Confidence::certain : Confidence::probable, AllowList::wrong);
    finding.apiservice = workload.apiservice;
    add_evidence(finding,
                 says_so ? "its log: it ends because the published configuration changed"
                         : "its pods ended within two minutes of the last change of the published configuration",
                 "log");
    return finding;
}

}  // namespace

void judge_restarts(const Case& seen, Assessment& assessment) {
    for (const auto& api : seen.apis) {
        const auto* workload = seen.observation.workload(api.apiservice->name);
        if (workload == nullptr || !api.fails() || !is_away(api.symptom())) continue;
        if (auto storm = restart_storm(seen, *workload)) {
            add_api_evidence(*storm, api);
            assessment.findings.push_back(std::move(*storm));
            continue;
        }
        // Before 1.18 nobody tells when the configuration changed: then it may be a storm.
        const bool may_be = seen.published != nullptr && !seen.published->changed_at &&
                            all_left_between(*workload, seen.now - shortly, seen.now + shortly);
        for (auto& finding : assessment.findings) {
            if (!may_be || finding.apiservice != api.apiservice->name || finding.cause != "no-backend") continue;
            if (finding.confidence == Confidence::ambiguous) continue;
            finding.confidence = Confidence::ambiguous;
            finding.candidates = {"no-backend", "extension-restart-storm"};
            add_evidence(finding, "its pods ended by themselves within the last two minutes", "workload");
        }
    }
}

void judge_noise(const Case& seen, Assessment& assessment) {
    for (const auto& workload : seen.observation.workloads) {
        judge_noise_of_names(seen, workload, assessment);
        const auto api = std::ranges::find_if(
            seen.apis, [&](const ApiCase& each) { return each.apiservice->name == workload.apiservice; });
        const bool fails = api != seen.apis.end() && api->fails();
        if (auto storm = fails ? std::nullopt : restart_storm(seen, workload))
            assessment.findings.push_back(std::move(*storm));
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
