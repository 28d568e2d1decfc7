#include <algorithm>
#include <set>

#include "daemon/metrics.hpp"
#include "probes/causes/case.hpp"
#include "probes/causes/lasting_fix.hpp"

namespace aggmedic::daemon {
namespace {

using probes::Answer;
using probes::ApiserverView;
using probes::ApiServiceAttempts;
using probes::Observation;

bool is_fine(const Answer& answer) {
    return answer.status == 200;
}

AggregatedApiFacts facts_of(const ApiserverView& apiserver, const ApiServiceAttempts& attempts) {
    AggregatedApiFacts facts{
        .master = apiserver.master, .apiservice = attempts.apiservice, .up = {}, .status_code = {}};
    if (attempts.discovery.empty() || !probes::is_usable(apiserver)) return facts;
    facts.up = std::ranges::all_of(attempts.discovery, is_fine);
    // The worst answer of the cycle: with one bad master of three the shared condition makes the good ones flap.
    const auto worst = std::ranges::max(attempts.discovery, {}, &Answer::status);
    if (worst.status != 0) facts.status_code = worst.status;
    return facts;
}

void add_identities(const probes::Case& seen, ObservationFacts& facts) {
    const auto& proxies = seen.read.empty() ? seen.guessed : seen.read;
    for (const auto& api : seen.apis) {
        auto identity = probes::identity_at(api, seen.observation, proxies);
        if (identity == probes::Identity::unknown) identity = probes::timed_identity_at(api, seen);
        if (api.apiservice == nullptr || identity == probes::Identity::unknown) continue;
        facts.masked[api.apiservice->name] = identity != probes::Identity::caller;
    }
}

std::string code_of(const Answer& answer) {
    return answer.status != 0 ? std::to_string(answer.status) : answer.failure;
}

template <class T>
void count_failure(ClusterCounters& counters, const std::string& probe, const probes::Seen<T>& seen) {
    if (!seen && seen.why().reason != "not-asked") ++counters.failures[{probe, seen.why().reason}];
}

std::set<std::string> names_of(const std::vector<probes::ApiService>& apiservices) {
    std::set<std::string> names;
    for (const auto& apiservice : apiservices) names.insert(apiservice.name);
    return names;
}

// An APIService that is listed no more, or a master that is configured no more, takes its series with it.
void forget_gone(ClusterCounters& counters, const Observation& observation) {
    std::set<std::string> masters;
    for (const auto& apiserver : observation.apiservers) masters.insert(apiserver.master);
    const auto* listed = observation.apiservices();
    const auto names = listed != nullptr ? names_of(*listed) : std::set<std::string>();
    std::erase_if(counters.responses, [&](const auto& entry) {
        const auto& [master, apiservice, code] = entry.first;
        return !masters.contains(master) || (listed != nullptr && !names.contains(apiservice));
    });
}

}  // namespace

ObservationFacts facts_of(const Observation& observation) {
    ObservationFacts facts;
    facts.at = observation.finished;
    for (const auto& apiserver : observation.apiservers) {
        // Not answering at all is the one thing that an apiserver's silence does prove of it, seen from here.
        facts.apiserver_up[apiserver.master] = apiserver.readyz && is_fine(*apiserver.readyz);
        for (const auto& attempts : apiserver.attempts) facts.apis.push_back(facts_of(apiserver, attempts));
    }
    const auto seen = probes::digest(observation, observation.finished);
    for (const auto& proxy : seen.read) {
        if (proxy.absent) continue;
        facts.proxy_certificates.push_back({.master = proxy.master,
                                            .common_name = proxy.leaf.common_name,
                                            .allowed = proxy.name_allowed,
                                            .not_after = proxy.leaf.not_after});
    }
    add_identities(seen, facts);
    facts.permanent_fix = probes::is_fix_permanent(seen);
    const auto* published = observation.published();
    if (published != nullptr && published->has_requestheader_ca && published->has_client_ca)
        facts.shared_ca = seen.shared_ca;
    return facts;
}

void ClusterCounters::count(const Observation& observation) {
    for (const auto& apiserver : observation.apiservers) {
        for (const auto& attempts : apiserver.attempts) {
            for (const auto* answers : {&attempts.discovery, &attempts.resource}) {
                for (const auto& answer : *answers) {
                    ++responses[{apiserver.master, attempts.apiservice, code_of(answer)}];
                }
            }
        }
        count_failure(*this, "readyz", apiserver.readyz);
        count_failure(*this, "control", apiserver.control);
        count_failure(*this, "version", apiserver.version);
        count_failure(*this, "apiservices", apiserver.apiservices);
        count_failure(*this, "published", apiserver.published);
    }
    for (const auto& [name, view] : observation.masters) count_failure(*this, "master", view);
    forget_gone(*this, observation);
}

void observe_durations(Durations& durations, const Observation& observation) {
    const auto observe = [&](const std::string& probe, const Answer& answer) {
        if (answer.status != 0) durations.observe(probe, answer.milliseconds / 1000.0);
    };
    for (const auto& apiserver : observation.apiservers) {
        if (apiserver.readyz) observe("readyz", *apiserver.readyz);
        if (apiserver.control) observe("control", *apiserver.control);
        for (const auto& attempts : apiserver.attempts) {
            for (const auto& answer : attempts.discovery) observe("discovery", answer);
            for (const auto& answer : attempts.resource) observe("resource", answer);
            for (const auto& answer : attempts.canary) observe("canary", answer);
        }
    }
}

}  // namespace aggmedic::daemon
