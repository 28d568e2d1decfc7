#include <algorithm>

#include "net/text.hpp"
#include "remediate/guard.hpp"

// Gates about the aggregated APIs: a repair is judged by their answers, so each of them has to be known before.
namespace aggmedic::remediate {
namespace {

Refusal refusal(const Facts& facts, std::string reason) {
    return {.gate = "aggregated-apis-known", .subject = facts.input.observation.cluster, .reason = std::move(reason)};
}

bool is_ready(const probes::ApiserverView* apiserver) {
    return apiserver != nullptr && apiserver->readyz && apiserver->readyz->status == 200;
}

bool is_known_through(const probes::ApiCase& api, const std::string& master) {
    return std::ranges::any_of(api.through, [&](const probes::Through& through) {
        return through.apiserver->master == master && through.known();
    });
}

// A live fault is logged anew with every availability check, every 30 s.
constexpr std::chrono::minutes fresh{5};

bool is_fresh(const probes::LogFact& fact, TimePoint now) {
    return !fact.last || *fact.last >= now - fresh;
}

// What a server may hold against a client certificate beside its name.
bool is_other_reason(probes::LogEvent event) {
    using enum probes::LogEvent;
    return event == unknown_authority || event == certificate_expired || event == certificate_not_yet_valid ||
           event == certificate_not_in_date || event == incompatible_key_usage;
}

// What the log of one API's servers holds freshly against a certificate other than that `name` is not allowed; empty:
// nothing. Where it names ours as well, another name is another client's.
std::string contrary(const std::vector<probes::ExtensionLog>& logs, const std::string& common_name, TimePoint now) {
    std::string other;
    bool names_ours = false;
    for (const auto& log : logs) {
        for (const auto& fact : log.facts) {
            if (!is_fresh(fact, now)) continue;
            if (is_other_reason(fact.event)) return std::string(probes::name(fact.event));
            if (fact.event != probes::LogEvent::cn_not_allowed) continue;
            if (fact.common_name == common_name) names_ours = true;
            if (fact.common_name != common_name && other.empty())
                other = "the CN \"" + printable(fact.common_name, 128) + "\" is not allowed";
        }
    }
    return names_ours ? std::string() : other;
}

}  // namespace

std::optional<Refusal> gate_aggregated_apis(const Facts& facts) {
    const auto* listed = facts.input.observation.apiservices();
    if (listed == nullptr) {
        return refusal(facts,
                       "The list of APIServices could not be read, so nothing would show what the repair does: let the "
                       "probe list apiservices.apiregistration.k8s.io.");
    }
    const auto& apiservers = facts.input.observation.apiservers;
    if (std::ranges::any_of(apiservers, [](const auto& each) { return each.apiservices_left_out > 0; })) {
        return refusal(facts,
                       "There are more APIServices than are looked at: narrow them with apiservices.include, so that "
                       "every one that counts is known.");
    }
    if (listed->empty() && facts.calls_for_repair()) {
        return refusal(facts,
                       "No aggregated API is listed, so nothing would show that the repair worked: see what "
                       "apiservices.include and exclude leave.");
    }
    for (const auto& api : facts.seen.apis) {
        for (const auto& master : facts.input.masters) {
            // Of one that is not ready, master-ready says so.
            if (!is_ready(facts.apiserver(master)) || is_known_through(api, master)) continue;
            return refusal(facts, printable(api.apiservice->name, 256) +
                                      " gave no answer that tells anything through " + printable(master, 64) +
                                      ": wait until it does, or leave it out with " + "apiservices.exclude.");
        }
    }
    return std::nullopt;
}

std::optional<Refusal> gate_extension_log(const Facts& facts) {
    if (!facts.common_name) return std::nullopt;
    for (const auto& workload : facts.input.observation.workloads) {
        if (!workload.logs) continue;
        const auto why = contrary(*workload.logs, *facts.common_name, facts.input.now);
        if (why.empty()) continue;
        return Refusal{.gate = "extension-log",
                       .subject = facts.input.observation.cluster,
                       .reason = "The log of " + printable(workload.apiservice, 256) +
                                 " refuses a certificate within the last 5 minutes for something else than this CN (" +
                                 why + "): find out whose it is, and plan again when the log is quiet."};
    }
    return std::nullopt;
}

}  // namespace aggmedic::remediate
