#include "probes/workload.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "net/text.hpp"
#include "probes/answer.hpp"
#include "probes/json_reading.hpp"
#include "probes/workload_reading.hpp"

namespace aggmedic::probes {

namespace {

bool contains(std::string_view text, std::string_view part) {
    return text.find(part) != std::string_view::npos;
}

bool is_own_lack(const Answer& answer, const Caller& caller) {
    return answer.status == 403 && answer.forbidden_user &&
           (caller.user.empty() || *answer.forbidden_user == caller.user);
}

bool fails(const ApiServiceAttempts& attempts, const Caller& caller) {
    return std::ranges::any_of(attempts.discovery, [](const Answer& answer) { return answer.status != 200; }) ||
           std::ranges::any_of(attempts.discovery,
                               [](const Answer& answer) { return answer.is_resource_list == false; }) ||
           std::ranges::any_of(attempts.resource, [&](const Answer& answer) {
               return answer.status != 200 && !is_own_lack(answer, caller);
           });
}

template <class T>
void add_unless_seen(std::vector<UnobservedFact>& facts, const Seen<T>& part, std::string what,
                     std::vector<std::string> causes) {
    if (part || part.why().reason == "not-asked" || part.why().reason == "not-found") return;
    const auto& why = part.why();
    facts.push_back({.what = std::move(what),
                     .master = "",
                     .reason = printable(why.reason + (why.detail.empty() ? "" : ": " + why.detail), 320),
                     .causes = std::move(causes)});
}

}  // namespace

Unobserved log_refusal_of(const Result<HttpReply>& reply, std::string_view permission) {
    auto why = refusal_of(reply, permission);
    if (!reply || reply->status < 500) return why;
    const auto document = read_json_object(reply->body, {"message"});
    const auto message = document ? text_at(*document, "message") : reply->body.substr(0, 4096);
    // k0s, k3s and konnectivity say it alike: the tunnel server has nobody at the other end.
    if (contains(message, "No agent available")) {
        why = {.reason = "no-agent", .detail = "kube-apiserver reaches no node: No agent available"};
    } else if (contains(message, "dial tcp") || contains(message, "dial timeout")) {
        why = {.reason = "kubelet-unreachable", .detail = "kube-apiserver cannot connect to the pod's node"};
    }
    return why;
}

std::vector<ApiService> failing_apiservices(const Observation& observation) {
    std::vector<ApiService> failing;
    const auto* all = observation.apiservices();
    if (all == nullptr) return failing;
    for (const auto& apiservice : *all) {
        const bool condition = !apiservice.available.empty() && apiservice.available != "True";
        const bool answers = std::ranges::any_of(observation.apiservers, [&](const ApiserverView& apiserver) {
            const auto at = std::ranges::find(apiserver.attempts, apiservice.name, &ApiServiceAttempts::apiservice);
            return at != apiserver.attempts.end() && fails(*at, observation.caller);
        });
        if (condition || answers) failing.push_back(apiservice);
    }
    return failing;
}

std::vector<UnobservedFact> unobserved_parts(const Workload& workload) {
    const auto of = " of " + printable(workload.apiservice, 256);
    std::vector<UnobservedFact> facts;
    add_unless_seen(facts, workload.namespace_exists, "namespace" + of, {"orphan-apiservice"});
    add_unless_seen(facts, workload.service, "service" + of, {"no-backend", "orphan-apiservice", "no-service-routing"});
    add_unless_seen(facts, workload.endpoints, "endpoints" + of,
                    {"no-backend", "master-to-pod-blocked", "no-service-routing"});
    add_unless_seen(
        facts, workload.pods, "pods" + of,
        {"no-backend", "master-to-pod-blocked", "no-service-routing", "backend-slow-or-node-dead",
         "stale-ca-in-extension", "no-auth-reader-binding", "extension-restart-storm", "dns-or-webhook-of-extension"});
    add_unless_seen(facts, workload.logs, "logs" + of,
                    {"stale-ca-in-extension", "clock-skew", "no-requestheader-ca", "no-auth-reader-binding",
                     "auth-configmap-gone", "no-auth-delegator", "noise-shared-ca-log", "dns-or-webhook-of-extension",
                     "backend-scrape-401", "extension-restart-storm"});
    add_unless_seen(facts, workload.may_review_access, "permissions" + of, {"no-auth-delegator"});
    if (!workload.pods) return facts;
    for (const auto& pod : *workload.pods) {
        add_unless_seen(facts, pod.node_ready, "node of pod " + printable(pod.name, 256),
                        {"backend-slow-or-node-dead"});
    }
    return facts;
}

}  // namespace aggmedic::probes
