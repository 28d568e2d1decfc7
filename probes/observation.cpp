#include "probes/observation.hpp"

#include "probes/json_fields.hpp"

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

// The fields of each struct; `V` is Writer or Reader, `T` const or not.
#define AGGMEDIC_FIELDS(Type)                                 \
    template <class V, class T>                               \
        requires std::is_same_v<std::remove_const_t<T>, Type> \
    void fields(V& v, T& x)

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
}

AGGMEDIC_FIELDS(ApiServiceAttempts) {
    v("apiservice", x.apiservice);
    v("discovery", x.discovery);
    v("resource_path", x.resource_path);
    v("resource", x.resource);
    v("canary", x.canary);
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
}

AGGMEDIC_FIELDS(FileFacts) {
    v("path", x.path);
    v("resolved", x.resolved);
    v("sha256", x.sha256);
    v("size", x.size);
    v("owner", x.owner);
    v("group", x.group);
    v("mode", x.mode);
}

AGGMEDIC_FIELDS(Arguments) {
    v("count", x.count);
    v("sha256", x.sha256);
    v("flags", x.flags);
}

AGGMEDIC_FIELDS(ProcessFacts) {
    v("pid", x.pid);
    v("start_ticks", x.start_ticks);
    v("executable", x.executable);
    v("arguments", x.arguments);
}

AGGMEDIC_FIELDS(ServiceState) {
    v("name", x.name);
    v("status", x.status);
    v("running", x.running);
    v("pending", x.pending);
    v("pid", x.pid);
}

AGGMEDIC_FIELDS(SupervisorState) {
    v("dialect", x.dialect);
    v("services", x.services);
}

AGGMEDIC_FIELDS(NamedFile) {
    v("flag", x.flag);
    v("path", x.path);
    v("exists", x.exists);
    v("readable", x.readable);
    v("certificates", x.certificates);
}

AGGMEDIC_FIELDS(MasterView) {
    v("master", x.master);
    v("platform", x.platform);
    v("boot_id", x.boot_id);
    v("uptime_seconds", x.uptime_seconds);
    v("clock_offset_ms", x.clock_offset_ms);
    v("args_file", x.args_file);
    v("file_arguments", x.file_arguments);
    v("file_text_fault", x.file_text_fault);
    v("process", x.process);
    v("file_equals_process", x.file_equals_process);
    v("differing_flags", x.differing_flags);
    v("files", x.files);
    v("supervisor", x.supervisor);
    v("disk_free_bytes", x.disk_free_bytes);
    v("memory_available_bytes", x.memory_available_bytes);
    v("lock", x.lock);
    v("backups", x.backups);
}

AGGMEDIC_FIELDS(Caller) {
    v("user", x.user);
    v("groups", x.groups);
    v("is_system_masters", x.is_system_masters);
}

AGGMEDIC_FIELDS(Observation) {
    v("cluster", x.cluster);
    v("started", x.started);
    v("finished", x.finished);
    v("platform", x.platform);
    v("caller", x.caller);
    v("apiservers", x.apiservers);
    v("masters", x.masters);
}

#undef AGGMEDIC_FIELDS

nlohmann::json to_json(const Observation& observation) {
    return json_fields::Writer::encode(observation);
}

Result<Observation> parse_observation(std::string_view text) {
    return json_fields::read<Observation>(text, "observation");
}

}  // namespace aggmedic::probes
