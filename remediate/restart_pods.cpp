#include "remediate/restart_pods.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "net/text.hpp"
#include "probes/answer.hpp"
#include "probes/json_reading.hpp"

namespace aggmedic::remediate {
namespace {

using nlohmann::json;
using probes::array_at;
using probes::object_at;
using probes::text_at;

constexpr std::chrono::seconds pod_pause{1};
constexpr std::size_t pods_max = 50;  // more is no extension API server
constexpr std::size_t list_bytes_max = std::size_t{4} << 20;

bool is_name(std::string_view name) {
    return !name.empty() && name.size() <= 253 && std::ranges::all_of(name, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.';
    });
}

std::string percent_encoded(std::string_view text) {
    std::string encoded;
    for (const char c : text) {
        const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                           std::string_view("-._~").contains(c);
        encoded += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
    return encoded;
}

Result<std::vector<Pod>> parse_pods(const std::string& body) {
    const auto list = probes::read_json_object(
        body, {"items", "metadata", "name", "uid", "deletionTimestamp", "status", "conditions", "type"});
    if (!list) return std::unexpected(list.error());
    if (!list->contains("items") || !(*list)["items"].is_array())
        return fail(Errc::malformed_reply, "the pod list is no list");
    std::vector<Pod> pods;
    for (const auto& item : (*list)["items"]) {
        const auto& metadata = object_at(item, "metadata");
        if (metadata.contains("deletionTimestamp") || !metadata.contains("name")) continue;
        Pod pod{.name = text_at(metadata, "name"),
                .uid = text_at(metadata, "uid"),
                .ready = probes::condition_is_true(object_at(item, "status"), "Ready")};
        if (!is_name(pod.name)) return fail(Errc::malformed_reply, "a pod has a name that is none");
        if (pod.uid.empty()) return fail(Errc::malformed_reply, "pod " + pod.name + " has no UID");
        pods.push_back(std::move(pod));
    }
    return pods;
}

std::string collection(const RestartPods& pods) {
    return "/api/v1/namespaces/" + percent_encoded(pods.namespace_) + "/pods";
}

// Bound to its UID: another pod of the same name (a StatefulSet's) is not deleted in its place.
HttpRequest deletion_of(const RestartPods& pods, const Pod& pod) {
    HttpRequest request;
    request.method = "DELETE";
    request.path = collection(pods) + "/" + pod.name;
    request.content_type = "application/json";
    request.body = json{{"kind", "DeleteOptions"}, {"apiVersion", "v1"}, {"preconditions", {{"uid", pod.uid}}}}.dump();
    return request;
}

// Of the pods now, against those that were found at first, of which `deleted` have been deleted; empty: replaced.
std::string what_is_missing(const std::vector<Pod>& now, const std::vector<Pod>& found, std::size_t deleted) {
    const auto is_old = [&](const Pod& pod) { return std::ranges::find(found, pod.uid, &Pod::uid) != found.end(); };
    const auto was_ready = std::ranges::count_if(found, &Pod::ready);
    const auto is_ready_now = std::ranges::count_if(now, &Pod::ready);
    const auto fresh = std::ranges::count_if(now, [&](const Pod& pod) { return pod.ready && !is_old(pod); });
    if (std::ranges::any_of(now, [&](const Pod& pod) { return pod.uid == found[deleted - 1].uid; }))
        return "it is still there";
    if (static_cast<std::size_t>(fresh) < deleted) return fmt::format("{} of {} new pods are Ready", fresh, deleted);
    if (is_ready_now < was_ready) return fmt::format("{} pods are Ready, and {} were", is_ready_now, was_ready);
    return {};
}

asio::awaitable<Result<void>> wait_for_replacement(std::shared_ptr<RunEdge> edge, RestartPods pods,
                                                   std::vector<Pod> found, std::size_t deleted,
                                                   std::chrono::milliseconds limit, const KeepOn& keep_on) {
    const auto deadline = edge->now() + limit;
    std::string missing = "the pods could not be listed";
    while (edge->now() < deadline) {
        if (!co_await keep_on()) co_return fail(Errc::cancelled, "stopped while pods were replaced");
        co_await edge->sleep(pod_pause);
        const auto now = co_await list_pods(edge, pods);
        if (!now) continue;
        missing = what_is_missing(*now, found, deleted);
        if (missing.empty()) co_return Result<void>{};
    }
    co_return fail(
        Errc::timeout,
        fmt::format("pod {} was not replaced by a Ready one within {} s ({}); the other pods are left alone",
                    found[deleted - 1].name, std::chrono::duration_cast<std::chrono::seconds>(limit).count(), missing));
}

// The names of the pods behind a service; empty: it has none now, or none that are pods.
std::vector<std::string> pods_of_endpoints(const json& endpoints) {
    std::vector<std::string> names;
    for (const auto& subset : array_at(endpoints, "subsets")) {
        for (const auto* key : {"addresses", "notReadyAddresses"}) {
            for (const auto& address : array_at(subset, key)) {
                const auto& target = object_at(address, "targetRef");
                if (text_at(target, "kind") == "Pod") names.push_back(text_at(target, "name"));
            }
        }
    }
    return names;
}

asio::awaitable<probes::Seen<json>> get_object(std::shared_ptr<RunEdge> edge, std::string master, std::string path) {
    HttpRequest request;
    request.path = std::move(path);
    request.fresh_connection = true;
    const auto reply = co_await edge->as_probe(std::move(master), std::move(request));
    if (!reply || reply->status != 200) co_return probes::refusal_of(reply, "get");
    auto object = probes::read_json_object(reply->body);
    if (!object) co_return probes::unobserved(object.error());
    co_return *std::move(object);
}

}  // namespace

asio::awaitable<Result<std::vector<Pod>>> list_pods(std::shared_ptr<RunEdge> edge, RestartPods pods) {
    HttpRequest request;
    request.path = collection(pods) + "?labelSelector=" + percent_encoded(pods.selector);
    request.body_limit = list_bytes_max;
    const auto reply = co_await edge->as_repair(std::move(request));
    if (!reply) co_return std::unexpected(reply.error());
    if (reply->status != 200) {
        co_return fail(Errc::command_failed, fmt::format("listing pods in {} answered {}: {}", pods.namespace_,
                                                         reply->status, printable(reply->body, 200)));
    }
    co_return parse_pods(reply->body);
}

asio::awaitable<Result<int>> restart_pods(std::shared_ptr<RunEdge> edge, RestartPods pods, std::vector<Pod> found,
                                          std::chrono::milliseconds pod_limit, KeepOn keep_on) {
    if (found.size() > pods_max) {
        co_return fail(Errc::command_failed,
                       fmt::format("{} pods match {}: too many to restart", found.size(), pods.selector));
    }
    for (std::size_t deleted = 0; deleted < found.size();) {
        if (!co_await keep_on()) {
            co_return fail(Errc::cancelled,
                           fmt::format("stopped after {} of {} pods of {}", deleted, found.size(), pods.selector));
        }
        const auto& pod = found[deleted];
        const auto reply = co_await edge->as_repair(deletion_of(pods, pod));
        if (!reply) co_return std::unexpected(reply.error());
        const bool gone = reply->status == 404 || reply->status == 409;  // by itself, or another one has its name
        if (reply->status != 200 && reply->status != 202 && !gone) {
            co_return fail(Errc::command_failed, fmt::format("deleting pod {} answered {}: {}", pod.name, reply->status,
                                                             printable(reply->body, 200)));
        }
        ++deleted;
        const auto replaced = co_await wait_for_replacement(edge, pods, found, deleted, pod_limit, keep_on);
        if (!replaced) co_return std::unexpected(replaced.error());
    }
    co_return static_cast<int>(found.size());
}

asio::awaitable<Serves> ask_serves(std::shared_ptr<RunEdge> edge, std::string master, std::string apiservice,
                                   RestartPods pods, std::vector<Pod> found) {
    const std::string name = percent_encoded(apiservice);
    auto object = co_await get_object(edge, master, "/apis/apiregistration.k8s.io/v1/apiservices/" + name);
    if (!object && object.why().reason == "not-found") {  // before Kubernetes 1.10
        object = co_await get_object(edge, master, "/apis/apiregistration.k8s.io/v1beta1/apiservices/" + name);
    }
    if (!object) co_return Serves::unknown;
    const auto& service = object_at(object_at(*object, "spec"), "service");
    const auto space = text_at(service, "namespace");
    if (space.empty() || text_at(service, "name").empty()) co_return Serves::unknown;
    if (space != pods.namespace_) co_return Serves::no;
    const auto endpoints = co_await get_object(
        edge, master,
        "/api/v1/namespaces/" + percent_encoded(space) + "/endpoints/" + percent_encoded(text_at(service, "name")));
    if (!endpoints) co_return Serves::unknown;
    const auto behind = pods_of_endpoints(*endpoints);
    if (behind.empty()) co_return Serves::unknown;
    const bool any =
        std::ranges::any_of(found, [&](const Pod& pod) { return std::ranges::find(behind, pod.name) != behind.end(); });
    co_return any ? Serves::yes : Serves::no;
}

}  // namespace aggmedic::remediate
