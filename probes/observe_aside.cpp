#include "probes/observe_aside.hpp"

#include <algorithm>

#include "probes/answer.hpp"
#include "probes/apiserver.hpp"
#include "probes/exchange.hpp"
#include "probes/workload_reading.hpp"

namespace aggmedic::probes {

namespace {

// Families are sorted by name, so those of the aggregator stand near the beginning of what can be 20 MB.
constexpr std::size_t metrics_prefix_bytes = 256 * 1024;

bool answers_us(const ApiserverView& view) {
    return view.readyz && view.readyz->status == 200 && view.control && accepts_credential(*view.control);
}

asio::awaitable<void> ask_metrics(ClusterConnections& connections, Peer& peer, std::chrono::milliseconds timeout,
                                  ApiserverView& view) {
    HttpRequest request;
    request.path = "/metrics";
    request.accept = "text/plain";
    request.timeout = timeout;
    request.body_limit = metrics_prefix_bytes;
    request.prefix_is_enough = true;
    const auto exchange = co_await send(connections.aside(peer), std::move(request));
    if (!exchange.reply || exchange.reply->status != 200) {
        view.aggregator = refusal_of(exchange.reply, "get nonResourceURL /metrics");
        co_return;
    }
    AggregatorMetrics metrics{.at = exchange.at, .apiservices = parse_aggregator_metrics(exchange.reply->body)};
    if (metrics.apiservices.empty()) {
        view.aggregator = Unobserved{.reason = "not-found", .detail = "/metrics says nothing of APIServices"};
    } else {
        view.aggregator = std::move(metrics);
    }
}

bool has_masters(const Observation& observation) {
    return std::ranges::any_of(observation.apiservers, [](const ApiserverView& view) { return !view.master.empty(); });
}

std::string beyond(std::string canary_path) {
    return canary_path.replace(canary_path.rfind('/') + 1, std::string::npos, "aggmedic-beyond");
}

}  // namespace

asio::awaitable<void> observe_aggregators(ClusterConnections& connections, ProbeSettings settings,
                                          Observation& observation) {
    if (failing_apiservices(observation).empty()) co_return;
    std::vector<asio::awaitable<void>> work;
    for (auto& view : observation.apiservers) {
        // Behind the server address is one of the masters, and nobody knows which.
        if (!answers_us(view) || (view.master.empty() && has_masters(observation))) continue;
        if (auto* peer = connections.find(view.master); peer != nullptr)
            work.push_back(ask_metrics(connections, *peer, settings.timeout, view));
    }
    co_await join(std::move(work));
}

asio::awaitable<Seen<Answer>> ask_beyond(ClusterConnections& connections, ProbeSettings settings,
                                         const Observation& observation) {
    for (const auto& view : observation.apiservers) {
        const auto asked = std::ranges::find_if(view.attempts, [](const auto& each) { return !each.canary.empty(); });
        auto* peer = connections.find(view.master);
        if (asked == view.attempts.end() || peer == nullptr) continue;
        const auto path = beyond(connections.resources[asked->apiservice].canary_path);
        const auto exchange = co_await get(*connections.lane(*peer, 0).canary, path, settings.timeout);
        if (!exchange.reply) co_return unobserved(exchange.reply.error());
        co_return exchange.answer();
    }
    co_return Unobserved{};
}

}  // namespace aggmedic::probes
