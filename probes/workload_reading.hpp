#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "net/http_message.hpp"
#include "net/result.hpp"
#include "probes/finding.hpp"
#include "probes/observation.hpp"
#include "probes/workload.hpp"

// Reads what the core API says of an aggregated API's backend (core/v1, discovery.k8s.io/v1 and v1beta1). Missing
// fields are taken as absent. Errors: malformed_reply.
namespace aggmedic::probes {

struct ServiceAnswer {
    ServiceFacts facts;
    std::string label_selector;  // percent-encoded, for a query; empty: the service selects no pods
};
Result<ServiceAnswer> parse_service(std::string_view json, int port);

Result<EndpointFacts> parse_endpoints(std::string_view json, std::string_view port_name);
// not-found when the list is empty.
Result<Seen<EndpointFacts>> parse_endpoint_slices(std::string_view json, std::string_view port_name);

struct PodAnswer {
    PodFacts facts;
    std::string container;  // that serves the port: whose log is worth reading; empty: none that a path can name
    std::string service_account;
};
// By name, at most `pods_max`.
Result<std::vector<PodAnswer>> parse_pods(std::string_view json, const ServiceFacts& service, std::size_t pods_max);

Result<bool> parse_node_ready(std::string_view json);

// The question, as a body to POST, whether a service account may create SubjectAccessReviews, and its answer
// (authorization.k8s.io/v1).
std::string access_review_of(std::string_view space, std::string_view service_account);
Result<bool> parse_access_review(std::string_view json);

// Why a log could not be read: as refusal_of, and no-agent or kubelet-unreachable where kube-apiserver says that it
// could not get to the node.
Unobserved log_refusal_of(const Result<HttpReply>& reply, std::string_view permission);

// The APIServices whose aggregated API failed in this cycle, through any apiserver or by its condition. A 403 of a list
// that names the probe itself, or nobody known, is a missing permission and no failure.
std::vector<ApiService> failing_apiservices(const Observation& observation);

// What of a workload could not be seen, each with the causes that it hides and no others: optional evidence must not
// freeze what rests on other facts.
std::vector<UnobservedFact> unobserved_parts(const Workload& workload);

}  // namespace aggmedic::probes
