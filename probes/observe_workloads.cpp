#include "probes/observe_workloads.hpp"

#include <algorithm>
#include <map>
#include <tuple>

#include "probes/answer.hpp"
#include "probes/apiserver.hpp"
#include "probes/apiservice.hpp"
#include "probes/exchange.hpp"
#include "probes/questions.hpp"
#include "probes/workload_reading.hpp"

namespace aggmedic::probes {

namespace {

using std::chrono::milliseconds;

constexpr std::size_t services_max = 10;
constexpr std::size_t pods_max = 16;
constexpr std::size_t logs_max = 3;
constexpr std::size_t log_lines_max = 400;
constexpr std::size_t log_bytes_max = 256 * 1024;

// With the nodes that were asked for already.
class WorkloadQuestions : public Questions {
  public:
    using Questions::Questions;
    std::map<std::string, Seen<bool>> nodes;
};

bool is_ok(const Result<HttpReply>& reply) {
    return reply && reply->status == 200;
}

template <class T>
Seen<T> seen(Result<T> parsed) {
    if (!parsed) return unobserved(parsed.error());
    return std::move(*parsed);
}

// A 404 of the service says that it is not there only where its namespace tells likewise or exists.
asio::awaitable<Seen<bool>> ask_namespace(WorkloadQuestions& questions, std::string space) {
    const auto reply = co_await questions.ask("/api/v1/namespaces/" + space);
    if (is_ok(reply)) co_return true;
    if (reply && reply->status == 404) co_return false;
    co_return refusal_of(reply, "get namespaces " + space);
}

asio::awaitable<Seen<EndpointFacts>> ask_endpoints(WorkloadQuestions& questions, std::string space, std::string service,
                                                   std::string port_name) {
    const auto reply = co_await questions.ask("/api/v1/namespaces/" + space + "/endpoints/" + service);
    if (is_ok(reply)) co_return seen(parse_endpoints(reply->body, port_name));
    Seen<EndpointFacts> refused = refusal_of(reply, "get endpoints in namespace " + space);
    if (!reply || (reply->status != 403 && reply->status != 404)) co_return refused;
    // Endpoints are on their way out (deprecated in 1.33); the slices exist since 1.17, as v1 since 1.21.
    for (const std::string version : {"v1", "v1beta1"}) {
        const auto slices = co_await questions.ask("/apis/discovery.k8s.io/" + version + "/namespaces/" + space +
                                                   "/endpointslices?labelSelector=kubernetes.io%2Fservice-name%3D" +
                                                   service + "&limit=50");
        if (is_ok(slices)) {
            auto parsed = parse_endpoint_slices(slices->body, port_name);
            if (!parsed) co_return unobserved(parsed.error());
            co_return std::move(*parsed);
        }
        if (!slices || slices->status != 404) break;
    }
    co_return refused;
}

asio::awaitable<Seen<bool>> ask_node(WorkloadQuestions& questions, std::string node) {
    if (!is_path_word(node)) co_return Unobserved{};
    if (const auto known = questions.nodes.find(node); known != questions.nodes.end()) co_return known->second;
    const auto reply = co_await questions.ask("/api/v1/nodes/" + node);
    Seen<bool> ready = is_ok(reply) ? seen(parse_node_ready(reply->body)) : refusal_of(reply, "get nodes");
    questions.nodes[node] = ready;
    co_return ready;
}

asio::awaitable<Seen<ExtensionLog>> ask_log(WorkloadQuestions& questions, std::string space, PodAnswer pod) {
    const auto path = "/api/v1/namespaces/" + space + "/pods/" + pod.facts.name + "/log?container=" + pod.container +
                      "&timestamps=true&tailLines=" + std::to_string(log_lines_max) +
                      "&limitBytes=" + std::to_string(log_bytes_max);
    const auto reply = co_await questions.ask(path, "*/*");
    if (!is_ok(reply)) co_return log_refusal_of(reply, "get pods/log in namespace " + space);
    const auto lines = static_cast<std::size_t>(std::ranges::count(reply->body, '\n'));
    LogSource source;
    source.pod = pod.facts.name;
    source.asked = std::chrono::floor<milliseconds>(std::chrono::system_clock::now());
    source.started = pod.facts.started_at;
    source.is_cut = lines >= log_lines_max || reply->body.size() >= log_bytes_max;
    source.previous = !pod.facts.waiting_reason.empty();
    co_return parse_extension_log(source, reply->body);
}

// Logs of a few pods, those first that are not ready; what the first refusal says stands for all where none could be
// read.
asio::awaitable<void> ask_logs(WorkloadQuestions& questions, std::string space, std::vector<PodAnswer> pods,
                               Workload& workload) {
    std::ranges::sort(pods, {}, [](const PodAnswer& pod) { return std::pair(pod.facts.ready, pod.facts.name); });
    std::vector<ExtensionLog> logs;
    for (std::size_t i = 0; i < std::min(logs_max, pods.size()); ++i) {
        if (pods[i].container.empty()) continue;
        auto log = co_await ask_log(questions, space, pods[i]);
        if (log) {
            logs.push_back(std::move(*log));
        } else if (logs.empty()) {
            workload.logs = log.why();
            if (log.why().reason == "forbidden") co_return;
        }
    }
    if (!logs.empty()) workload.logs = std::move(logs);
}

asio::awaitable<Seen<bool>> ask_access_review(WorkloadQuestions& questions, std::string space, std::string account) {
    const auto reply = co_await questions.review(access_review_of(space, account));
    if (reply && reply->status == 201) co_return seen(parse_access_review(reply->body));
    co_return refusal_of(reply, "create subjectaccessreviews.authorization.k8s.io");
}

asio::awaitable<void> ask_pods(WorkloadQuestions& questions, std::string space, ServiceAnswer service,
                               Workload& workload) {
    const auto reply =
        co_await questions.ask("/api/v1/namespaces/" + space + "/pods?labelSelector=" + service.label_selector +
                               "&limit=" + std::to_string(pods_max));
    if (!is_ok(reply)) {
        workload.pods = refusal_of(reply, "list pods in namespace " + space);
        co_return;
    }
    auto pods = parse_pods(reply->body, service.facts, pods_max);
    if (!pods) {
        workload.pods = unobserved(pods.error());
        co_return;
    }
    std::vector<PodFacts> facts;
    for (auto& pod : *pods) {
        if (!pod.facts.node.empty()) pod.facts.node_ready = co_await ask_node(questions, pod.facts.node);
        facts.push_back(pod.facts);
    }
    workload.pods = std::move(facts);
    if (!pods->empty()) {
        const auto account = pods->front().service_account;
        workload.may_review_access = co_await ask_access_review(questions, space, account);
    }
    co_await ask_logs(questions, space, std::move(*pods), workload);
}

asio::awaitable<void> ask_workload(WorkloadQuestions& questions, ApiService apiservice, Workload& workload) {
    const auto space = apiservice.service_namespace, name = apiservice.service_name;
    if (!is_path_word(space) || !is_path_word(name)) co_return;
    const auto reply = co_await questions.ask("/api/v1/namespaces/" + space + "/services/" + name);
    if (!is_ok(reply)) {
        workload.service = refusal_of(reply, "get services in namespace " + space);
        if (reply && reply->status == 404) workload.namespace_exists = co_await ask_namespace(questions, space);
        co_return;
    }
    auto service = parse_service(reply->body, apiservice.port);
    if (!service) {
        workload.service = unobserved(service.error());
        co_return;
    }
    workload.namespace_exists = true;
    workload.service = service->facts;
    workload.endpoints = co_await ask_endpoints(questions, space, name, service->facts.port_name);
    if (service->facts.has_selector) co_await ask_pods(questions, space, std::move(*service), workload);
}

bool is_usable(const ApiserverView& view) {
    return view.readyz && view.readyz->status == 200 && view.control && accepts_credential(*view.control);
}

bool saw_a_failure(const ApiserverView& view) {
    return std::ranges::any_of(view.attempts, [](const ApiServiceAttempts& attempts) {
        return std::ranges::any_of(attempts.discovery, [](const Answer& answer) { return answer.status != 200; });
    });
}

}  // namespace

const ApiserverView* best_placed(const Observation& observation) {
    const ApiserverView* best = nullptr;
    const auto worth = [](const ApiserverView& view) {
        return (saw_a_failure(view) ? 2 : 0) + (view.master.empty() ? 0 : 1);
    };
    for (const auto& view : observation.apiservers) {
        if (is_usable(view) && (best == nullptr || worth(view) > worth(*best))) best = &view;
    }
    return best;
}

asio::awaitable<void> observe_workloads(ClusterConnections& connections, ProbeSettings settings, SteadyTime end,
                                        Observation& observation) {
    const auto failing = failing_apiservices(observation);
    const auto* through = best_placed(observation);
    if (failing.empty() || through == nullptr) co_return;
    auto* peer = connections.find(through->master);
    if (peer == nullptr) co_return;
    WorkloadQuestions questions(connections.aside(*peer), settings.timeout, end);
    std::map<std::tuple<std::string, std::string, int>, Workload> by_service;
    for (const auto& apiservice : failing) {
        const std::tuple service(apiservice.service_namespace, apiservice.service_name, apiservice.port);
        if (!by_service.contains(service)) {
            if (by_service.size() >= services_max) continue;
            Workload workload;
            workload.asked_through = through->master;
            co_await ask_workload(questions, apiservice, workload);
            by_service[service] = std::move(workload);
        }
        auto workload = by_service.at(service);
        workload.apiservice = apiservice.name;
        observation.workloads.push_back(std::move(workload));
    }
}

}  // namespace aggmedic::probes
