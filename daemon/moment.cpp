#include "daemon/moment.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "daemon/blast_radius_words.hpp"
#include "daemon/explaining.hpp"
#include "probes/diagnose.hpp"
#include "probes/track.hpp"

namespace aggmedic::daemon {
namespace {

probes::Assessment assess(const Moment& moment) {
    auto assessment = probes::diagnose(moment.observation, moment.at);
    assessment.findings.insert(assessment.findings.end(), moment.over_time.begin(), moment.over_time.end());
    for (auto& finding : assessment.findings) {
        const auto known = moment.since.find(probes::key(finding));
        if (known == moment.since.end()) continue;
        finding.since = finding.since ? std::min(*finding.since, known->second) : known->second;
    }
    return assessment;
}

}  // namespace

nlohmann::json checked(const Moment& moment) {
    auto value = probes::to_json(assess(moment));
    value["blast_radius"] = blast_radius_json(moment.observation.blast_radius);
    return value;
}

nlohmann::json explained(const Moment& moment) {
    auto value = checked(moment);
    add_explanation(value, moment);
    return value;
}

}  // namespace aggmedic::daemon
