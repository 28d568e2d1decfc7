#include "probes/attempts.hpp"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "probes/exchange.hpp"

namespace aggmedic::probes {

namespace {

constexpr std::size_t lanes_max = 4;    // connections per apiserver
constexpr int silent_attempts_max = 2;  // in a row; then the rest of the cycle is left out

// One aggregated API within one cycle.
struct Job {
    const ApiService* apiservice = nullptr;
    ApiServiceAttempts* attempts = nullptr;
    SteadyTime due{};
    int done = 0;
    int silent = 0;
    bool busy = false;
};

// What the lanes of one apiserver share.
struct Queue {
    std::vector<Job> jobs;
    asio::steady_timer changed;  // never expires; cancelled when a job is free again
    ProbeSettings settings;
    SteadyTime start;

    bool is_open(const Job& job) const { return job.done < settings.attempts && job.silent < silent_attempts_max; }
    SteadyTime due(int attempt) const { return start + settings.spread * attempt / std::max(1, settings.attempts); }
    bool finished() const {
        return std::ranges::none_of(jobs, [&](const Job& job) { return is_open(job); });
    }
    Job* next() {
        Job* first = nullptr;
        for (auto& job : jobs) {
            if (is_open(job) && !job.busy && (first == nullptr || job.due < first->due)) first = &job;
        }
        return first;
    }
};

asio::awaitable<void> run_job(ClusterConnections& connections, Lane& lane, Queue& queue, Job& job) {
    struct Busy {
        Queue& queue;
        Job& job;
        Busy(Queue& of, Job& which) : queue(of), job(which) { job.busy = true; }
        Busy(const Busy&) = delete;
        Busy& operator=(const Busy&) = delete;
        ~Busy() {
            job.busy = false;
            queue.changed.cancel();
        }
    } busy(queue, job);
    auto& resource = connections.resources[job.apiservice->name];
    HttpsClient* canary = job.done == 0 ? lane.canary.get() : nullptr;
    co_await make_attempt(*lane.probe, canary, *job.apiservice, queue.settings.timeout, resource, *job.attempts);
    const bool silent = job.attempts->discovery.back().status == 0;
    job.silent = silent ? job.silent + 1 : 0;
    job.due = queue.due(++job.done);
}

asio::awaitable<void> work(ClusterConnections& connections, Peer& peer, std::size_t index, Queue& queue) {
    auto& lane = connections.lane(peer, index);
    while (!queue.finished()) {
        Job* job = queue.next();
        if (job == nullptr) {
            co_await queue.changed.async_wait(asio::as_tuple(asio::use_awaitable));
            continue;
        }
        if (job->due > std::chrono::steady_clock::now()) {
            asio::steady_timer timer(connections.executor(), job->due);
            co_await timer.async_wait(asio::use_awaitable);
            continue;  // another lane may have taken it meanwhile
        }
        co_await run_job(connections, lane, queue, *job);
    }
    queue.changed.cancel();
}

}  // namespace

asio::awaitable<void> make_attempt(HttpsClient& probe, HttpsClient* canary, const ApiService& apiservice,
                                   std::chrono::milliseconds timeout, ListableResource& resource,
                                   ApiServiceAttempts& attempts) {
    const auto discovery = co_await get(probe, discovery_path(apiservice), timeout);
    attempts.discovery.push_back(discovery.answer());
    if (!discovery.reply) co_return;
    if (discovery.reply->status == 200 && attempts.discovery.size() == 1) {
        if (auto found = parse_listable_resource(discovery.reply->body, apiservice)) resource = std::move(*found);
    }
    attempts.resource_path = resource.list_path;
    if (resource.list_path.empty()) co_return;
    const auto list = co_await get(probe, resource.list_path + "?limit=1", timeout);
    attempts.resource.push_back(list.answer());
    if (canary == nullptr || discovery.reply->status != 200) co_return;
    const auto object = co_await get(*canary, resource.canary_path, timeout);
    attempts.canary.push_back(object.answer());
}

asio::awaitable<std::vector<ApiServiceAttempts>> make_attempts(ClusterConnections& connections, Peer& peer,
                                                               std::vector<ApiService> apiservices,
                                                               ProbeSettings settings, SteadyTime start) {
    std::vector<ApiServiceAttempts> attempts(apiservices.size());
    Queue queue{.jobs = {},
                .changed = asio::steady_timer(connections.executor(), SteadyTime::max()),
                .settings = settings,
                .start = start};
    for (std::size_t i = 0; i < apiservices.size(); ++i) {
        attempts[i].apiservice = apiservices[i].name;
        Job job;
        job.apiservice = &apiservices[i];
        job.attempts = &attempts[i];
        queue.jobs.push_back(job);
    }
    std::ranges::partition(queue.jobs, [&](const Job& job) { return !peer.silent.contains(job.apiservice->name); });
    std::vector<asio::awaitable<void>> lanes;
    for (std::size_t i = 0; i < std::min(lanes_max, apiservices.size()); ++i) {
        lanes.push_back(work(connections, peer, i, queue));
    }
    co_await join(std::move(lanes));
    peer.silent.clear();
    for (const auto& job : queue.jobs) {
        if (job.silent >= silent_attempts_max) peer.silent.insert(job.apiservice->name);
    }
    co_return attempts;
}

}  // namespace aggmedic::probes
