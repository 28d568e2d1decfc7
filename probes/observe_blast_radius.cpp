#include "probes/observe_blast_radius.hpp"

#include <algorithm>
#include <functional>
#include <set>

#include "probes/answer.hpp"
#include "probes/apiservice.hpp"
#include "probes/blast_radius_reading.hpp"
#include "probes/observe_workloads.hpp"
#include "probes/questions.hpp"
#include "probes/workload_reading.hpp"

namespace aggmedic::probes {

namespace {

constexpr int pages_max = 4;  // of one list
constexpr std::size_t namespaces_max = 5;

struct List {
    std::string path;        // with a query that names the size of a page
    std::string permission;  // in words, for whoever lacks it
    std::function<Result<StruckPage>(std::string_view)> parse;
};

// What the first pages show; a page that cannot be had is as good as one that was not asked for, unless it is the
// first.
asio::awaitable<Seen<Struck>> ask_list(Questions& questions, List list) {
    Struck all;
    std::string next;
    for (int page = 0; page < pages_max; ++page) {
        const auto path = next.empty() ? list.path : list.path + "&continue=" + next;
        const auto reply = co_await questions.ask(path);
        const bool is_first = page == 0;
        if (!reply || reply->status != 200) {
            if (is_first) co_return refusal_of(reply, list.permission);
            break;
        }
        const auto parsed = list.parse(reply->body);
        if (!parsed) {
            if (is_first) co_return unobserved(parsed.error());
            break;
        }
        add(all, parsed->struck);
        next = parsed->next;
        if (next.empty()) co_return all;
    }
    all.is_cut = true;
    co_return all;
}

asio::awaitable<Seen<Struck>> ask_namespaces(Questions& questions) {
    List list;
    list.path = "/api/v1/namespaces?fieldSelector=status.phase%3DTerminating&limit=100";
    list.permission = "list namespaces";
    list.parse = parse_stuck_namespaces;
    co_return co_await ask_list(questions, std::move(list));
}

// v2 since 1.23; the annotation of v1 says the same as long as there is v1.
asio::awaitable<Seen<Struck>> ask_autoscalers(Questions& questions) {
    List list;
    list.permission = "list horizontalpodautoscalers.autoscaling";
    list.parse = parse_frozen_autoscalers;
    Seen<Struck> found;
    for (const std::string version : {"v2", "v1"}) {
        list.path = "/apis/autoscaling/" + version + "/horizontalpodautoscalers?limit=100";
        found = co_await ask_list(questions, list);
        if (found || found.why().reason != "not-found") break;
    }
    co_return found;
}

asio::awaitable<Seen<Struck>> ask_pods(Questions& questions, std::vector<std::string> spaces,
                                       std::set<std::string> own) {
    Struck all;
    Seen<Struck> refused;
    bool is_any_seen = false;
    for (const auto& space : spaces) {
        List list;
        list.path = "/api/v1/namespaces/" + space + "/pods?limit=50";
        list.permission = "list pods in namespace " + space;
        list.parse = [&own](std::string_view text) { return parse_crash_loops(text, own); };
        const auto found = co_await ask_list(questions, std::move(list));
        if (found) {
            add(all, *found);
            is_any_seen = true;
        } else {
            refused = found;
        }
    }
    const bool is_refused = !refused && refused.why().reason != "not-asked";
    if (is_refused && all.count == 0) co_return refused;
    all.is_cut = all.is_cut || is_refused;
    if (!is_any_seen) co_return refused;
    co_return all;
}

// Of the services of these APIs, in order, each once.
std::vector<std::string> namespaces_of(const std::vector<ApiService>& failing) {
    std::vector<std::string> spaces;
    for (const auto& apiservice : failing) {
        const auto& space = apiservice.service_namespace;
        const bool is_known = std::ranges::find(spaces, space) != spaces.end();
        if (!is_known && is_path_word(space) && spaces.size() < namespaces_max) spaces.push_back(space);
    }
    return spaces;
}

std::set<std::string> own_pods(const Observation& observation) {
    std::set<std::string> names;
    for (const auto& workload : observation.workloads) {
        if (!workload.pods) continue;
        for (const auto& pod : *workload.pods) names.insert(pod.name);
    }
    return names;
}

bool is_metrics_api(const ApiService& apiservice) {
    return apiservice.group == "metrics.k8s.io" || apiservice.group.ends_with(".metrics.k8s.io");
}

}  // namespace

asio::awaitable<void> observe_blast_radius(ClusterConnections& connections, ProbeSettings settings, SteadyTime end,
                                           Observation& observation) {
    const auto failing = failing_apiservices(observation);
    const auto* through = best_placed(observation);
    if (failing.empty() || through == nullptr) co_return;
    auto* peer = connections.find(through->master);
    if (peer == nullptr) co_return;
    Questions questions(connections.aside(*peer), settings.timeout, end);
    BlastRadius radius;
    radius.asked_through = through->master;
    radius.namespaces = co_await ask_namespaces(questions);
    if (std::ranges::any_of(failing, is_metrics_api)) radius.autoscalers = co_await ask_autoscalers(questions);
    radius.pods = co_await ask_pods(questions, namespaces_of(failing), own_pods(observation));
    observation.blast_radius = std::move(radius);
}

}  // namespace aggmedic::probes
