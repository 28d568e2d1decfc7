#include "probes/observe.hpp"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <map>

#include "probes/answer.hpp"
#include "probes/apiserver.hpp"
#include "probes/attempts.hpp"
#include "probes/cluster_connections.hpp"
#include "probes/exchange.hpp"
#include "probes/observe_aside.hpp"
#include "probes/observe_blast_radius.hpp"
#include "probes/observe_workloads.hpp"

namespace aggmedic::probes {

namespace {

constexpr std::size_t list_limit = 8 * 1024 * 1024;

// What the apiservers of one cycle share: the lists are asked once, through the first of them that can say.
struct Cycle {
    Cycle(const asio::any_io_executor& executor, ProbeSettings probe_settings)
        : settings(probe_settings), changed(executor, SteadyTime::max()) {}

    ProbeSettings settings;
    SteadyTime start = std::chrono::steady_clock::now();
    std::optional<std::vector<ApiService>> apiservices;
    bool apiservices_settled = false;  // known, or refused in a way that every apiserver would repeat
    bool published_settled = false;
    bool asking = false;
    asio::steady_timer changed;  // never expires; cancelled when `asking` ends

    SteadyTime end() const { return settings.cycle_max.count() > 0 ? start + settings.cycle_max : SteadyTime::max(); }
};

bool is_settled(const Unobserved& why) {
    return why.reason == "forbidden" || why.reason == "not-found";
}

template <class T>
Seen<T> failed_like(const Exchange& exchange) {
    return unobserved(exchange.reply.error());
}

void note_serving(const HttpsClient& client, ApiserverView& view) {
    const auto& peer = client.peer();
    if (!peer || peer->chain_pem.empty()) return;
    std::string pem;
    for (const auto& certificate : peer->chain_pem) pem += certificate;
    auto chain = parse_certificates(pem);
    if (chain) {
        view.serving = std::move(*chain);
    } else {
        view.serving = unobserved(chain.error());
    }
    view.acceptable_client_cas = peer->acceptable_client_cas;
}

// Readiness, the control request and the version, one after another on one connection. The first that gets no answer
// speaks for the rest: an apiserver that answers nothing costs one timeout.
asio::awaitable<void> greet(HttpsClient& client, const Cycle& cycle, ApiserverView& view) {
    const auto readyz = co_await get_readyz(client, view.readyz_path, cycle.settings.timeout, false);
    if (!readyz.reply) {
        view.readyz = failed_like<Answer>(readyz);
        view.control = failed_like<Answer>(readyz);
        view.version = failed_like<std::string>(readyz);
        view.serving = failed_like<std::vector<Certificate>>(readyz);
        co_return;
    }
    view.readyz = readyz.answer();
    view.clock_offset_ms = clock_offset_of(*readyz.reply, readyz.at, readyz.took);
    note_serving(client, view);
    const auto control = co_await get(client, "/api", cycle.settings.timeout);
    view.control = control.reply ? Seen<Answer>(control.answer()) : failed_like<Answer>(control);
    const auto version = co_await get(client, "/version", cycle.settings.timeout);
    if (!version.reply || version.reply->status != 200) {
        view.version = refusal_of(version.reply, "get /version");
        co_return;
    }
    auto parsed = parse_version(version.reply->body);
    view.version = parsed ? Seen<std::string>(std::move(*parsed)) : unobserved(parsed.error());
}

bool answers_us(const ApiserverView& view) {
    return view.readyz && view.readyz->status == 200 && view.control && accepts_credential(*view.control);
}

asio::awaitable<void> ask_apiservices(ClusterConnections& connections, HttpsClient& client,
                                      const ProbeSettings& settings, ApiserverView& view) {
    Exchange exchange =
        co_await get(client, "/apis/apiregistration.k8s.io/v1/apiservices", settings.timeout, list_limit);
    if (exchange.reply && exchange.reply->status == 404) {  // before Kubernetes 1.10
        exchange =
            co_await get(client, "/apis/apiregistration.k8s.io/v1beta1/apiservices", settings.timeout, list_limit);
    }
    if (!exchange.reply || exchange.reply->status != 200) {
        view.apiservices = refusal_of(exchange.reply, "list apiservices.apiregistration.k8s.io");
        co_return;
    }
    const ApiServiceFilter filter{.include = connections.target().include, .exclude = connections.target().exclude};
    auto list = parse_apiservices(exchange.reply->body, filter, settings.apiservices_max);
    if (!list) {
        view.apiservices = unobserved(list.error());
        co_return;
    }
    view.apiservices = std::move(list->items);
    view.apiservices_left_out = list->left_out;
}

// A credential that ended during the cycle: the 401s of the attempts may be kube-apiserver's own.
asio::awaitable<void> ask_control_again(HttpsClient& client, std::chrono::milliseconds timeout, ApiserverView& view) {
    const auto control = co_await get(client, "/api", timeout);
    if (!control.reply) co_return;
    auto answer = control.answer();
    if ((answer.status == 401 || answer.status == 403) && !accepts_credential(answer)) view.control = std::move(answer);
}

// The lists, unless another apiserver has brought them or is about to.
asio::awaitable<void> share_lists(ClusterConnections& connections, HttpsClient& client, Cycle& cycle,
                                  ApiserverView& view) {
    while (cycle.asking) co_await cycle.changed.async_wait(asio::as_tuple(asio::use_awaitable));
    if (cycle.apiservices_settled && cycle.published_settled) co_return;
    struct Asking {
        Cycle& cycle;
        explicit Asking(Cycle& of) : cycle(of) { cycle.asking = true; }
        Asking(const Asking&) = delete;
        Asking& operator=(const Asking&) = delete;
        ~Asking() {
            cycle.asking = false;
            cycle.changed.cancel();
        }
    } asking(cycle);
    if (!cycle.apiservices_settled) {
        co_await ask_apiservices(connections, client, cycle.settings, view);
        if (view.apiservices) cycle.apiservices = *view.apiservices;
        cycle.apiservices_settled = view.apiservices || is_settled(view.apiservices.why());
    }
    if (!cycle.published_settled) {
        view.published = co_await get_published(client, cycle.settings.timeout);
        cycle.published_settled = view.published || is_settled(view.published.why());
    }
}

asio::awaitable<Seen<Answer>> ask_anonymously(ClusterConnections& connections, Peer& peer, std::string path,
                                              std::chrono::milliseconds timeout) {
    const auto exchange = co_await get(connections.anonymous(peer), std::move(path), timeout, 64 * 1024);
    if (!exchange.reply) co_return unobserved(exchange.reply.error());
    co_return exchange.answer();
}

asio::awaitable<void> observe_apiserver(ClusterConnections& connections, Peer& peer, Cycle& cycle,
                                        ApiserverView& view) {
    HttpsClient& client = *connections.lane(peer, 0).probe;
    co_await greet(client, cycle, view);
    if (!answers_us(view)) co_return;  // what it says of aggregated APIs counts for nothing (design 4.6)
    co_await share_lists(connections, client, cycle, view);
    if (cycle.apiservices) {
        view.attempts = co_await make_attempts(connections, peer, *cycle.apiservices, cycle.settings, cycle.start);
    }
    view.anonymous = co_await ask_anonymously(connections, peer, view.readyz_path, cycle.settings.timeout);
    // An apiserver that went down meanwhile takes its answers with it: readiness is what it is at the end.
    const auto readyz = co_await get_readyz(client, view.readyz_path, cycle.settings.timeout, false);
    view.readyz = readyz.reply ? Seen<Answer>(readyz.answer()) : failed_like<Answer>(readyz);
    if (readyz.reply) co_await ask_control_again(client, cycle.settings.timeout, view);
}

// The last status that each apiserver gave for an API, where that differs between apiservers.
bool answers_differ(const Observation& observation) {
    std::map<std::string, unsigned> first;
    for (const auto& apiserver : observation.apiservers) {
        for (const auto& attempts : apiserver.attempts) {
            if (attempts.discovery.empty()) continue;
            const auto status = attempts.discovery.back().status;
            const auto [at, added] = first.try_emplace(attempts.apiservice, status);
            if (!added && at->second != status) return true;
        }
    }
    return false;
}

// Conditions and ConfigMap as the other apiservers show them: a condition may have changed since the first one was
// asked.
asio::awaitable<void> ask_again(ClusterConnections& connections, Peer& peer, const Cycle& cycle, ApiserverView& view) {
    HttpsClient& client = *connections.lane(peer, 0).probe;
    if (!view.apiservices) co_await ask_apiservices(connections, client, cycle.settings, view);
    if (!view.published) view.published = co_await get_published(client, cycle.settings.timeout);
}

TimePoint wall_clock() {
    return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
}

struct RunningCycle {
    ClusterConnections& connections;
    explicit RunningCycle(ClusterConnections& of) : connections(of) { connections.begin_cycle(); }
    RunningCycle(const RunningCycle&) = delete;
    RunningCycle& operator=(const RunningCycle&) = delete;
    ~RunningCycle() { connections.end_cycle(); }
};

}  // namespace

asio::awaitable<Observation> observe_apiservers(std::shared_ptr<ClusterConnections> connections,
                                                ProbeSettings settings) {
    const RunningCycle running(*connections);
    Observation observation;
    observation.cluster = connections->target().name;
    observation.platform = connections->target().platform;
    observation.caller = caller_of(connections->target().probe);
    if (!connections->target().canary.empty()) observation.canary = caller_of(connections->target().canary);
    observation.started = wall_clock();
    auto& peers = connections->peers();
    observation.apiservers.resize(peers.size());
    Cycle cycle(connections->executor(), settings);
    std::vector<asio::awaitable<void>> work;
    for (std::size_t i = 0; i < peers.size(); ++i) {
        auto& view = observation.apiservers[i];
        view.master = peers[i].master;
        view.address = peers[i].address;
        work.push_back(observe_apiserver(*connections, peers[i], cycle, view));
    }
    co_await join(std::move(work));
    if (answers_differ(observation)) {
        std::vector<asio::awaitable<void>> again;
        for (std::size_t i = 0; i < peers.size(); ++i) {
            auto& view = observation.apiservers[i];
            if (answers_us(view)) again.push_back(ask_again(*connections, peers[i], cycle, view));
        }
        co_await join(std::move(again));
    }
    co_await observe_workloads(*connections, settings, cycle.end(), observation);
    if (settings.blast_radius) co_await observe_blast_radius(*connections, settings, cycle.end(), observation);
    if (settings.aggregator_metrics) co_await observe_aggregators(*connections, settings, observation);
    if (settings.canary_beyond) observation.canary_beyond = co_await ask_beyond(*connections, settings, observation);
    observation.finished = wall_clock();
    co_return observation;
}

}  // namespace aggmedic::probes
