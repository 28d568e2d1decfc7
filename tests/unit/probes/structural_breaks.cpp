#include "structural_breaks.hpp"

#include "disturbed.hpp"

namespace aggmedic::probes {

namespace {

void condition(Observation& seen, const std::string& reason, const std::string& message) {
    answer_all(seen, 503, "service unavailable\n");
    set_condition(seen, "False", reason, message);
}
void refused_401(Observation& seen) {
    condition(seen, "FailedDiscoveryCheck",
              "failing or missing response from https://10.0.0.1:443: bad status from https://10.0.0.1:443: 401");
}
void anonymous_403(Observation& seen) {
    set_condition(seen, "True", "Passed", "all checks passed");
    each_answer(seen, "", [](Answer& answer) {
        answer = Answer{};
        answer.status = 403;
        answer.forbidden_user = "system:anonymous";
    });
}
auto dial(const std::string& error) {
    return [error](Observation& seen) {
        condition(seen, "FailedDiscoveryCheck", "failing or missing response from https://10.0.0.1:443: " + error);
    };
}
auto proxy(const char* pem) {
    return [pem](Observation& seen) { use_proxy(*seen.masters.at("m0"), pem); };
}

// Its service, endpoints and pods as they are when nothing is wrong with them.
Workload good_workload(const std::string& apiservice) {
    Workload workload;
    workload.apiservice = apiservice;
    workload.namespace_exists = true;
    workload.service = ServiceFacts{.type = "ClusterIP",
                                    .cluster_ip = "10.100.200.9",
                                    .has_selector = true,
                                    .has_port = true,
                                    .port_name = "secure",
                                    .target_port = "8443"};
    workload.endpoints = EndpointFacts{.source = "endpoints",
                                       .has_port = true,
                                       .ready_count = 1,
                                       .not_ready_count = 0,
                                       .ready = {"10.200.1.2:8443"},
                                       .not_ready = {}};
    PodFacts pod;
    pod.name = "api-0";
    pod.ready = true;
    pod.phase = "Running";
    pod.node_ready = true;
    workload.pods = std::vector<PodFacts>{pod};
    workload.logs = std::vector<ExtensionLog>{};
    return workload;
}
void each_workload(Observation& seen, const std::function<void(Workload&)>& change) {
    if (seen.workloads.empty())
        seen.workloads = {good_workload(recording::servicecatalog), good_workload(recording::wardle)};
    for (auto& workload : seen.workloads) change(workload);
}
auto logs(LogEvent event) {
    return [event](Observation& seen) {
        each_workload(seen, [&](Workload& workload) {
            ExtensionLog log;
            log.pod = "api-0";
            log.facts = {{.event = event, .common_name = {}, .count = 9, .first = {}, .last = {}}};
            workload.logs->push_back(log);
        });
    };
}
auto reach(const char* service, const char* pod) {
    return [service, pod](Observation& seen) {
        each_workload(seen, [](Workload&) {});
        std::vector<BackendReach> tried;
        for (const auto& workload : seen.workloads) {
            tried.push_back({workload.apiservice, "10.100.200.9:443", "cluster-ip", service});
            tried.push_back({workload.apiservice, "10.200.1.2:8443", "pod", pod});
        }
        seen.masters.at("m0")->backends = tried;
    };
}
void no_flags(Observation& seen) {
    auto& flags = seen.masters.at("m0")->process->arguments.flags;
    flags.erase("proxy-client-cert-file");
    flags.erase("proxy-client-key-file");
}
void unreadable_key(Observation& seen) {
    for (auto& file : seen.masters.at("m0")->files) {
        if (file.flag == "proxy-client-key-file") file.readable = false;
    }
}
void missing_name(Observation& seen) {
    published(seen).allowed_names = {"aggregator"};
    set_live_names(*seen.masters.at("m0"), "aggregator");
}
void proxied(Observation& seen) {
    each_workload(seen, [](Workload&) {});
    seen.masters.at("m0")->proxy_environment = std::map<std::string, std::string>{
        {"https_proxy", "http://proxy:3128"}, {"no_proxy", "10.0.11.0/24,.internal"}};
}
void nothing(Observation&) {}

}  // namespace

Observation healthy_with_separate_cas() {
    auto observation = healthy();
    separate_client_ca(observation);
    return observation;
}

const std::vector<Break>& structural_breaks() {
    static const std::vector<Break> breaks{
        {"cn-not-allowed", "names", missing_name, refused_401},
        {"proxy-cert-wrong-issuer", "certificate", proxy("proxy-other-ca.pem"), refused_401},
        {"proxy-cert-expired", "certificate", proxy("proxy-expired.pem"), refused_401},
        {"wrong-key-usage", "certificate", proxy("proxy-server-eku.pem"), refused_401},
        {"no-proxy-client-cert", "certificate", no_flags, anonymous_403},
        {"flag-typo-or-key-mismatch", "key", unreadable_key, anonymous_403},
        {"header-names-missing", "headers", [](Observation& seen) { published(seen).username_headers.clear(); },
         anonymous_403},
        {"no-requestheader-ca", "published", [](Observation& seen) { published(seen).has_requestheader_ca = false; },
         refused_401},
        {"auth-configmap-gone", "published",
         [](Observation& seen) {
             seen.apiservers.front().published = Unobserved{.reason = "not-found", .detail = "HTTP 404"};
         },
         refused_401},
        {"no-backend", "backend",
         [](Observation& seen) { each_workload(seen, [](Workload& each) { each.pods->clear(); }); },
         [](Observation& seen) {
             condition(seen, "MissingEndpoints", "endpoints for service/api in \"ns\" have no addresses");
         },
         true},
        {"orphan-apiservice", "backend",
         [](Observation& seen) { each_workload(seen, [](Workload& each) { each.namespace_exists = false; }); },
         [](Observation& seen) { condition(seen, "ServiceNotFound", "service/api in \"ns\" is not present"); }, true},
        {"no-auth-reader-binding", "log", logs(LogEvent::config_map_forbidden),
         dial("dial tcp 10.0.0.1:443: connect: connection refused"), true},
        {"no-auth-delegator", "answer", nothing,
         [](Observation& seen) {
             answer_all(seen, 500, "subjectaccessreviews.authorization.k8s.io is forbidden: User \"x\" cannot create");
         },
         true},
        {"serving-cert-untrusted", "answer", nothing,
         [](Observation& seen) {
             answer_all(seen, 503, "error trying to reach service: x509: certificate signed by unknown authority");
         },
         true},
        {"master-to-pod-blocked", "way", reach("timeout", "timeout"), dial("dial tcp 10.0.0.1:443: i/o timeout"), true},
        {"no-service-routing", "way", reach("timeout", "connected"), dial("dial tcp 10.0.0.1:443: i/o timeout"), true},
        {"http-proxy-env", "environment", proxied, dial("Get \"https://10.0.0.1:443\": Forbidden"), true},
    };
    return breaks;
}

}  // namespace aggmedic::probes
