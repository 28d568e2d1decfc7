#include <fmt/format.h>

#include <algorithm>

#include "net/text.hpp"
#include "probes/causes/rules.hpp"

// What stands behind an APIService that fails, as the API shows it: namespace, service, endpoints, pods, nodes.
namespace aggmedic::probes {

namespace {

bool is_gone(const auto& seen) {
    return !seen && seen.why().reason == "not-found";
}

// Failures that a missing or dead backend explains; a refusal of the proxy needs a server that answers.
bool is_about_the_backend(Symptom symptom) {
    switch (symptom) {
        case Symptom::unavailable:
        case Symptom::missing_backend:
        case Symptom::missing_service:
        case Symptom::refused:
        case Symptom::timed_out:
        case Symptom::no_route:
        case Symptom::no_status:
        case Symptom::lost_http2:
        case Symptom::no_tls:
        case Symptom::not_found:
            return true;
        default:
            return false;
    }
}

bool on_dead_nodes(const Workload& workload) {
    return workload.pods && !workload.pods->empty() &&
           std::ranges::all_of(*workload.pods, [](const PodFacts& pod) { return pod.node_ready && !*pod.node_ready; });
}

// Evicted and completed pods stay listed, and say nothing of those that should serve.
std::vector<PodFacts> serving(const std::vector<PodFacts>& pods) {
    std::vector<PodFacts> found;
    std::ranges::copy_if(pods, std::back_inserter(found),
                         [](const PodFacts& pod) { return pod.phase != "Failed" && pod.phase != "Succeeded"; });
    return found;
}

struct Structure {
    std::string_view cause;
    std::string fact;
};

std::string of_pods(const std::vector<PodFacts>& pods) {
    const auto& pod = pods.front();
    auto text = fmt::format("none of {} pod(s) is ready, {} {}", pods.size(), quoted(pod.name),
                            pod.waiting_reason.empty() ? printable(pod.phase, 64) : printable(pod.waiting_reason, 64));
    if (!pod.last_exit_reason.empty()) text += ", last ended with " + printable(pod.last_exit_reason, 64);
    return text;
}

Structure structure_of(const Workload& workload, Symptom symptom) {
    if (is_gone(workload.namespace_exists) || (workload.namespace_exists && !*workload.namespace_exists))
        return {"orphan-apiservice", "the namespace of its service does not exist"};
    // A name outside the cluster has no ports, pods or endpoints here.
    if (!workload.service || workload.service->type == "ExternalName") return {};
    if (!workload.service->has_port) return {"no-backend", "its service has no port of the number that it names"};
    // Who refuses a connection is alive.
    if (symptom != Symptom::refused && on_dead_nodes(workload))
        return {"backend-slow-or-node-dead", "the nodes of all its pods are not ready"};
    if (workload.pods && workload.pods->empty() && workload.service->has_selector)
        return {"no-backend", "its service selects no pod"};
    if (workload.endpoints && workload.endpoints->ready_count > 0) return {};
    const auto pods = workload.pods ? serving(*workload.pods) : std::vector<PodFacts>();
    if (!pods.empty() && std::ranges::none_of(pods, &PodFacts::ready)) return {"no-backend", of_pods(pods)};
    if (workload.endpoints) return {"no-backend", "its service has no ready endpoint"};
    return {};
}

// Pods and endpoints are ready, so the server was reached and this is what it answers.
bool is_ready(const Workload& workload) {
    return workload.pods && std::ranges::any_of(*workload.pods, &PodFacts::ready) && workload.endpoints &&
           workload.endpoints->ready_count > 0;
}

// After one right answer no body is looked at any more, so these cannot be counted against each other: a mixed rollout
// is another matter.
bool answers_something_else(const ApiCase& api) {
    int other = 0, right = 0;
    for (const auto& through : api.through) {
        for (const auto& answer : through.attempts->discovery) {
            if (!answer.is_resource_list) continue;
            ++(*answer.is_resource_list ? right : other);
        }
    }
    return other > 0 && right == 0;
}

void propose(const ApiCase& api, std::string_view cause, std::string fact, std::string source, Assessment& assessment) {
    auto finding = make_finding(cause, Confidence::certain, AllowList::wrong);
    finding.apiservice = api.apiservice->name;
    add_evidence(finding, std::move(fact), std::move(source));
    add_api_evidence(finding, api);
    rule_out(finding, "cn-not-allowed",
             cause == "wrong-discovery-answer" ? "it answered, and not with a refusal of the proxy"
                                               : "the extension API server was not reached");
    assessment.findings.push_back(std::move(finding));
}

}  // namespace

void judge_workloads(const Case& seen, Assessment& assessment) {
    for (const auto& api : seen.apis) {
        if (answers_something_else(api)) {
            propose(api, "wrong-discovery-answer",
                    "its discovery answers 200 with something else than the list of this group and version", "answer",
                    assessment);
        }
        const auto* workload = seen.observation.workload(api.apiservice->name);
        if (workload == nullptr || !api.fails()) continue;
        const auto symptom = api.symptom();
        if (is_about_the_backend(symptom)) {
            const auto [cause, fact] = structure_of(*workload, symptom);
            if (!cause.empty()) propose(api, cause, fact, "workload", assessment);
        }
        if (symptom == Symptom::not_found && is_ready(*workload)) {
            propose(api, "wrong-discovery-answer", "its pods are ready and answer the discovery path with no API",
                    "workload", assessment);
        }
    }
}

// After the other rules: behind a refusal of the proxy it is a second cause, which shows only when the first is gone.
void judge_delegation(const Case& seen, Assessment& assessment) {
    for (const auto& api : seen.apis) {
        const auto* workload = seen.observation.workload(api.apiservice->name);
        if (workload == nullptr || !workload->may_review_access || *workload->may_review_access) continue;
        const auto symptom = api.symptom();
        const bool answers = symptom == Symptom::server_error || symptom == Symptom::review_forbidden;
        if (!api.fails() || (!answers && !is_rejected(api))) continue;
        auto finding = make_finding("no-auth-delegator", Confidence::certain, AllowList::wrong);
        finding.apiservice = api.apiservice->name;
        add_evidence(finding, "kube-apiserver says that its pods' service account may not create SubjectAccessReviews",
                     "workload");
        add_api_evidence(finding, api);
        assessment.findings.push_back(std::move(finding));
    }
}

}  // namespace aggmedic::probes
