#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "net/deadline.hpp"
#include "probes/attempts.hpp"
#include "probes/cluster_connections.hpp"
#include "probes/exchange.hpp"
#include "probes/observe.hpp"
#include "probes/platform.hpp"

// The narrow questions of a run: a connection of their own each, so that no answer comes through a connection that
// survived a restart, and none waits behind a probe.
namespace aggmedic::probes {

namespace {

Unobserved no_such_master(const std::string& master) {
    return {.reason = "not-asked",
            .detail = master.empty() ? "no server address is configured" : "no such master: " + master};
}

}  // namespace

asio::awaitable<Seen<Answer>> ask_readyz(std::shared_ptr<ClusterConnections> connections, std::string master,
                                         std::chrono::milliseconds timeout) {
    const auto* peer = connections->find(master);
    if (peer == nullptr) co_return no_such_master(master);
    HttpsClient client(connections->executor(), peer->target);
    std::string path;
    const auto exchange = co_await get_readyz(client, path, timeout, true);
    co_return exchange.answer();
}

asio::awaitable<Seen<PublishedAuth>> ask_published(std::shared_ptr<ClusterConnections> connections, std::string master,
                                                   std::chrono::milliseconds timeout) {
    const auto* peer = connections->find(master);
    if (peer == nullptr) co_return no_such_master(master);
    HttpsClient client(connections->executor(), peer->target);
    co_return co_await get_published(client, timeout);
}

asio::awaitable<ApiServiceAttempts> ask_apiservice(std::shared_ptr<ClusterConnections> connections, std::string master,
                                                   ApiService apiservice, ProbeSettings settings) {
    ApiServiceAttempts attempts;
    attempts.apiservice = apiservice.name;
    const auto* peer = connections->find(master);
    if (peer == nullptr) co_return attempts;
    HttpsClient probe(connections->executor(), peer->target);
    std::unique_ptr<HttpsClient> canary;
    if (!connections->target().canary.empty()) {
        canary = std::make_unique<HttpsClient>(connections->executor(), connections->as_canary(peer->target));
    }
    auto resource = connections->resources[apiservice.name];
    const auto start = std::chrono::steady_clock::now();
    for (int attempt = 0; attempt < settings.attempts; ++attempt) {
        asio::steady_timer timer(connections->executor(), start + settings.spread * attempt / settings.attempts);
        co_await timer.async_wait(asio::use_awaitable);
        HttpsClient* once = attempt == 0 ? canary.get() : nullptr;
        co_await make_attempt(probe, once, apiservice, settings.timeout, resource, attempts);
    }
    co_return attempts;
}

asio::awaitable<Result<Look>> look_at_master(RemoteHost& host, std::string master, std::string platform,
                                             std::vector<BackendPlace> backends) {
    using namespace std::chrono;
    VerbCall call;
    call.verb = "look";
    call.arguments = {platform};
    for (const auto& place : backends) call.arguments.push_back(place.address);
    const auto asked = floor<milliseconds>(system_clock::now());
    auto reply = co_await host.call(std::move(call));
    const auto answered = floor<milliseconds>(system_clock::now());
    if (!reply) co_return std::unexpected(reply.error());
    if (reply->exit_status != 0) {
        const auto& said = reply->error_output.empty() ? reply->output : reply->error_output;
        const bool is_refused = reply->error_output.starts_with("sudo: ");
        co_return fail(Errc::command_failed,
                       "look on " + master + " ended with " + std::to_string(reply->exit_status) + ": " +
                           said.substr(0, 512) +
                           (is_refused ? " (what the login user needs: aggmedic config sudoers)" : ""));
    }
    auto look = parse_look(master, reply->output, asked, answered);
    if (look && platform != detected_platform && look->view.platform != platform)
        co_return fail(Errc::malformed_reply, "look: the answer is about another platform");
    if (look) name_backends(backends, look->view);
    co_return look;
}

}  // namespace aggmedic::probes
