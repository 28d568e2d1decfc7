#include "probes/time_canary.hpp"

#include <fmt/format.h>

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <random>

#include "net/deadline.hpp"
#include "probes/cluster_connections.hpp"

namespace aggmedic::probes {

namespace {

using std::chrono::microseconds;
using std::chrono::steady_clock;

constexpr const char* asked_before = "default";

Unobserved not_asked(std::string why) {
    return {.reason = "not-asked", .detail = std::move(why)};
}

// A name that nobody has asked for: what an extension API server knows of it is in no cache.
std::string new_namespace() {
    thread_local std::mt19937_64 random{std::random_device{}()};
    return fmt::format("aggmedic-{:016x}", random());
}

// How long the canary's answer took; anything but its 404 is another path through the server and measures nothing.
asio::awaitable<Result<microseconds>> time_get(HttpsClient& canary, std::string path,
                                               std::chrono::milliseconds timeout) {
    HttpRequest request;
    request.path = std::move(path);
    request.timeout = timeout;
    const auto start = steady_clock::now();
    const auto reply = co_await canary.send(std::move(request));
    const auto took = std::chrono::duration_cast<microseconds>(steady_clock::now() - start);
    if (!reply) co_return std::unexpected(reply.error());
    if (reply->status == 404) co_return took;
    co_return fail(Errc::refused, fmt::format("the canary got {} where 404 is right", reply->status));
}

struct Times {
    microseconds cached{}, cached_again{}, fresh{};
};

// The first GET warms caches and connection. The other two change places, so that a drift of the load favours neither.
asio::awaitable<Result<Times>> time_pair(HttpsClient& canary, ListableResource resource, bool fresh_first,
                                         std::chrono::milliseconds timeout) {
    Times times;
    const auto cached = co_await time_get(canary, resource.canary_path_in(asked_before), timeout);
    if (!cached) co_return std::unexpected(cached.error());
    times.cached = *cached;
    for (const bool fresh : {fresh_first, !fresh_first}) {
        const auto space = fresh ? new_namespace() : std::string(asked_before);
        const auto took = co_await time_get(canary, resource.canary_path_in(space), timeout);
        if (!took) co_return std::unexpected(took.error());
        (fresh ? times.fresh : times.cached_again) = *took;
    }
    co_return times;
}

// While it lives the credentials are not changed under way.
struct Held {
    ClusterConnections& connections;
    explicit Held(ClusterConnections& of) : connections(of) { connections.hold(); }
    Held(const Held&) = delete;
    Held& operator=(const Held&) = delete;
    ~Held() { connections.release(); }
};

}  // namespace

asio::awaitable<Seen<TimingPairs>> time_canary(std::shared_ptr<ClusterConnections> connections, TimingPlace place,
                                               TimingSettings settings) {
    const Held held(*connections);
    auto* peer = connections->find(place.master);
    if (peer == nullptr) co_return not_asked("no such master");
    if (connections->target().canary.empty()) co_return not_asked("there is no canary credential");
    const auto resource = connections->resources[place.apiservice];
    if (!resource.has_namespaces()) co_return not_asked("none of its resources is inside namespaces");
    HttpsClient& canary = *connections->lane(*peer, 0).canary;
    TimingTally tally;
    const auto end = steady_clock::now() + settings.limit;
    asio::steady_timer pause(connections->executor());
    for (bool fresh_first = false; !tally.is_done(); fresh_first = !fresh_first) {
        if (steady_clock::now() > end) co_return Unobserved{.reason = "timeout", .detail = "answers take too long"};
        const auto times = co_await time_pair(canary, resource, fresh_first, settings.timeout);
        if (!times && times.error().code == Errc::refused)
            co_return Unobserved{.reason = "status", .detail = times.error().detail};
        if (!times) co_return unobserved(times.error());
        tally.add(times->cached, times->cached_again, times->fresh);
        pause.expires_after(settings.pause);
        co_await pause.async_wait(asio::use_awaitable);
    }
    co_return tally.pairs();
}

}  // namespace aggmedic::probes
