#include "remediate/run_edge.hpp"

#include <algorithm>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <optional>
#include <utility>

namespace aggmedic::remediate {
namespace {

class HttpsRunEdge : public RunEdge {
  public:
    HttpsRunEdge(asio::any_io_executor executor, std::shared_ptr<probes::ClusterConnections> connections,
                 probes::ClusterTarget target, probes::Credential repair, probes::ProbeSettings probing)
        : executor_(std::move(executor)),
          connections_(std::move(connections)),
          target_(std::move(target)),
          repair_(std::move(repair)),
          probing_(probing) {
        probing_.spread = std::chrono::milliseconds(0);
        // A run asks again until it is content: many attempts at once would only make each round longer.
        probing_.attempts = std::clamp(probing_.attempts, 1, 2);
    }

    asio::awaitable<probes::Seen<probes::Answer>> readyz(std::string master) override {
        return probes::ask_readyz(connections_, std::move(master), probing_.timeout);
    }
    asio::awaitable<probes::Seen<probes::PublishedAuth>> published(std::string master) override {
        return probes::ask_published(connections_, std::move(master), probing_.timeout);
    }
    asio::awaitable<probes::ApiServiceAttempts> apiservice(std::string master, probes::ApiService api) override {
        return probes::ask_apiservice(connections_, std::move(master), std::move(api), probing_);
    }
    asio::awaitable<Result<HttpReply>> as_probe(std::string master, HttpRequest request) override {
        auto target = target_of(master, target_.probe);
        if (!target) co_return fail(Errc::invalid_argument, "no such master: " + master);
        request.timeout = std::max(request.timeout, probing_.timeout);
        co_return co_await send(std::move(*target), std::move(request));
    }
    asio::awaitable<Result<HttpReply>> as_repair(HttpRequest request) override {
        if (repair_.empty()) co_return fail(Errc::invalid_argument, "there is no repair credential");
        auto target = target_of({}, repair_);
        co_return co_await send(std::move(*target), std::move(request));
    }

    asio::awaitable<void> sleep(std::chrono::milliseconds duration) override {
        asio::steady_timer timer(executor_, duration);
        co_await timer.async_wait(asio::use_awaitable);
    }
    SteadyTime now() override { return std::chrono::steady_clock::now(); }

  private:
    std::optional<HttpsTarget> target_of(const std::string& master, const probes::Credential& as) const {
        HttpsTarget target{.host = target_.server_host,
                           .port = target_.server_port,
                           .server_name = target_.server_name,
                           .ca_pem = target_.ca_pem,
                           .insecure_skip_tls_verify = target_.insecure_skip_tls_verify,
                           .client_certificate_pem = as.client_certificate_pem,
                           .client_key_pem = as.client_key_pem,
                           .bearer_token = as.bearer_token};
        if (master.empty()) return target;
        const auto found = std::ranges::find(target_.masters, master, &probes::MasterAddress::name);
        if (found == target_.masters.end()) return std::nullopt;
        target.host = found->address;
        target.port = found->api_port;
        // By its address a master shows the cluster's certificate.
        target.server_name = !found->server_name.empty()    ? found->server_name
                             : !target_.server_name.empty() ? target_.server_name
                                                            : target_.server_host;
        return target;
    }
    asio::awaitable<Result<HttpReply>> send(HttpsTarget target, HttpRequest request) {
        HttpsClient client(executor_, std::move(target));
        co_return co_await client.send(std::move(request));
    }

    asio::any_io_executor executor_;
    std::shared_ptr<probes::ClusterConnections> connections_;
    probes::ClusterTarget target_;
    probes::Credential repair_;
    probes::ProbeSettings probing_;
};

}  // namespace

std::shared_ptr<RunEdge> make_run_edge(asio::any_io_executor executor,
                                       std::shared_ptr<probes::ClusterConnections> connections,
                                       probes::ClusterTarget target, probes::Credential repair,
                                       probes::ProbeSettings probing) {
    return std::make_shared<HttpsRunEdge>(std::move(executor), std::move(connections), std::move(target),
                                          std::move(repair), probing);
}

}  // namespace aggmedic::remediate
