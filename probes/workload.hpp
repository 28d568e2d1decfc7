#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "net/time.hpp"
#include "probes/extension_log.hpp"
#include "probes/seen.hpp"

// What stands behind an APIService in the cluster, as the API shows it. Asked only for aggregated APIs that fail.
namespace aggmedic::probes {

struct ServiceFacts {
    std::string type;        // ClusterIP, ExternalName, ...
    std::string cluster_ip;  // empty or None: headless
    bool has_selector = false;
    bool has_port = false;               // the port that the APIService names is one of the service's
    std::string port_name, target_port;  // of that port
    bool operator==(const ServiceFacts&) const = default;
};

struct EndpointFacts {
    std::string source;     // endpoints, endpointslices
    bool has_port = false;  // a subset or slice carries the service port's name
    std::size_t ready_count = 0, not_ready_count = 0;
    std::vector<std::string> ready, not_ready;  // host:port, sorted, the first 32 each
    bool operator==(const EndpointFacts&) const = default;
};

struct PodFacts {
    std::string name;
    std::string address;  // pod IP; empty: none yet
    std::string node;     // empty: not scheduled
    Seen<bool> node_ready;
    std::string phase;
    bool ready = false;
    // Of the container that serves the service's port.
    std::optional<TimePoint> started_at;  // nullopt: it does not run
    std::int64_t restarts = 0;
    std::string waiting_reason;    // CrashLoopBackOff, ImagePullBackOff, ...; empty: it does not wait
    std::string last_exit_reason;  // Error, OOMKilled, Completed, ...; empty: it has never ended
    std::optional<std::int64_t> last_exit_code;
    std::optional<TimePoint> last_exit_at;
    bool operator==(const PodFacts&) const = default;
};

// A part is not-found where the API answered 404, forbidden (with the rule that is missing) at a 403.
struct Workload {
    std::string apiservice;
    std::string asked_through;  // the master, empty: the server address
    Seen<bool> namespace_exists;
    Seen<ServiceFacts> service;
    Seen<EndpointFacts> endpoints;
    Seen<std::vector<PodFacts>> pods;  // by name, the first 16; not-asked where the service has no selector
    // Of at most three pods. Reasons beside the usual: no-agent (konnectivity has none), kubelet-unreachable (the
    // apiserver could not reach the node): either is a fact about the way from masters to nodes (AGG-26, AGG-27).
    Seen<std::vector<ExtensionLog>> logs;
    // Whether the pods' service account may create SubjectAccessReviews, which every delegated authorization needs
    // (AGG-18). kube-apiserver says so itself: while the proxy is refused no log can tell.
    Seen<bool> may_review_access;
    bool operator==(const Workload&) const = default;
};

}  // namespace aggmedic::probes
