#include "probes/observation.hpp"

#include <algorithm>

#include "probes/control_plane_fields.hpp"
#include "probes/json_fields.hpp"
#include "probes/master_view_fields.hpp"
#include "probes/workload_fields.hpp"

namespace aggmedic::probes {

Unobserved unobserved(const Error& error) {
    return {.reason = std::string(name(error.code)), .detail = error.detail};
}

const std::vector<ApiService>* Observation::apiservices() const {
    for (const auto& apiserver : apiservers) {
        if (apiserver.apiservices) return &*apiserver.apiservices;
    }
    return nullptr;
}

const PublishedAuth* Observation::published() const {
    for (const auto& apiserver : apiservers) {
        if (apiserver.published) return &*apiserver.published;
    }
    return nullptr;
}

const Workload* Observation::workload(std::string_view apiservice) const {
    const auto at = std::ranges::find(workloads, apiservice, &Workload::apiservice);
    return at == workloads.end() ? nullptr : &*at;
}

AGGMEDIC_FIELDS(Certificate) {
    v("common_name", x.common_name);
    v("has_common_name", x.has_common_name);
    v("organizations", x.organizations);
    v("subject", x.subject);
    v("issuer", x.issuer);
    v("sha256", x.sha256);
    v("not_before", x.not_before);
    v("not_after", x.not_after);
    v("is_ca", x.is_ca);
    v("has_extended_key_usage", x.has_extended_key_usage);
    v("allows_client_auth", x.allows_client_auth);
    v("dns_names", x.dns_names);
    v("pem", x.pem);
}

AGGMEDIC_FIELDS(Answer) {
    v("at", x.at);
    v("milliseconds", x.milliseconds);
    v("status", x.status);
    v("failure", x.failure);
    v("failure_detail", x.failure_detail);
    v("body", x.body);
    v("flow_schemas", x.flow_schemas);
    v("forbidden_user", x.forbidden_user);
    v.optional("is_resource_list", x.is_resource_list);
    v.optional("location", x.location);
}

AGGMEDIC_FIELDS(ApiService) {
    v("name", x.name);
    v("group", x.group);
    v("version", x.version);
    v("service_namespace", x.service_namespace);
    v("service_name", x.service_name);
    v("port", x.port);
    v("insecure_skip_tls_verify", x.insecure_skip_tls_verify);
    v("ca_bundle_sha256", x.ca_bundle_sha256);
    v.optional("ca_bundle", x.ca_bundle);
    v("available", x.available);
    v("reason", x.reason);
    v("message", x.message);
    v("available_since", x.available_since);
}

AGGMEDIC_FIELDS(PublishedAuth) {
    v("resource_version", x.resource_version);
    v("allowed_names", x.allowed_names);
    v("allowed_names_malformed", x.allowed_names_malformed);
    v("requestheader_ca", x.requestheader_ca);
    v("has_requestheader_ca", x.has_requestheader_ca);
    v("client_ca", x.client_ca);
    v("has_client_ca", x.has_client_ca);
    v("username_headers", x.username_headers);
    v("group_headers", x.group_headers);
    v("extra_headers_prefixes", x.extra_headers_prefixes);
    v.optional("malformed", x.malformed);
    v.optional("changed_at", x.changed_at);
}

AGGMEDIC_FIELDS(TimingPairs) {
    v("pairs", x.pairs);
    v("slower", x.slower);
    v("jitter_us", x.jitter_us);
}

AGGMEDIC_FIELDS(ApiServiceAttempts) {
    v("apiservice", x.apiservice);
    v("discovery", x.discovery);
    v("resource_path", x.resource_path);
    v("resource", x.resource);
    v("canary", x.canary);
    v.optional("timing", x.timing);
}

AGGMEDIC_FIELDS(AvailabilityCount) {
    v("apiservice", x.apiservice);
    v("unavailable", x.unavailable);
    v("times", x.times);
}

AGGMEDIC_FIELDS(AggregatorMetrics) {
    v("at", x.at);
    v("apiservices", x.apiservices);
}

AGGMEDIC_FIELDS(ApiserverView) {
    v("master", x.master);
    v("address", x.address);
    v("version", x.version);
    v("readyz", x.readyz);
    v("readyz_path", x.readyz_path);
    v("control", x.control);
    v("serving", x.serving);
    v("acceptable_client_cas", x.acceptable_client_cas);
    v("clock_offset_ms", x.clock_offset_ms);
    v("apiservices", x.apiservices);
    v("apiservices_left_out", x.apiservices_left_out);
    v("published", x.published);
    v("attempts", x.attempts);
    v.optional("anonymous", x.anonymous);
    v.optional("aggregator", x.aggregator);
}

AGGMEDIC_FIELDS(Caller) {
    v("user", x.user);
    v("groups", x.groups);
    v("is_system_masters", x.is_system_masters);
}

AGGMEDIC_FIELDS(Struck) {
    v("count", x.count);
    v("unexplained", x.unexplained);
    v("is_cut", x.is_cut);
    v("names", x.names);
}

AGGMEDIC_FIELDS(BlastRadius) {
    v("asked_through", x.asked_through);
    v("namespaces", x.namespaces);
    v("autoscalers", x.autoscalers);
    v("pods", x.pods);
}

AGGMEDIC_FIELDS(Observation) {
    v("cluster", x.cluster);
    v("started", x.started);
    v("finished", x.finished);
    v("platform", x.platform);
    v("caller", x.caller);
    v.optional("canary", x.canary);
    v.optional("canary_beyond", x.canary_beyond);
    v("apiservers", x.apiservers);
    v("masters", x.masters);
    v.optional("workloads", x.workloads);
    v.optional("blast_radius", x.blast_radius);
    v.optional("control_plane", x.control_plane);
}

nlohmann::json to_json(const Observation& observation) {
    return json_fields::Writer::encode(observation);
}

Result<Observation> parse_observation(std::string_view text) {
    return json_fields::read<Observation>(text, "observation");
}

}  // namespace aggmedic::probes
