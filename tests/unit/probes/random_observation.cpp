#include "random_observation.hpp"

namespace aggmedic::probes {

namespace {

class Source {
  public:
    explicit Source(std::mt19937_64& random) : random_(random) {}

    std::size_t below(std::size_t limit) { return random_() % limit; }
    bool coin() { return below(2) == 0; }
    std::int64_t number() { return static_cast<std::int64_t>(random_()) >> below(64); }
    TimePoint time() { return TimePoint(std::chrono::milliseconds(number() / 1024)); }
    std::string text() {
        static const std::string samples[] = {
            "", "aggregator", "m\xC3\xA9tro", "\xFF\xFE bytes", std::string("a\0b", 3), "{\"b64\":1}", "line\nline"};
        return samples[below(std::size(samples))];
    }
    template <class F>
    auto list(F make) {
        std::vector<decltype(make())> values;
        for (auto n = below(3); n > 0; --n) values.push_back(make());
        return values;
    }
    std::vector<std::string> texts() {
        return list([&] { return text(); });
    }
    template <class F>
    auto seen(F make) -> Seen<decltype(make())> {
        if (coin()) return Unobserved{.reason = text(), .detail = text()};
        return make();
    }

    template <class F>
    auto maybe(F make) -> std::optional<decltype(make())> {
        if (coin()) return std::nullopt;
        return make();
    }

    Certificate certificate() {
        return {.common_name = text(),
                .has_common_name = coin(),
                .organizations = texts(),
                .subject = text(),
                .issuer = text(),
                .sha256 = text(),
                .not_before = time(),
                .not_after = time(),
                .is_ca = coin(),
                .has_extended_key_usage = coin(),
                .allows_client_auth = coin(),
                .dns_names = texts(),
                .pem = text()};
    }
    std::vector<Certificate> certificates() {
        return list([&] { return certificate(); });
    }
    Answer answer() {
        Answer value{.at = time(),
                     .milliseconds = static_cast<std::uint32_t>(random_()),
                     .status = static_cast<unsigned>(below(600)),
                     .failure = text(),
                     .failure_detail = text(),
                     .body = text(),
                     .flow_schemas = texts(),
                     .forbidden_user = std::nullopt,
                     .is_resource_list = std::nullopt,
                     .location = text()};
        if (coin()) value.forbidden_user = text();
        if (coin()) value.is_resource_list = coin();
        return value;
    }
    std::vector<Answer> answers() {
        return list([&] { return answer(); });
    }
    ApiService apiservice() {
        ApiService value;
        value.name = text();
        value.group = text();
        value.version = text();
        value.service_namespace = text();
        value.service_name = text();
        value.port = static_cast<int>(below(65536));
        value.insecure_skip_tls_verify = coin();
        value.ca_bundle_sha256 = texts();
        value.ca_bundle = seen([&] { return certificates(); });
        value.available = text();
        value.reason = text();
        value.message = text();
        if (coin()) value.available_since = time();
        return value;
    }
    PublishedAuth published() {
        PublishedAuth value;
        value.resource_version = text();
        if (coin()) value.allowed_names = texts();
        value.allowed_names_malformed = coin();
        value.requestheader_ca = certificates();
        value.has_requestheader_ca = coin();
        value.client_ca = certificates();
        value.has_client_ca = coin();
        value.username_headers = texts();
        value.group_headers = texts();
        value.extra_headers_prefixes = texts();
        if (coin()) value.malformed[text()] = text();
        value.changed_at = maybe([&] { return time(); });
        return value;
    }
    ApiServiceAttempts attempts() {
        return {.apiservice = text(),
                .discovery = answers(),
                .resource_path = text(),
                .resource = answers(),
                .canary = answers(),
                .timing = seen([&] {
                    return TimingPairs{.pairs = static_cast<int>(below(41)),
                                       .slower = static_cast<int>(below(41)),
                                       .jitter_us = number()};
                })};
    }
    ApiserverView apiserver() {
        ApiserverView view;
        view.master = text();
        view.address = text();
        view.version = seen([&] { return text(); });
        view.readyz = seen([&] { return answer(); });
        view.readyz_path = text();
        view.control = seen([&] { return answer(); });
        view.serving = seen([&] { return certificates(); });
        view.acceptable_client_cas = texts();
        view.clock_offset_ms = seen([&] { return number(); });
        view.apiservices = seen([&] { return list([&] { return apiservice(); }); });
        view.apiservices_left_out = below(10000);
        view.published = seen([&] { return published(); });
        view.attempts = list([&] { return attempts(); });
        view.anonymous = seen([&] { return answer(); });
        view.aggregator = seen([&] {
            AggregatorMetrics metrics{.at = time(), .apiservices = {}};
            metrics.apiservices = list([&] {
                return AvailabilityCount{.apiservice = text(),
                                         .unavailable = maybe([&] { return coin(); }),
                                         .times = {{text(), below(1000)}}};
            });
            return metrics;
        });
        return view;
    }
    Arguments arguments() {
        Arguments value{.count = below(100), .sha256 = text(), .flags = {}};
        for (auto n = below(3); n > 0; --n) value.flags[text()] = texts();
        return value;
    }
    MasterView master() {
        MasterView view;
        view.master = text();
        view.platform = text();
        view.boot_id = text();
        view.hostname = text();
        view.uptime_seconds = static_cast<double>(below(1'000'000)) / 100;
        view.clock_offset_ms = number();
        view.args_file = {.path = text(),
                          .resolved = text(),
                          .sha256 = text(),
                          .size = random_(),
                          .owner = text(),
                          .group = text(),
                          .mode = text(),
                          .modified = maybe([&] { return time(); })};
        view.file_arguments = seen([&] { return arguments(); });
        view.file_text_fault = text();
        view.process = seen([&] {
            return ProcessFacts{.pid = number(),
                                .start_ticks = random_(),
                                .executable = text(),
                                .arguments = arguments(),
                                .started_at = maybe([&] { return time(); })};
        });
        view.file_equals_process = coin();
        view.differing_flags = texts();
        view.files = list([&] {
            return NamedFile{.flag = text(),
                             .path = text(),
                             .exists = coin(),
                             .readable = coin(),
                             .certificates = certificates(),
                             .modified = maybe([&] { return time(); })};
        });
        view.supervisor = seen([&] { return supervisor(); });
        view.disk_free_bytes = random_();
        view.memory_available_bytes = random_();
        view.lock = text();
        view.backups = texts();
        view.backends = seen([&] {
            return list([&] {
                return BackendReach{.apiservice = text(), .address = text(), .kind = text(), .outcome = text()};
            });
        });
        view.proxy_environment = seen([&] { return std::map<std::string, std::string>{{text(), text()}}; });
        view.proxy_key_matches = seen([&] { return coin(); });
        view.permanent_fix_present = seen([&] { return coin(); });
        view.unpacked_job = seen([&] {
            return UnpackedJob{
                .files = below(50), .oldest_change = time(), .newest_modified = time(), .file_changed = time()};
        });
        view.start_faults = seen([&] { return texts(); });
        return view;
    }
    SupervisorState supervisor() {
        return {.dialect = text(),
                .services = list([&] {
                    ServiceState state{
                        .name = text(), .status = text(), .running = coin(), .pending = coin(), .pid = std::nullopt};
                    if (coin()) state.pid = number();
                    return state;
                })};
    }

    ServiceFacts service() {
        return {.type = text(),
                .cluster_ip = text(),
                .has_selector = coin(),
                .has_port = coin(),
                .port_name = text(),
                .target_port = text()};
    }
    EndpointFacts endpoints() {
        return {.source = text(),
                .has_port = coin(),
                .ready_count = below(100),
                .not_ready_count = below(100),
                .ready = texts(),
                .not_ready = texts()};
    }
    PodFacts pod() {
        return {.name = text(),
                .address = text(),
                .node = text(),
                .node_ready = seen([&] { return coin(); }),
                .phase = text(),
                .ready = coin(),
                .started_at = maybe([&] { return time(); }),
                .restarts = number(),
                .waiting_reason = text(),
                .last_exit_reason = text(),
                .last_exit_code = maybe([&] { return number(); }),
                .last_exit_at = maybe([&] { return time(); })};
    }
    ExtensionLog log() {
        const auto events = every(LogEvent{});
        return {.pod = text(),
                .facts = list([&] {
                    return LogFact{.event = events[below(events.size())],
                                   .common_name = text(),
                                   .count = below(1000),
                                   .first = maybe([&] { return time(); }),
                                   .last = maybe([&] { return time(); })};
                }),
                .names_left_out = below(10),
                .is_cut = coin(),
                .previous = coin()};
    }
    Workload workload() {
        return {.apiservice = text(),
                .asked_through = text(),
                .namespace_exists = seen([&] { return coin(); }),
                .service = seen([&] { return service(); }),
                .endpoints = seen([&] { return endpoints(); }),
                .pods = seen([&] { return list([&] { return pod(); }); }),
                .logs = seen([&] { return list([&] { return log(); }); }),
                .may_review_access = seen([&] { return coin(); })};
    }
    Struck struck() { return {.count = below(1000), .unexplained = below(1000), .is_cut = coin(), .names = texts()}; }
    BlastRadius blast_radius() {
        return {.asked_through = text(),
                .namespaces = seen([&] { return struck(); }),
                .autoscalers = seen([&] { return struck(); }),
                .pods = seen([&] { return struck(); })};
    }
    EtcdMember etcd_member() { return {.name = text(), .healthy = coin(), .says = text()}; }
    ClosedWebhook webhook() {
        return {.name = text(),
                .covers = text(),
                .unread = text(),
                .backend = text(),
                .ready = seen([&] { return static_cast<std::size_t>(below(9)); })};
    }
    ControlPlane control_plane() {
        ControlPlane made;
        for (auto n = below(3); n > 0; --n)
            made.etcd[text()] = seen([&] { return list([&] { return etcd_member(); }); });
        made.webhooks = seen([&] { return list([&] { return webhook(); }); });
        made.endpoints = seen([&] { return texts(); });
        made.controller_manager = seen([&] { return text(); });
        made.scheduler = seen([&] { return text(); });
        return made;
    }

  private:
    std::mt19937_64& random_;
};

}  // namespace

Observation random_observation(std::mt19937_64& random) {
    Source from(random);
    Observation observation;
    observation.cluster = from.text();
    observation.started = from.time();
    observation.finished = from.time();
    observation.platform = from.text();
    observation.caller = {.user = from.text(), .groups = from.texts(), .is_system_masters = from.coin()};
    observation.canary = {.user = from.text(), .groups = from.texts(), .is_system_masters = from.coin()};
    observation.canary_beyond = from.seen([&] { return from.answer(); });
    observation.apiservers = from.list([&] { return from.apiserver(); });
    for (auto n = from.below(3); n > 0; --n)
        observation.masters[from.text()] = from.seen([&] { return from.master(); });
    observation.workloads = from.list([&] { return from.workload(); });
    observation.blast_radius = from.seen([&] { return from.blast_radius(); });
    observation.control_plane = from.seen([&] { return from.control_plane(); });
    return observation;
}

}  // namespace aggmedic::probes
