#include "probes/attempts.hpp"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "probes/exchange.hpp"

namespace aggmedic::probes {

namespace {

using std::chrono::milliseconds;

constexpr std::size_t lanes_max = 4;         // connections per apiserver that are busy with answering APIs
constexpr std::size_t spare_lanes_max = 12;  // further ones that stand in for lanes where nothing comes back
constexpr auto slow_after = std::chrono::milliseconds(500);  // a lane that waits longer is stood in for
constexpr int silent_attempts_max = 2;                       // in a row; then the rest of the cycle is left out

// One aggregated API within one cycle.
struct Job {
    const ApiService* apiservice = nullptr;
    ApiServiceAttempts* attempts = nullptr;
    SteadyTime due{};
    int done = 0;
    int silent = 0;
    bool is_hanging = false;  // its last discovery or list gave no answer
    bool is_busy = false;
    SteadyTime busy_since{};
};

int silent_at_the_end(const std::vector<Answer>& answers) {
    const auto spoke =
        std::find_if(answers.rbegin(), answers.rend(), [](const Answer& answer) { return answer.status != 0; });
    return static_cast<int>(spoke - answers.rbegin());
}

// What the lanes of one apiserver share.
struct Queue {
    std::vector<Job> jobs;
    std::vector<std::unique_ptr<asio::steady_timer>> idle;  // one for each lane
    std::vector<SteadyTime> busy;                           // since when, one for each busy lane
    ProbeSettings settings;
    SteadyTime start;

    bool is_open(const Job& job, SteadyTime now) const {
        if (job.done >= settings.attempts || job.silent >= silent_attempts_max) return false;
        if (job.done == 0 || settings.spread.count() == 0) return true;
        // What hangs is asked again only within the spread; what is late for want of a connection gets a little longer.
        return now <= start + settings.spread + (job.is_hanging ? milliseconds(0) : settings.timeout);
    }
    SteadyTime due(int attempt) const { return start + settings.spread * attempt / std::max(1, settings.attempts); }
    bool finished(SteadyTime now) const {
        return std::ranges::none_of(jobs, [&](const Job& job) { return is_open(job, now); });
    }
    Job* next(SteadyTime now) {
        Job* first = nullptr;
        for (auto& job : jobs) {
            if (is_open(job, now) && !job.is_busy && (first == nullptr || job.due < first->due)) first = &job;
        }
        return first;
    }
    // How the busy lanes do, and when the next of them will count as slow.
    struct Load {
        std::size_t prompt = 0, slow = 0;
        SteadyTime next_slow = SteadyTime::max();
    };
    Load load(SteadyTime now) const {
        Load found;
        for (const auto since : busy) {
            const auto slow_at = since + slow_after;
            ++(slow_at <= now ? found.slow : found.prompt);
            if (slow_at > now) found.next_slow = std::min(found.next_slow, slow_at);
        }
        return found;
    }
    void begin(Job& job) {
        const auto now = std::chrono::steady_clock::now();
        job.is_busy = true;
        busy.push_back(now);
        for (std::size_t i = lanes_max; i < idle.size(); ++i) {  // who sleeps without an end must learn of slow_after
            if (idle[i]->expiry() == SteadyTime::max()) idle[i]->cancel();
        }
        job.busy_since = now;
    }
    void end(Job& job) {
        job.is_busy = false;
        busy.erase(std::ranges::find(busy, job.busy_since));
        const auto working = lanes_max + load(std::chrono::steady_clock::now()).slow;
        for (std::size_t i = 0; i < std::min(working, idle.size()); ++i) idle[i]->cancel();
    }
    void wake_all() {
        for (const auto& timer : idle) timer->cancel();
    }
};

// Bodies are read where they can tell something: of the first 200, and again after one that was no list.
bool is_first_or_odd(const std::vector<Answer>& answers) {
    return std::ranges::none_of(answers, [](const Answer& answer) { return answer.is_resource_list == true; });
}

bool is_unreadable(const Exchange& list) {
    if (list.reply) return false;
    return list.reply.error().code == Errc::too_large || list.reply.error().code == Errc::malformed_reply;
}

// It would be the same in each attempt and cycle, and cost as much: the next discovery names another one.
void give_up(ListableResource& resource, const std::string& list_path) {
    resource.unreadable.insert(list_path);
    if (resource.list_path == list_path) resource.list_path.clear();
}

asio::awaitable<void> run_job(ClusterConnections& connections, Lane& lane, Queue& queue, Job& job) {
    struct Busy {
        Queue& queue;
        Job& job;
        Busy(Queue& of, Job& which) : queue(of), job(which) { queue.begin(job); }
        Busy(const Busy&) = delete;
        Busy& operator=(const Busy&) = delete;
        ~Busy() { queue.end(job); }
    } busy(queue, job);
    auto& resource = connections.resources[job.apiservice->name];
    HttpsClient* canary = job.done == 0 ? lane.canary.get() : nullptr;
    co_await make_attempt(*lane.probe, canary, *job.apiservice, queue.settings.timeout, resource, *job.attempts);
    job.silent = silent_at_the_end(job.attempts->discovery);
    job.is_hanging = job.silent > 0 || silent_at_the_end(job.attempts->resource) > 0;
    job.due = queue.due(++job.done);
}

asio::awaitable<void> work(ClusterConnections& connections, Peer& peer, std::size_t index, Queue& queue) {
    auto& idle = *queue.idle[index];
    for (auto now = std::chrono::steady_clock::now(); !queue.finished(now); now = std::chrono::steady_clock::now()) {
        const auto load = queue.load(now);
        const bool may_work = index < lanes_max + load.slow && load.prompt < lanes_max;
        Job* job = may_work ? queue.next(now) : nullptr;
        if (job != nullptr && job->due <= now) {
            co_await run_job(connections, connections.lane(peer, index), queue, *job);
            continue;
        }
        // Whoever is woken looks again: another lane may have taken the job meanwhile.
        idle.expires_at(!may_work ? load.next_slow : job == nullptr ? SteadyTime::max() : job->due);
        co_await idle.async_wait(asio::as_tuple(asio::use_awaitable));
    }
    queue.wake_all();
}

}  // namespace

asio::awaitable<void> make_attempt(HttpsClient& probe, HttpsClient* canary, const ApiService& apiservice,
                                   std::chrono::milliseconds timeout, ListableResource& resource,
                                   ApiServiceAttempts& attempts) {
    const auto discovery = co_await get(probe, discovery_path(apiservice), timeout);
    attempts.discovery.push_back(discovery.answer());
    if (!discovery.reply) co_return;
    auto& answered = attempts.discovery.back();
    if (answered.status == 200 && is_first_or_odd(attempts.discovery)) {
        answered.is_resource_list = is_resource_list(discovery.reply->body, apiservice);
        if (auto found = parse_listable_resource(discovery.reply->body, apiservice, resource.unreadable))
            resource = std::move(*found);
    }
    if (silent_at_the_end(attempts.resource) >= silent_attempts_max) co_return;
    if (!resource.list_path.empty()) {
        attempts.resource_path = resource.list_path;
        const auto list = co_await get(probe, attempts.resource_path + "?limit=1", timeout);
        attempts.resource.push_back(list.answer());
        if (is_unreadable(list)) give_up(resource, attempts.resource_path);
    }
    if (canary == nullptr || discovery.reply->status != 200 || resource.canary_path.empty()) co_return;
    const auto object = co_await get(*canary, resource.canary_path, timeout);
    attempts.canary.push_back(object.answer());
}

asio::awaitable<std::vector<ApiServiceAttempts>> make_attempts(ClusterConnections& connections, Peer& peer,
                                                               std::vector<ApiService> apiservices,
                                                               ProbeSettings settings, SteadyTime start) {
    std::vector<ApiServiceAttempts> attempts(apiservices.size());
    Queue queue{.jobs = {}, .idle = {}, .busy = {}, .settings = settings, .start = start};
    for (std::size_t i = 0; i < apiservices.size(); ++i) {
        attempts[i].apiservice = apiservices[i].name;
        Job job;
        job.apiservice = &apiservices[i];
        job.attempts = &attempts[i];
        queue.jobs.push_back(job);
    }
    std::ranges::partition(queue.jobs, [&](const Job& job) { return !peer.silent.contains(job.apiservice->name); });
    std::vector<asio::awaitable<void>> lanes;
    for (std::size_t i = 0; i < std::min(lanes_max + spare_lanes_max, apiservices.size()); ++i) {
        queue.idle.push_back(std::make_unique<asio::steady_timer>(connections.executor()));
        lanes.push_back(work(connections, peer, i, queue));
    }
    co_await join(std::move(lanes));
    peer.silent.clear();
    for (const auto& job : queue.jobs) {
        if (job.silent > 0) peer.silent.insert(job.apiservice->name);
    }
    co_return attempts;
}

}  // namespace aggmedic::probes
