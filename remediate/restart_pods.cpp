#include "remediate/restart_pods.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <vector>

#include "net/text.hpp"

namespace aggmedic::remediate {
namespace {

using nlohmann::json;

constexpr std::chrono::seconds pod_limit{60};
constexpr std::chrono::seconds pod_pause{1};
constexpr std::size_t pods_max = 50;  // more is no extension API server

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

struct Pod {
    std::string name;
    bool ready = false;
};

// A pod that is being deleted does not count; one whose state says nothing counts as ready.
Result<std::vector<Pod>> parse_pods(const std::string& body) {
    const auto list = json::parse(body, nullptr, false);
    if (!list.is_object() || !list.contains("items") || !list["items"].is_array())
        return fail(Errc::malformed_reply, "the pod list is no list");
    std::vector<Pod> pods;
    for (const auto& item : list["items"]) {
        if (!item.is_object() || !item.contains("metadata") || !item["metadata"].is_object()) continue;
        const auto& metadata = item["metadata"];
        if (metadata.contains("deletionTimestamp") || !metadata.contains("name") || !metadata["name"].is_string())
            continue;
        Pod pod{.name = metadata["name"], .ready = true};
        if (!is_name(pod.name)) return fail(Errc::malformed_reply, "a pod has a name that is none");
        const auto conditions = json::json_pointer("/status/conditions");
        if (item.contains(conditions) && item[conditions].is_array()) {
            for (const auto& condition : item[conditions]) {
                if (condition.is_object() && condition.value("type", json()) == "Ready")
                    pod.ready = condition.value("status", json()) == "True";
            }
        }
        pods.push_back(std::move(pod));
    }
    return pods;
}

std::string collection(const RestartPods& pods) {
    return "/api/v1/namespaces/" + percent_encoded(pods.namespace_) + "/pods";
}

asio::awaitable<Result<std::vector<Pod>>> list_pods(std::shared_ptr<RunEdge> edge, RestartPods pods) {
    HttpRequest request;
    request.path = collection(pods) + "?labelSelector=" + percent_encoded(pods.selector);
    request.body_limit = std::size_t{4} << 20;
    const auto reply = co_await edge->as_repair(std::move(request));
    if (!reply) co_return std::unexpected(reply.error());
    if (reply->status != 200) {
        co_return fail(Errc::command_failed, fmt::format("listing pods in {} answered {}: {}", pods.namespace_,
                                                         reply->status, printable(reply->body, 200)));
    }
    co_return parse_pods(reply->body);
}

asio::awaitable<bool> wait_for_pods(std::shared_ptr<RunEdge> edge, RestartPods pods, std::string gone,
                                    std::size_t wanted, const KeepOn& keep_on) {
    const auto deadline = edge->now() + pod_limit;
    while (edge->now() < deadline) {
        if (!co_await keep_on()) co_return false;
        co_await edge->sleep(pod_pause);
        const auto now = co_await list_pods(edge, pods);
        if (!now) continue;
        const bool left = std::ranges::none_of(*now, [&](const Pod& pod) { return pod.name == gone; });
        const auto ready = static_cast<std::size_t>(std::ranges::count_if(*now, &Pod::ready));
        if (left && ready >= wanted) co_return true;
    }
    co_return false;
}

}  // namespace

asio::awaitable<Result<int>> restart_pods(std::shared_ptr<RunEdge> edge, RestartPods pods, KeepOn keep_on) {
    const auto found = co_await list_pods(edge, pods);
    if (!found) co_return std::unexpected(found.error());
    if (found->size() > pods_max) {
        co_return fail(Errc::command_failed,
                       fmt::format("{} pods match {}: too many to restart", found->size(), pods.selector));
    }
    const auto wanted = static_cast<std::size_t>(std::ranges::count_if(*found, &Pod::ready));
    int deleted = 0;
    for (const auto& pod : *found) {
        if (!co_await keep_on()) {
            co_return fail(Errc::cancelled,
                           fmt::format("stopped after {} of {} pods of {}", deleted, found->size(), pods.selector));
        }
        HttpRequest request;
        request.method = "DELETE";
        request.path = collection(pods) + "/" + pod.name;
        const auto reply = co_await edge->as_repair(std::move(request));
        if (!reply) co_return std::unexpected(reply.error());
        if (reply->status != 200 && reply->status != 202 && reply->status != 404) {
            co_return fail(Errc::command_failed, fmt::format("deleting pod {} answered {}: {}", pod.name, reply->status,
                                                             printable(reply->body, 200)));
        }
        ++deleted;
        const bool replaced = co_await wait_for_pods(edge, pods, pod.name, wanted, keep_on);
        // The last one's replacement is judged by its answers; before that, the next pod may be the only one that
        // serves.
        if (!replaced && &pod != &found->back() && co_await keep_on()) {
            co_return fail(
                Errc::timeout,
                fmt::format("pod {} was not replaced by a ready one within {} s; the other pods are left alone",
                            pod.name, pod_limit.count()));
        }
    }
    co_return deleted;
}

}  // namespace aggmedic::remediate
