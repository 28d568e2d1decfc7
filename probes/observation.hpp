#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "net/result.hpp"
#include "net/time.hpp"
#include "probes/certificate.hpp"

// What was seen of one cluster in one cycle, with the failures to see. A plain value: it prints as JSON, is stored, and
// replays through diagnose() without a network. It holds no secret: of arguments only the flags of `known_flags`, of
// files only certificates and digests.
namespace aggmedic::probes {

// Why something could not be observed. `reason` is an Errc name, or one of: `not-asked` (nothing to ask with),
// `forbidden`, `not-found`, `status` (an unexpected HTTP status).
struct Unobserved {
    std::string reason = "not-asked";
    std::string detail;
    bool operator==(const Unobserved&) const = default;
};

template <class T>
class Seen {
  public:
    Seen() = default;                                 // not-asked
    Seen(T value) : state_(std::move(value)) {}       // NOLINT(google-explicit-constructor): a value is seen
    Seen(Unobserved why) : state_(std::move(why)) {}  // NOLINT(google-explicit-constructor)
    explicit operator bool() const { return std::holds_alternative<T>(state_); }
    const T& operator*() const { return std::get<T>(state_); }
    T& operator*() { return std::get<T>(state_); }
    const T* operator->() const { return &std::get<T>(state_); }
    T* operator->() { return &std::get<T>(state_); }
    const Unobserved& why() const { return std::get<Unobserved>(state_); }
    bool operator==(const Seen&) const = default;

  private:
    std::variant<Unobserved, T> state_;
};

Unobserved unobserved(const Error& error);

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
    bool operator==(const Answer&) const = default;
};

struct ApiService {
    std::string name;  // v1beta1.servicecatalog.k8s.io
    std::string group, version;
    std::string service_namespace, service_name;
    int port = 443;
    bool insecure_skip_tls_verify = false;
    std::vector<std::string> ca_bundle_sha256;
    std::string available;  // True, False, Unknown, or empty: no condition yet
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
    bool operator==(const PublishedAuth&) const = default;
};

// The attempts of one cycle at one aggregated API through one apiserver.
struct ApiServiceAttempts {
    std::string apiservice;
    std::vector<Answer> discovery;  // GET /apis/<group>/<version>
    std::string resource_path;      // empty: discovery named no resource that can be listed
    std::vector<Answer> resource;   // GET resource_path?limit=1 as the probe
    std::vector<Answer> canary;     // GET the name aggmedic-canary as the canary ServiceAccount
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
    bool operator==(const ApiserverView&) const = default;
};

struct FileFacts {
    std::string path, resolved;  // as configured; after following links
    std::string sha256;
    std::uint64_t size = 0;
    std::string owner, group, mode;  // mode in octal: 0640
    bool operator==(const FileFacts&) const = default;
};

// The flags of a kube-apiserver command line that judgements need, in order; a flag given twice has two values.
using Flags = std::map<std::string, std::vector<std::string>>;

struct Arguments {
    std::size_t count = 0;  // without the program, empty ones not counted
    std::string sha256;     // of the non-empty ones, each followed by NUL
    Flags flags;            // only those of known_flags()
    bool operator==(const Arguments&) const = default;
};
// Reads argv (without the program): `--flag=value`, `--flag value`, bare `--flag` (value "true" is not invented: empty
// string).
Arguments read_arguments(const std::vector<std::string>& argv);
bool is_known_flag(std::string_view flag);
// The names of a --requestheader-allowed-names value as kube-apiserver splits it (CSV with double quotes; a flag given
// twice adds up).
std::vector<std::string> allowed_names(const Flags& flags);

struct ProcessFacts {
    std::int64_t pid = 0;
    std::uint64_t start_ticks = 0;  // field 22 of /proc/<pid>/stat: with the boot id, the process's identity
    std::string executable;
    Arguments arguments;
    bool operator==(const ProcessFacts&) const = default;
};

struct ServiceState {
    std::string name;
    std::string status;    // monit's text
    bool running = false;  // `running` or `OK`, monitored, nothing pending
    bool pending = false;
    std::optional<std::int64_t> pid;
    bool operator==(const ServiceState&) const = default;
};
struct SupervisorState {
    std::string dialect;  // monit-5.2.5, monit-5.33
    std::vector<ServiceState> services;
    bool operator==(const SupervisorState&) const = default;
};

// A file that a flag names.
struct NamedFile {
    std::string flag, path;
    bool exists = false;
    bool readable = false;                  // by the apiserver's user
    std::vector<Certificate> certificates;  // CERTIFICATE blocks only; empty for keys
    bool operator==(const NamedFile&) const = default;
};

// One master seen over SSH, read-only.
struct MasterView {
    std::string master;
    std::string platform;  // bosh
    std::string boot_id;
    double uptime_seconds = 0;
    std::int64_t clock_offset_ms = 0;
    FileFacts args_file;
    Seen<Arguments> file_arguments;  // malformed_reply: the file is not understood
    std::string file_text_fault;     // why, when it is not
    Seen<ProcessFacts> process;
    bool file_equals_process = false;          // same non-empty arguments in the same order
    std::vector<std::string> differing_flags;  // names only
    std::vector<NamedFile> files;
    Seen<SupervisorState> supervisor;
    std::uint64_t disk_free_bytes = 0;
    std::uint64_t memory_available_bytes = 0;
    std::string lock;                  // text of /run/aggmedic/lock, empty: none
    std::vector<std::string> backups;  // old bytes that a run left beside the file
    bool operator==(const MasterView&) const = default;
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
    std::vector<ApiserverView> apiservers;            // the server address first (master empty), then each master
    std::map<std::string, Seen<MasterView>> masters;  // by name; empty where SSH is not configured
    bool operator==(const Observation&) const = default;

    // The first apiserver that could say; nullptr when none could.
    const std::vector<ApiService>* apiservices() const;
    const PublishedAuth* published() const;
};

nlohmann::json to_json(const Observation& observation);
// Errors: malformed_reply with the key that is wrong.
Result<Observation> parse_observation(std::string_view json);

}  // namespace aggmedic::probes
