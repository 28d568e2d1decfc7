#pragma once

#include "probes/json_fields.hpp"
#include "probes/workload.hpp"

// The members of Workload's structs as JSON; for observation.cpp.
namespace aggmedic::probes {

AGGMEDIC_FIELDS(ServiceFacts) {
    v("type", x.type);
    v("cluster_ip", x.cluster_ip);
    v("has_selector", x.has_selector);
    v("has_port", x.has_port);
    v("port_name", x.port_name);
    v("target_port", x.target_port);
}

AGGMEDIC_FIELDS(EndpointFacts) {
    v("source", x.source);
    v("has_port", x.has_port);
    v("ready_count", x.ready_count);
    v("not_ready_count", x.not_ready_count);
    v("ready", x.ready);
    v("not_ready", x.not_ready);
}

AGGMEDIC_FIELDS(PodFacts) {
    v("name", x.name);
    v("address", x.address);
    v("node", x.node);
    v("node_ready", x.node_ready);
    v("phase", x.phase);
    v("ready", x.ready);
    v("started_at", x.started_at);
    v("restarts", x.restarts);
    v("waiting_reason", x.waiting_reason);
    v("last_exit_reason", x.last_exit_reason);
    v("last_exit_code", x.last_exit_code);
    v("last_exit_at", x.last_exit_at);
}

AGGMEDIC_FIELDS(LogFact) {
    v("event", x.event);
    v("common_name", x.common_name);
    v("count", x.count);
    v("first", x.first);
    v("last", x.last);
}

AGGMEDIC_FIELDS(ExtensionLog) {
    v("pod", x.pod);
    v("facts", x.facts);
    v("names_left_out", x.names_left_out);
    v("is_cut", x.is_cut);
    v("previous", x.previous);
}

AGGMEDIC_FIELDS(Workload) {
    v("apiservice", x.apiservice);
    v("asked_through", x.asked_through);
    v("namespace_exists", x.namespace_exists);
    v("service", x.service);
    v("endpoints", x.endpoints);
    v("pods", x.pods);
    v("logs", x.logs);
    v.optional("may_review_access", x.may_review_access);
}

}  // namespace aggmedic::probes
