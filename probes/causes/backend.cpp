#include <algorithm>
#include <array>
#include <map>

#include "probes/causes/rules.hpp"

// The proxy cannot reach the extension API server, or gets something else than an API from it. Allow-listing is wrong
// for all.
namespace aggmedic::probes {

namespace {

struct Explanation {
    Confidence confidence;
    std::vector<std::string> candidates;  // the first is the finding's cause
    std::string_view because_not_names;   // why it is no question of names
};

const Explanation* explanation_of(Symptom symptom) {
    constexpr auto certain = Confidence::certain;
    constexpr auto probable = Confidence::probable;
    constexpr auto ambiguous = Confidence::ambiguous;
    constexpr std::string_view unreached = "the extension API server was not reached";
    constexpr std::string_view believed = "the extension API server answered, and not with a refusal of the proxy";
    static const std::map<Symptom, Explanation> table{
        {Symptom::missing_backend, {certain, {"no-backend"}, unreached}},
        {Symptom::missing_service, {ambiguous, {"no-backend", "orphan-apiservice"}, unreached}},
        {Symptom::untrusted,
         {certain, {"serving-cert-untrusted"}, "the connection fails before the proxy shows its certificate's name"}},
        {Symptom::no_tls, {ambiguous, {"no-backend", "http-proxy-env", "serving-cert-untrusted"}, unreached}},
        {Symptom::review_forbidden, {certain, {"no-auth-delegator"}, believed}},
        {Symptom::no_agent, {probable, {"egress-tunnel-down"}, unreached}},
        {Symptom::refused, {ambiguous, {"no-backend", "no-auth-reader-binding", "master-to-pod-blocked"}, unreached}},
        {Symptom::timed_out,
         {ambiguous, {"master-to-pod-blocked", "no-service-routing", "backend-slow-or-node-dead"}, unreached}},
        {Symptom::no_route,
         {ambiguous, {"master-to-pod-blocked", "no-service-routing", "backend-slow-or-node-dead"}, unreached}},
        {Symptom::lost_http2, {ambiguous, {"stale-http2-pool", "backend-slow-or-node-dead"}, unreached}},
        {Symptom::no_status, {ambiguous, {"http-proxy-env", "no-backend", "backend-slow-or-node-dead"}, unreached}},
        {Symptom::not_found, {ambiguous, {"wrong-discovery-answer", "orphan-apiservice"}, believed}},
        {Symptom::server_error,
         {ambiguous, {"dns-or-webhook-of-extension", "no-auth-delegator", "backend-slow-or-node-dead"}, believed}},
        // kube-apiserver refuses by the condition, and the condition was not seen: too little for a name.
        {Symptom::unavailable,
         {ambiguous, {"no-backend", "masters-differ", "cn-not-allowed", "proxy-cert-wrong-issuer"}, ""}},
    };
    const auto at = table.find(symptom);
    return at == table.end() ? nullptr : &at->second;
}

bool timed_out(const Answer& answer) {
    return answer.status == 504 || (answer.status == 0 && answer.failure == "timeout");
}

// Its discovery is answered, and no list comes back in time: the way is open, and what is behind it is slow.
bool lists_too_late(const Through& through) {
    const auto& lists = through.attempts->resource;
    return through.discovery.fine > 1 && !through.discovery.fails() && lists.size() > 1 &&
           std::ranges::all_of(lists, timed_out);
}

// The apiservers that answer everything else, and through which never an answer came in time.
struct Silence {
    std::vector<const Through*> ways;
    std::size_t attempts = 0;  // a short cycle has time for one through each apiserver
};
Silence silence_of(const ApiCase& api) {
    Silence silence;
    for (const auto& through : api.through) {
        const auto& answers = through.attempts->discovery;
        const bool is_silent = !answers.empty() && std::ranges::all_of(answers, [](const Answer& answer) {
            return answer.status == 0 && answer.failure == "timeout";
        });
        if (!is_silent) continue;
        silence.ways.push_back(&through);
        silence.attempts += answers.size();
    }
    return silence;
}

// The one master through which it fails, where others work; empty otherwise.
std::string only_master(const ApiCase& api) {
    std::string found;
    int failing = 0, working = 0;
    for (const auto& through : api.through) {
        if (through.apiserver->master.empty() || !through.known()) continue;
        if (through.fails()) {
            ++failing;
            found = through.apiserver->master;
        } else {
            ++working;
        }
    }
    return failing == 1 && working > 0 ? found : std::string();
}

Finding make(const ApiCase& api, const Explanation& explanation) {
    auto finding = make_finding(explanation.candidates.front(), explanation.confidence, AllowList::wrong);
    if (explanation.confidence == Confidence::ambiguous) finding.candidates = explanation.candidates;
    finding.apiservice = api.apiservice->name;
    finding.master = only_master(api);
    add_api_evidence(finding, api);
    if (!explanation.because_not_names.empty())
        rule_out(finding, "cn-not-allowed", std::string(explanation.because_not_names));
    rule_out(finding, "our-own-401", "/api answers 200 to the same credential");
    return finding;
}

// Dates that a master finds wrong are the certificate's fault or its own clock's; only the CA that it was given may
// tell.
bool is_about_dates(const ApiCase& api) {
    const auto says = [](std::string_view text) { return text.contains("has expired or is not yet valid"); };
    if (says(api.apiservice->message)) return true;
    return std::ranges::any_of(api.through, [&](const Through& through) {
        return std::ranges::any_of(through.attempts->discovery, [&](const Answer& each) { return says(each.body); });
    });
}

bool has_ended_ca(const Case& seen, const ApiCase& api) {
    const auto& bundle = api.apiservice->ca_bundle;
    return bundle && std::ranges::any_of(*bundle, [&](const Certificate& ca) {
               return std::ranges::all_of(seen.clocks, [&](auto clock) { return ca.not_after <= seen.now + clock; });
           });
}

Explanation of_untrusted(const Case& seen, const ApiCase& api, Explanation explanation) {
    if (!is_about_dates(api) || has_ended_ca(seen, api)) return explanation;
    explanation.confidence = Confidence::probable;
    if (seen.clocks.size() == 1) return explanation;
    explanation.confidence = Confidence::ambiguous;
    explanation.candidates = {"serving-cert-untrusted", "clock-skew"};
    return explanation;
}

void judge_lists(const ApiCase& api, Assessment& assessment) {
    std::vector<const Through*> late;
    for (const auto& through : api.through) {
        if (lists_too_late(through)) late.push_back(&through);
    }
    if (late.empty()) return;
    auto finding = make_finding("backend-slow-or-node-dead", Confidence::probable, AllowList::wrong);
    finding.apiservice = api.apiservice->name;
    if (late.size() == 1 && api.through.size() > 1) finding.master = late.front()->apiserver->master;
    add_evidence(finding, "discovery is answered, and no list within the probe's time", "answer", finding.master);
    add_api_evidence(finding, api);
    rule_out(finding, "master-to-pod-blocked", "discovery takes the same way and is answered");
    rule_out(finding, "cn-not-allowed", "the extension API server answered, and not with a refusal of the proxy");
    assessment.findings.push_back(std::move(finding));
}

}  // namespace

void judge_backends(const Case& seen, Assessment& assessment) {
    static const Explanation silence{
        Confidence::ambiguous, {"backend-slow-or-node-dead", "master-to-pod-blocked", "no-service-routing"}, ""};
    // Others reach it: the backend is there, and the way of these is not.
    static const Explanation silent_way{
        Confidence::ambiguous, {"master-to-pod-blocked", "stale-http2-pool", "no-service-routing"}, ""};
    for (const auto& api : seen.apis) {
        const auto silent = silence_of(api);
        const bool is_silent = silent.attempts > 1;
        if (api.fails()) {
            const auto* explanation = explanation_of(api.symptom());
            if (explanation != nullptr) {
                const bool untrusted = api.symptom() == Symptom::untrusted;
                assessment.findings.push_back(
                    make(api, untrusted ? of_untrusted(seen, api, *explanation) : *explanation));
            }
        } else if (is_silent && silent.ways.size() == api.through.size()) {
            assessment.findings.push_back(make(api, silence));
        } else if (is_silent && api.works()) {
            assessment.findings.push_back(make(api, silent_way));
            if (silent.ways.size() == 1) assessment.findings.back().master = silent.ways.front()->apiserver->master;
        } else if (!is_explained(assessment, api.apiservice->name)) {
            judge_lists(api, assessment);
        }
    }
}

}  // namespace aggmedic::probes
