#include "daemon/before_acting.hpp"

#include <algorithm>
#include <utility>

#include "probes/cluster_connections.hpp"
#include "probes/exchange.hpp"
#include "probes/observe_control_plane.hpp"
#include "remediate/run_edge.hpp"
#include "remediate/verify_request.hpp"

namespace aggmedic::daemon {
namespace {

using remediate::RunEdge;
using remediate::VerifyAnswer;
using remediate::VerifyRequest;

// `answers` belongs to the caller, who waits for all of these.
asio::awaitable<void> try_requests(probes::AskThrough ask, const std::vector<VerifyRequest>& requests,
                                   std::string master, std::vector<VerifyAnswer>& answers) {
    for (const auto& wanted : requests) {
        const auto reply = co_await probes::ask_twice(ask, master, remediate::http_request_of(wanted));
        answers.push_back(remediate::judge_verify(wanted, master, reply));
    }
}

asio::awaitable<void> try_through_every_master(probes::AskThrough ask, remediate::PlanInput& input) {
    std::vector<std::vector<VerifyAnswer>> answers(input.masters.size());
    std::vector<asio::awaitable<void>> work;
    for (std::size_t at = 0; at < input.masters.size(); ++at)
        work.push_back(try_requests(ask, input.verify_requests, input.masters[at], answers[at]));
    co_await probes::join(std::move(work));
    for (const auto& of_master : answers) {
        for (std::size_t at = 0; at < of_master.size(); ++at) input.verify_requests[at].before.push_back(of_master[at]);
    }
}

// The others are refused for just that, and what they say while they start counts for nothing.
std::vector<std::string> ready_masters(const remediate::PlanInput& input) {
    std::vector<std::string> ready;
    for (const auto& apiserver : input.observation.apiservers) {
        const bool is_master = std::ranges::find(input.masters, apiserver.master) != input.masters.end();
        if (is_master && apiserver.readyz && apiserver.readyz->status == 200) ready.push_back(apiserver.master);
    }
    return ready;
}

}  // namespace

asio::awaitable<void> ask_before_acting(Looking looking, remediate::PlanInput& input) {
    const auto& connections = *looking.connections;
    const auto edge = remediate::make_run_edge(connections.executor(), looking.connections, connections.target(), {},
                                               {.timeout = looking.probe.timeout});
    const probes::AskThrough ask = [edge](std::string master, HttpRequest request) {
        return edge->as_probe(std::move(master), std::move(request));
    };
    // Nothing is restarted by a patch of the ConfigMap.
    if (input.method != name(remediate::Method::configmap)) {
        if (looking.told) looking.told("etcd, webhooks, endpoints and leases are asked; a lost etcd member takes 20 s");
        input.observation.control_plane = co_await probes::observe_control_plane(ask, ready_masters(input), true);
    }
    // What a repair has mended fails again once it is taken back: that is what was asked for.
    if (!input.reverts) co_await try_through_every_master(ask, input);
}

}  // namespace aggmedic::daemon
