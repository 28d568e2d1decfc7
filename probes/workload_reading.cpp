#include "probes/workload_reading.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "net/text.hpp"
#include "probes/apiservice.hpp"
#include "probes/json_reading.hpp"

namespace aggmedic::probes {

namespace {

using nlohmann::json;

constexpr std::size_t addresses_kept = 32;
constexpr std::size_t word_bytes_max = 128;  // of a name or reason

std::string word_at(const json& object, std::string_view key) {
    return text_at(object, key).substr(0, word_bytes_max);
}

std::int64_t number_at(const json& object, std::string_view key) {
    if (!object.is_object()) return 0;
    const auto at = object.find(key);
    return at != object.end() && at->is_number_integer() ? at->get<std::int64_t>() : 0;
}

// An IntOrString.
std::string port_at(const json& object, std::string_view key) {
    const auto number = number_at(object, key);
    return number != 0 ? std::to_string(number) : word_at(object, key);
}

void append_encoded(std::string& query, std::string_view text) {
    constexpr std::string_view unreserved = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~";
    for (const char c : text) {
        if (unreserved.find(c) != std::string_view::npos) {
            query.push_back(c);
        } else {
            query += fmt::format("%{:02X}", static_cast<unsigned char>(c));
        }
    }
}

std::string encode_selector(const json& selector) {
    std::string query;
    for (const auto& [key, value] : selector.items()) {
        if (!value.is_string()) return {};
        if (!query.empty()) query += "%2C";
        append_encoded(query, key);
        query += "%3D";
        append_encoded(query, value.get_ref<const std::string&>());
    }
    return query.size() <= 4096 ? query : std::string();
}

std::string host_and_port(const std::string& host, std::int64_t port) {
    const bool is_ipv6 = host.find(':') != std::string::npos;
    return (is_ipv6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

// The number of the port with that name; nullopt: none has it.
std::optional<std::int64_t> port_named(const json& holder, std::string_view port_name) {
    for (const auto& port : array_at(holder, "ports")) {
        if (text_at(port, "name") == port_name) return number_at(port, "port");
    }
    return std::nullopt;
}

void add_address(EndpointFacts& facts, bool ready, const std::string& host, std::int64_t port) {
    ++(ready ? facts.ready_count : facts.not_ready_count);
    auto& kept = ready ? facts.ready : facts.not_ready;
    kept.push_back(host_and_port(host.substr(0, word_bytes_max), port));
}

void settle(EndpointFacts& facts) {
    for (auto* list : {&facts.ready, &facts.not_ready}) {
        std::ranges::sort(*list);
        if (list->size() > addresses_kept) list->resize(addresses_kept);
    }
}

bool serves(const json& container, const ServiceFacts& service) {
    return std::ranges::any_of(array_at(container, "ports"), [&](const json& port) {
        return !service.target_port.empty() &&
               (text_at(port, "name") == service.target_port || port_at(port, "containerPort") == service.target_port);
    });
}

std::string serving_container(const json& spec, const ServiceFacts& service) {
    const auto& containers = array_at(spec, "containers");
    if (containers.empty()) return {};
    const auto at = std::ranges::find_if(containers, [&](const json& each) { return serves(each, service); });
    return text_at(at == containers.end() ? containers.front() : *at, "name");
}

void read_container(const json& status, PodFacts& facts) {
    facts.restarts = number_at(status, "restartCount");
    const auto& state = object_at(status, "state");
    facts.started_at = from_rfc3339(text_at(object_at(state, "running"), "startedAt"));
    facts.waiting_reason = word_at(object_at(state, "waiting"), "reason");
    const auto& ended_now = object_at(state, "terminated");
    const auto& ended = ended_now.empty() ? object_at(object_at(status, "lastState"), "terminated") : ended_now;
    if (ended.empty()) return;
    facts.last_exit_reason = word_at(ended, "reason");
    facts.last_exit_code = number_at(ended, "exitCode");
    facts.last_exit_at = from_rfc3339(text_at(ended, "finishedAt"));
}

PodAnswer read_pod(const json& item, const ServiceFacts& service) {
    const auto& spec = object_at(item, "spec");
    const auto& status = object_at(item, "status");
    PodAnswer pod;
    pod.facts.name = text_at(object_at(item, "metadata"), "name");
    pod.facts.address = word_at(status, "podIP");
    pod.facts.node = text_at(spec, "nodeName").substr(0, 253);
    pod.facts.phase = word_at(status, "phase");
    pod.facts.ready = condition_is_true(status, "Ready");
    pod.container = serving_container(spec, service);
    pod.service_account = text_at(spec, "serviceAccountName");
    if (!is_path_word(pod.service_account)) pod.service_account = "default";
    for (const auto& container : array_at(status, "containerStatuses")) {
        if (text_at(container, "name") == pod.container) read_container(container, pod.facts);
    }
    if (!is_path_word(pod.container)) pod.container.clear();
    return pod;
}

}  // namespace

Result<ServiceAnswer> parse_service(std::string_view text, int port) {
    const auto document = read_json_object(text);
    if (!document) return std::unexpected(document.error());
    if (text_at(*document, "kind") != "Service") return fail(Errc::malformed_reply, "the answer is no Service");
    const auto& spec = object_at(*document, "spec");
    ServiceAnswer answer;
    answer.facts.type = word_at(spec, "type");
    answer.facts.cluster_ip = word_at(spec, "clusterIP");
    answer.label_selector = encode_selector(object_at(spec, "selector"));
    answer.facts.has_selector = !answer.label_selector.empty();
    for (const auto& each : array_at(spec, "ports")) {
        if (number_at(each, "port") != port) continue;
        answer.facts.has_port = true;
        answer.facts.port_name = word_at(each, "name");
        answer.facts.target_port = port_at(each, "targetPort");
        if (answer.facts.target_port.empty()) answer.facts.target_port = std::to_string(port);
        break;
    }
    return answer;
}

Result<EndpointFacts> parse_endpoints(std::string_view text, std::string_view port_name) {
    const auto document =
        read_json_object(text, {"kind", "subsets", "addresses", "notReadyAddresses", "ip", "ports", "name", "port"});
    if (!document) return std::unexpected(document.error());
    if (text_at(*document, "kind") != "Endpoints") return fail(Errc::malformed_reply, "the answer is no Endpoints");
    EndpointFacts facts;
    facts.source = "endpoints";
    for (const auto& subset : array_at(*document, "subsets")) {
        const auto port = port_named(subset, port_name);
        if (!port) continue;
        facts.has_port = true;
        for (const auto& address : array_at(subset, "addresses"))
            add_address(facts, true, text_at(address, "ip"), *port);
        for (const auto& address : array_at(subset, "notReadyAddresses"))
            add_address(facts, false, text_at(address, "ip"), *port);
    }
    settle(facts);
    return facts;
}

Result<Seen<EndpointFacts>> parse_endpoint_slices(std::string_view text, std::string_view port_name) {
    const auto document = read_json_object(
        text, {"kind", "items", "endpoints", "addresses", "conditions", "ready", "ports", "name", "port"});
    if (!document) return std::unexpected(document.error());
    if (text_at(*document, "kind") != "EndpointSliceList")
        return fail(Errc::malformed_reply, "the answer is no EndpointSliceList");
    EndpointFacts facts;
    facts.source = "endpointslices";
    const auto& slices = array_at(*document, "items");
    if (slices.empty()) return Unobserved{.reason = "not-found", .detail = "no EndpointSlice of this service"};
    for (const auto& slice : slices) {
        const auto port = port_named(slice, port_name);
        if (!port) continue;
        facts.has_port = true;
        for (const auto& endpoint : array_at(slice, "endpoints")) {
            const auto& conditions = object_at(endpoint, "conditions");
            // An absent `ready` means ready (discovery.k8s.io/v1 EndpointConditions).
            const bool ready = !conditions.contains("ready") || flag_at(conditions, "ready");
            for (const auto& address : array_at(endpoint, "addresses")) {
                if (address.is_string()) add_address(facts, ready, address.get<std::string>(), *port);
            }
        }
    }
    settle(facts);
    return facts;
}

Result<std::vector<PodAnswer>> parse_pods(std::string_view text, const ServiceFacts& service, std::size_t pods_max) {
    const auto document = read_json_object(text, {"kind",
                                                  "items",
                                                  "metadata",
                                                  "name",
                                                  "spec",
                                                  "nodeName",
                                                  "containers",
                                                  "ports",
                                                  "status",
                                                  "containerPort",
                                                  "podIP",
                                                  "phase",
                                                  "conditions",
                                                  "type",
                                                  "containerStatuses",
                                                  "restartCount",
                                                  "state",
                                                  "running",
                                                  "startedAt",
                                                  "waiting",
                                                  "reason",
                                                  "terminated",
                                                  "exitCode",
                                                  "finishedAt",
                                                  "lastState",
                                                  "serviceAccountName"});
    if (!document) return std::unexpected(document.error());
    if (text_at(*document, "kind") != "PodList") return fail(Errc::malformed_reply, "the answer is no PodList");
    std::vector<PodAnswer> pods;
    for (const auto& item : array_at(*document, "items")) {
        if (is_path_word(text_at(object_at(item, "metadata"), "name"))) pods.push_back(read_pod(item, service));
    }
    std::ranges::sort(pods, {}, [](const PodAnswer& pod) { return pod.facts.name; });
    if (pods.size() > pods_max) pods.resize(pods_max);
    return pods;
}

std::string access_review_of(std::string_view space, std::string_view service_account) {
    const std::string accounts = "system:serviceaccounts";
    const json spec = {{"user", fmt::format("system:serviceaccount:{}:{}", space, service_account)},
                       {"groups", {accounts, fmt::format("{}:{}", accounts, space), "system:authenticated"}},
                       {"resourceAttributes",
                        {{"verb", "create"}, {"group", "authorization.k8s.io"}, {"resource", "subjectaccessreviews"}}}};
    return json{{"kind", "SubjectAccessReview"}, {"apiVersion", "authorization.k8s.io/v1"}, {"spec", spec}}.dump();
}

Result<bool> parse_access_review(std::string_view text) {
    const auto document = read_json_object(text, {"kind", "status", "allowed"});
    if (!document) return std::unexpected(document.error());
    const auto& status = object_at(*document, "status");
    if (text_at(*document, "kind") != "SubjectAccessReview" || !status.contains("allowed"))
        return fail(Errc::malformed_reply, "the answer is no SubjectAccessReview");
    return flag_at(status, "allowed");
}

Result<bool> parse_node_ready(std::string_view text) {
    const auto document = read_json_object(text, {"kind", "status", "conditions", "type"});
    if (!document) return std::unexpected(document.error());
    if (text_at(*document, "kind") != "Node") return fail(Errc::malformed_reply, "the answer is no Node");
    return condition_is_true(object_at(*document, "status"), "Ready");
}

}  // namespace aggmedic::probes
