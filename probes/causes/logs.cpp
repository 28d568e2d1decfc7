#include <algorithm>
#include <set>
#include <utility>

#include "probes/causes/rules.hpp"

// What extension API servers say themselves about refused proxies. Anybody who reaches their port can write such lines,
// so they count only beside an API that fails accordingly, while they are fresh, and never for a name.
namespace aggmedic::probes {

namespace {

using Events = std::set<LogEvent>;
using Causes = std::vector<std::string>;

// A live fault repeats with every availability check, each 30 s; what has ended stays in the log for days.
constexpr std::chrono::minutes fresh_for{10};
bool is_fresh(const Case& seen, const LogFact& fact) {
    return !fact.last || seen.true_now() <= *fact.last + fresh_for;
}

Events events_of(const Case& seen, const Workload& workload) {
    const auto& proxies = seen.read;
    Events events;
    if (!workload.logs) return events;
    for (const auto& log : *workload.logs) {
        for (const auto& fact : log.facts) {
            const bool is_noise = fact.event == LogEvent::cn_not_allowed && !proxies.empty() &&
                                  std::ranges::none_of(proxies, [&](const ProxyClient& proxy) {
                                      return proxy.leaf.common_name == fact.common_name;
                                  });
            if (!is_noise && is_fresh(seen, fact)) events.insert(fact.event);
        }
    }
    return events;
}

// The one thing that the logs hold against client certificates; nullopt: nothing, or several.
std::optional<LogEvent> only_refusal(const Events& events) {
    constexpr LogEvent refusals[] = {LogEvent::cn_not_allowed,          LogEvent::unknown_authority,
                                     LogEvent::certificate_expired,     LogEvent::certificate_not_yet_valid,
                                     LogEvent::certificate_not_in_date, LogEvent::incompatible_key_usage};
    std::optional<LogEvent> found;
    for (const auto event : refusals) {
        if (!events.contains(event)) continue;
        if (found) return std::nullopt;
        found = event;
    }
    return found;
}

// Whether its pods may hold an older configuration than the published one: they are older, or nobody tells when it
// changed (before 1.18). Another part than the CA may have changed, and servers of 1.19 and later read it again.
bool may_be_stale(const Case& seen, const Workload& workload) {
    if (seen.published == nullptr || !workload.pods) return false;
    const auto changed = seen.published->changed_at;
    return std::ranges::any_of(*workload.pods, [&](const PodFacts& pod) {
        return !changed || (pod.started_at && *pod.started_at < *changed);
    });
}

// A published CA that was made after one of its pods started: that pod began with another.
bool has_newer_ca(const Case& seen, const Workload& workload) {
    if (seen.published == nullptr || !workload.pods) return false;
    return std::ranges::any_of(*workload.pods, [&](const PodFacts& pod) {
        return pod.started_at && std::ranges::any_of(seen.published->requestheader_ca, [&](const Certificate& ca) {
                   return ca.not_before > *pod.started_at;
               });
    });
}

bool works_at_times(const ApiCase& api) {
    return std::ranges::any_of(api.through, [](const Through& through) { return through.discovery.fine > 0; });
}

// The masters' certificates are known to be good: then what the server holds is old, or its clock is wrong.
std::string_view cause_beside_good_certificates(LogEvent refusal) {
    switch (refusal) {
        case LogEvent::cn_not_allowed:
        case LogEvent::unknown_authority:
            return "stale-ca-in-extension";
        case LogEvent::certificate_expired:
        case LogEvent::certificate_not_yet_valid:
        case LogEvent::certificate_not_in_date:
            return "clock-skew";
        default:
            return {};
    }
}

// What fits the refusal where no certificate was read, the likeliest first.
Causes causes_of(LogEvent refusal, const Case& seen, const Workload& workload) {
    switch (refusal) {
        case LogEvent::unknown_authority:
            if (has_newer_ca(seen, workload)) return {"stale-ca-in-extension", "proxy-cert-wrong-issuer"};
            if (may_be_stale(seen, workload)) return {"proxy-cert-wrong-issuer", "stale-ca-in-extension"};
            return {"proxy-cert-wrong-issuer"};
        case LogEvent::certificate_expired:
            return {"proxy-cert-expired"};
        case LogEvent::certificate_not_yet_valid:
            return {"clock-skew"};
        case LogEvent::certificate_not_in_date:
            return {"proxy-cert-expired", "clock-skew"};
        case LogEvent::incompatible_key_usage:
            return {"wrong-key-usage"};
        default:
            return {};  // a name in a log is no ground for anything
    }
}

// Several causes are candidates: ambiguous, whatever the confidence.
void propose(const ApiCase& api, const Causes& causes, Confidence confidence, std::string fact,
             Assessment& assessment) {
    auto finding = make_finding(causes.front(), confidence, AllowList::wrong);
    if (causes.size() > 1) {
        finding.confidence = Confidence::ambiguous;
        finding.candidates = causes;
    }
    finding.apiservice = api.apiservice->name;
    add_evidence(finding, std::move(fact), "log");
    add_api_evidence(finding, api);
    rule_out(finding, "cn-not-allowed", "the extension API server's log holds another reason");
    assessment.findings.push_back(std::move(finding));
}

void propose_renewed(const Case& seen, const ApiCase& api, const std::string& fact, Assessment& assessment) {
    auto finding = renewed_certificate(seen, Confidence::certain);
    finding.apiservice = api.apiservice->name;
    add_evidence(finding, fact, "log");
    add_api_evidence(finding, api);
    rule_out(finding, "cn-not-allowed", "names are compared only after the dates");
    assessment.findings.push_back(std::move(finding));
}

// A name that is missing, and a log that refuses for what comes before names: both, or neither.
void judge_contrary(const Case& seen, const ApiCase& api, const Events& events, Assessment& assessment) {
    const bool lacks_name = std::ranges::any_of(assessment.findings, [&](const Finding& each) {
        return each.apiservice == api.apiservice->name && each.cause == "cn-not-allowed";
    });
    if (!lacks_name) return;
    constexpr std::pair<LogEvent, std::string_view> contrary[] = {
        {LogEvent::unknown_authority, "stale-ca-in-extension"},
        {LogEvent::certificate_expired, "clock-skew"},
        {LogEvent::certificate_not_yet_valid, "clock-skew"},
        {LogEvent::certificate_not_in_date, "clock-skew"},
        {LogEvent::incompatible_key_usage, "wrong-key-usage"}};
    for (const auto& [event, cause] : contrary) {
        if (!events.contains(event)) continue;
        const auto fact = "its log refuses client certificates as " + std::string(name(event)) + " as well";
        propose(api, {std::string(all_read(seen) ? cause : "masters-differ")}, Confidence::probable, fact, assessment);
        return;
    }
}

// Good certificates that are refused. The line may be about somebody else's, so it takes a CA that is newer than a pod
// to be certain.
void judge_refusal_of_good(const Case& seen, const ApiCase& api, const Workload& workload, LogEvent refusal,
                           const std::string& fact, Assessment& assessment) {
    const auto cause = cause_beside_good_certificates(refusal);
    if (cause.empty()) return;
    const bool is_borne_out = cause == "stale-ca-in-extension" && has_newer_ca(seen, workload);
    propose(api, {std::string(cause)}, is_borne_out ? Confidence::certain : Confidence::probable, fact, assessment);
}

void judge_refusal(const Case& seen, const ApiCase& api, const Workload& workload, Assessment& assessment) {
    if (!is_rejected(api)) return;
    const auto events = events_of(seen, workload);
    if (is_explained(assessment, api.apiservice->name)) return judge_contrary(seen, api, events, assessment);
    const auto refusal = only_refusal(events);
    if (!refusal) return;
    const auto fact = "its log of the last minutes refuses client certificates as " + std::string(name(*refusal));
    const bool good = all_read(seen) &&
                      std::ranges::all_of(seen.read, [](const ProxyClient& proxy) { return proxy.causes().empty(); });
    if (good && is_certificate_renewed(seen)) {
        const bool is_ended =
            *refusal == LogEvent::certificate_expired || *refusal == LogEvent::certificate_not_in_date;
        if (is_ended) propose_renewed(seen, api, fact, assessment);
    } else if (good) {
        judge_refusal_of_good(seen, api, workload, *refusal, fact, assessment);
    } else if (seen.read.empty()) {
        auto causes = causes_of(*refusal, seen, workload);
        // One of several masters may be it, where the others are believed: by this server, or by another.
        if (!causes.empty() && works_at_times(api)) {
            causes.insert(causes.begin(), "masters-differ");
        } else if (!causes.empty() && std::ranges::any_of(seen.apis, works_at_times)) {
            causes.emplace_back("masters-differ");
        }
        // Anybody's certificate may be the one that was refused.
        if (!causes.empty()) propose(api, causes, Confidence::probable, fact, assessment);
    }
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

// A server that starts ends for the lack of what is published.
void judge_lack(const Case& seen, const ApiCase& api, const Events& events, Assessment& assessment) {
    const bool says_so =
        events.contains(LogEvent::config_map_missing) || events.contains(LogEvent::requestheader_ca_missing);
    if (!says_so || !is_away(api.symptom())) return;
    if (is_config_map_gone(seen)) {
        propose(api, {"auth-configmap-gone"}, Confidence::certain,
                "its log: it ends because the published authentication configuration lacks", assessment);
    } else if (seen.published != nullptr && !seen.published->has_requestheader_ca) {
        propose(api, {"no-requestheader-ca"}, Confidence::certain,
                "its log: it ends because no requestheader CA is published", assessment);
    }
}

bool fits(const Own& own, const ApiCase& api) {
    const auto symptom = api.symptom();
    switch (own.event) {
        case LogEvent::config_map_forbidden:
            return is_away(symptom) || is_trust(symptom);
        case LogEvent::access_review_forbidden:
            return symptom == Symptom::forbidden || symptom == Symptom::server_error ||
                   symptom == Symptom::review_forbidden;
        default:
            return is_away(symptom) || symptom == Symptom::server_error || symptom == Symptom::timed_out;
    }
}

}  // namespace

void judge_logs(const Case& seen, Assessment& assessment) {
    for (const auto& api : seen.apis) {
        const auto* workload = seen.observation.workload(api.apiservice->name);
        if (workload == nullptr || !workload->logs || !api.fails()) continue;
        const auto events = events_of(seen, *workload);
        for (const auto& own : own_faults) {
            if (!events.contains(own.event) || !fits(own, api)) continue;
            propose(api, {std::string(own.cause)}, own.confidence, std::string(own.fact), assessment);
        }
        judge_lack(seen, api, events, assessment);
        judge_refusal(seen, api, *workload, assessment);
    }
}

}  // namespace aggmedic::probes
