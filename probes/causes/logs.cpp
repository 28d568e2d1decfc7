#include <algorithm>
#include <set>

#include "probes/causes/rules.hpp"

// What extension API servers say themselves about refused proxies. Anybody who reaches their port can write such lines,
// so they count only beside an API that fails accordingly, and never for a name.
namespace aggmedic::probes {

namespace {

using Events = std::set<LogEvent>;

Events events_of(const Workload& workload, const std::vector<ProxyClient>& proxies) {
    Events events;
    if (!workload.logs) return events;
    for (const auto& log : *workload.logs) {
        for (const auto& fact : log.facts) {
            const bool is_noise = fact.event == LogEvent::cn_not_allowed && !proxies.empty() &&
                                  std::ranges::none_of(proxies, [&](const ProxyClient& proxy) {
                                      return proxy.leaf.common_name == fact.common_name;
                                  });
            if (!is_noise) events.insert(fact.event);
        }
    }
    return events;
}

// The one thing that the logs hold against client certificates; nullopt: nothing, or several.
std::optional<LogEvent> only_refusal(const Events& events) {
    constexpr LogEvent refusals[] = {LogEvent::cn_not_allowed, LogEvent::unknown_authority,
                                     LogEvent::certificate_expired, LogEvent::certificate_not_yet_valid,
                                     LogEvent::incompatible_key_usage};
    std::optional<LogEvent> found;
    for (const auto event : refusals) {
        if (!events.contains(event)) continue;
        if (found) return std::nullopt;
        found = event;
    }
    return found;
}

bool started_before_the_change(const Case& seen, const Workload& workload) {
    if (seen.published == nullptr || !seen.published->changed_at || !workload.pods) return false;
    return std::ranges::any_of(*workload.pods, [&](const PodFacts& pod) {
        return pod.started_at && *pod.started_at < *seen.published->changed_at;
    });
}

// The masters' certificates are known to be good: then what the server holds is old, or its clock is wrong.
std::string_view cause_beside_good_certificates(LogEvent refusal) {
    switch (refusal) {
        case LogEvent::cn_not_allowed:
        case LogEvent::unknown_authority:
            return "stale-ca-in-extension";
        case LogEvent::certificate_expired:
        case LogEvent::certificate_not_yet_valid:
            return "clock-skew";
        default:
            return {};
    }
}

std::string_view cause_of(LogEvent refusal, bool is_stale) {
    switch (refusal) {
        case LogEvent::unknown_authority:
            return is_stale ? "stale-ca-in-extension" : "proxy-cert-wrong-issuer";
        case LogEvent::certificate_expired:
            return "proxy-cert-expired";
        case LogEvent::certificate_not_yet_valid:
            return "clock-skew";
        case LogEvent::incompatible_key_usage:
            return "wrong-key-usage";
        default:
            return {};  // a name in a log is no ground for anything
    }
}

void propose(const ApiCase& api, std::string_view cause, Confidence confidence, std::string fact,
             Assessment& assessment) {
    auto finding = make_finding(cause, confidence, AllowList::wrong);
    finding.apiservice = api.apiservice->name;
    add_evidence(finding, std::move(fact), "log");
    add_api_evidence(finding, api);
    rule_out(finding, "cn-not-allowed", "the extension API server's log holds another reason");
    assessment.findings.push_back(std::move(finding));
}

void judge_refusal(const Case& seen, const ApiCase& api, const Workload& workload, Assessment& assessment) {
    if (!is_rejected(api) || is_explained(assessment, api.apiservice->name)) return;
    const auto refusal = only_refusal(events_of(workload, seen.read));
    if (!refusal) return;
    const bool good = all_read(seen) &&
                      std::ranges::all_of(seen.read, [](const ProxyClient& proxy) { return proxy.causes().empty(); });
    const auto cause = good                ? cause_beside_good_certificates(*refusal)
                       : seen.read.empty() ? cause_of(*refusal, started_before_the_change(seen, workload))
                                           : std::string_view();
    if (cause.empty()) return;
    propose(api, cause, Confidence::certain,
            "its log since the last start refuses client certificates as " + std::string(name(*refusal)), assessment);
}

struct Own {
    LogEvent event;
    std::string_view cause, fact;
    Confidence confidence;
};
// What a server says about itself.
constexpr Own own_faults[] = {
    {LogEvent::config_map_forbidden, "no-auth-reader-binding",
     "its log: it may not read the published authentication configuration", Confidence::certain},
    {LogEvent::access_review_forbidden, "no-auth-delegator", "its log: it may not create access reviews",
     Confidence::certain},
    {LogEvent::name_not_resolved, "dns-or-webhook-of-extension", "its log: a name that it needs does not resolve",
     Confidence::probable},
    {LogEvent::webhook_failed, "dns-or-webhook-of-extension", "its log: a webhook that it calls fails",
     Confidence::probable},
};

bool fits(const Own& own, const ApiCase& api) {
    const auto symptom = api.symptom();
    const bool is_away = is_missing(symptom) || symptom == Symptom::refused || symptom == Symptom::unavailable;
    switch (own.event) {
        case LogEvent::config_map_forbidden:
            return is_away || is_trust(symptom);
        case LogEvent::access_review_forbidden:
            return symptom == Symptom::forbidden || symptom == Symptom::server_error ||
                   symptom == Symptom::review_forbidden;
        default:
            return is_away || symptom == Symptom::server_error || symptom == Symptom::timed_out;
    }
}

}  // namespace

void judge_logs(const Case& seen, Assessment& assessment) {
    for (const auto& api : seen.apis) {
        const auto* workload = seen.observation.workload(api.apiservice->name);
        if (workload == nullptr || !workload->logs || !api.fails()) continue;
        const auto events = events_of(*workload, seen.read);
        for (const auto& own : own_faults) {
            if (!events.contains(own.event) || !fits(own, api)) continue;
            propose(api, own.cause, own.confidence, std::string(own.fact), assessment);
        }
        judge_refusal(seen, api, *workload, assessment);
    }
}

}  // namespace aggmedic::probes
