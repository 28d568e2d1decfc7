#include "probes/diagnose.hpp"

#include <array>

#include "net/text.hpp"
#include "probes/causes/rules.hpp"

namespace aggmedic::probes {

namespace {

using Rule = void (*)(const Case&, Assessment&);

// The rules up to resolve propose, it decides, and the rest adds what stands beside: differences of masters, security
// and noise.
constexpr std::array<Rule, 22> rules{
    judge_published,
    judge_read_certificates,
    judge_proxy_flags,
    judge_answers_by_master,
    judge_logs,
    judge_older_certificates,
    judge_guessed_certificates,
    judge_workloads,
    judge_ways,
    judge_unexplained_trust,
    judge_backends,
    judge_delegation,
    judge_restarts,
    resolve,
    judge_last_writer,
    judge_masters,
    judge_pending_restarts,
    judge_clocks,
    judge_noise,
    judge_security,
    judge_lasting_fix,
    list_unobserved,
};

std::string version_of(const Observation& observation) {
    for (const auto& apiserver : observation.apiservers) {
        if (apiserver.version) return printable(*apiserver.version, 128);
    }
    return {};
}

bool is_refused_everywhere(const Assessment& assessment) {
    return assessment.findings.size() == 1 && assessment.findings.front().cause == "our-own-401" &&
           assessment.findings.front().master.empty();
}

}  // namespace

Assessment diagnose(const Observation& observation, TimePoint now) {
    Assessment assessment{.cluster = observation.cluster,
                          .at = now,
                          .kubernetes = version_of(observation),
                          .findings = {},
                          .unobserved = {}};
    const auto seen = digest(observation, now);
    judge_credential(seen, assessment);
    // With a refused credential nothing is known of aggregated APIs, and nothing is concluded.
    if (is_refused_everywhere(assessment) && seen.usable.empty()) {
        list_unobserved(seen, assessment);
        return assessment;
    }
    for (const auto rule : rules) rule(seen, assessment);
    return assessment;
}

}  // namespace aggmedic::probes
