#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "net/result.hpp"
#include "net/time.hpp"
#include "probes/aggregator_metrics.hpp"
#include "probes/blast_radius.hpp"
#include "probes/certificate.hpp"
#include "probes/control_plane.hpp"
#include "probes/master_view.hpp"
#include "probes/seen.hpp"
#include "probes/workload.hpp"

// What was seen of one cluster in one cycle, with the failures to see. A plain value: it prints as JSON, is stored, and
// replays through diagnose() without a network. It holds no secret: of arguments only the flags of `known_flags`, of
// files only certificates and digests, of logs only which messages of a fixed table occurred.
namespace aggmedic::probes {

// One HTTP answer as far as a judgement needs it.
struct Answer {
    TimePoint at{};
    std::uint32_t milliseconds = 0;
    unsigned status = 0;  // 0: no answer, see `failure`
    std::string failure;  // Errc name when status is 0
    std::string failure_detail;
    std::string body;  // first 512 bytes; never of a 200 (it could be somebody's data)
    std::vector<std::string>
        flow_schemas;  // X-Kubernetes-Pf-Flowschema-Uid lines in order: kube-apiserver's first (>= 1.20)
    std::optional<std::string> forbidden_user;  // the User "..." that a 403's Status message names
    // Of a discovery that was answered 200: whether the body is an APIResourceList of the group and version that were
    // asked for (AGG-28). nullopt: another question or status, or not looked at (a cycle reads the first 200).
    std::optional<bool> is_resource_list = std::nullopt;
    std::string location{};  // of a 3xx: scheme, host and path; never its query
    bool operator==(const Answer&) const = default;
};

struct ApiService {
    std::string name;  // v1beta1.servicecatalog.k8s.io
    std::string group, version;
    std::string service_namespace, service_name;
    int port = 443;
    bool insecure_skip_tls_verify = false;
    std::vector<std::string> ca_bundle_sha256;
    Seen<std::vector<Certificate>> ca_bundle;  // not-found: none is given; malformed_reply: it cannot be read
    std::string available;                     // True, False, Unknown, or empty: no condition yet
    std::string reason, message;
    std::optional<TimePoint> available_since;
    bool operator==(const ApiService&) const = default;
};

// kube-system/extension-apiserver-authentication: what extension API servers enforce.
struct PublishedAuth {
    std::string resource_version;
    std::optional<std::vector<std::string>>
        allowed_names;                     // nullopt: the key is missing. Empty: any CN of the CA passes
    bool allowed_names_malformed = false;  // the key is there and is no JSON list of strings
    std::vector<Certificate> requestheader_ca;
    bool has_requestheader_ca = false;
    std::vector<Certificate> client_ca;
    bool has_client_ca = false;
    std::vector<std::string> username_headers, group_headers, extra_headers_prefixes;
    // Keys that are there and cannot be read, with the reason: what they hold is unknown, neither absent nor empty.
    std::map<std::string, std::string> malformed;
    std::optional<TimePoint> changed_at;  // last write that metadata.managedFields tells (>= 1.18)
    bool operator==(const PublishedAuth&) const = default;
};

// GETs as the canary, each in a namespace never asked before (so that its SubjectAccessReview is not cached) beside one
// that is cached. Probable evidence only: healthy from 34 slower ones of 40 on, masked up to 28.
struct TimingPairs {
    int pairs = 0;
    int slower = 0;              // pairs in which the fresh namespace took longer
    std::int64_t jitter_us = 0;  // median difference between two cached GETs; above 500 the pairs tell nothing
    bool operator==(const TimingPairs&) const = default;
};

// The attempts of one cycle at one aggregated API through one apiserver.
struct ApiServiceAttempts {
    std::string apiservice;
    std::vector<Answer> discovery;  // GET /apis/<group>/<version>
    std::string resource_path;      // empty: discovery named no resource that can be listed
    std::vector<Answer> resource;   // GET resource_path?limit=1 as the probe
    std::vector<Answer> canary;     // GET the name aggmedic-canary as the canary ServiceAccount
    Seen<TimingPairs> timing{};
    bool operator==(const ApiServiceAttempts&) const = default;
};

// One apiserver asked over HTTPS: a master by its own address, or the cluster's server address (name empty).
struct ApiserverView {
    std::string master;         // empty: the load-balancer address
    std::string address;        // host:port
    Seen<std::string> version;  // gitVersion
    Seen<Answer> readyz;        // /readyz, or /healthz where there is no /readyz (404)
    std::string readyz_path;
    Seen<Answer> control;                    // GET /api with the probe's credential
    Seen<std::vector<Certificate>> serving;  // the chain of the TLS handshake, leaf first
    std::vector<std::string> acceptable_client_cas;
    Seen<std::int64_t>
        clock_offset_ms;  // Date header minus our clock, middle of the exchange; the header has whole seconds
    Seen<std::vector<ApiService>>
        apiservices;  // as this apiserver lists them; not-asked where the first one's answer serves
    std::size_t apiservices_left_out = 0;  // listed beyond the cap (design 5.5): neither kept nor asked
    Seen<PublishedAuth> published;         // likewise
    std::vector<ApiServiceAttempts> attempts;
    // GET readyz_path without any credential: 401 or 403 where anonymous access is off (AGG-33).
    Seen<Answer> anonymous;
    Seen<AggregatorMetrics> aggregator{};  // of /metrics; asked where an aggregated API fails, and rarely
    bool operator==(const ApiserverView&) const = default;
};

// Who the probe's credential is, as far as it says so itself (certificate subject, ServiceAccount token claims).
struct Caller {
    std::string user;  // empty: unknown (an opaque token)
    std::vector<std::string> groups;
    bool is_system_masters = false;  // blind to a masked identity
    bool operator==(const Caller&) const = default;
};

struct Observation {
    std::string cluster;
    TimePoint started{}, finished{};
    std::string platform;  // bosh, or empty: not told (kubeconfig only)
    Caller caller;
    Caller canary{};
    // GET of a name that no rule names, as the canary: anything but 403 shows that it may do more than it should.
    Seen<Answer> canary_beyond{};
    std::vector<ApiserverView> apiservers;            // the server address first (master empty), then each master
    std::map<std::string, Seen<MasterView>> masters;  // by name; empty where SSH is not configured
    std::vector<Workload> workloads;                  // of the aggregated APIs that failed in this cycle
    Seen<BlastRadius> blast_radius;                   // of their failure; not-asked where nobody wants to know
    Seen<ControlPlane> control_plane{};               // asked only before something is planned or begun
    bool operator==(const Observation&) const = default;

    // The first apiserver that could say; nullptr when none could.
    const std::vector<ApiService>* apiservices() const;
    const PublishedAuth* published() const;
    const Workload* workload(std::string_view apiservice) const;
};

nlohmann::json to_json(const Observation& observation);
// Errors: malformed_reply with the key that is wrong.
Result<Observation> parse_observation(std::string_view json);

}  // namespace aggmedic::probes
