#include "probes/raised.hpp"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "net/text.hpp"

namespace aggmedic::probes {
namespace {

constexpr std::size_t evidence_max = 40;

template <class T>
void add_once(std::vector<T>& known, const std::vector<T>& more, std::size_t limit = SIZE_MAX) {
    for (const auto& each : more) {
        if (known.size() < limit && std::ranges::find(known, each) == known.end()) known.push_back(each);
    }
}

int caution(AllowList verdict) {
    switch (verdict) {
        case AllowList::none:
            return 0;
        case AllowList::right:
            return 1;
        case AllowList::wrong:
            return 2;
        case AllowList::dangerous:
            return 3;
    }
    return 0;
}

int certainty(Confidence confidence) {
    return confidence == Confidence::certain ? 2 : confidence == Confidence::probable ? 1 : 0;
}

nlohmann::json texts(const std::vector<std::string>& values) {
    auto list = nlohmann::json::array();
    for (const auto& value : values) list.push_back(printable(value));
    return list;
}

}  // namespace

void merge(Finding& whole, const Finding& member) {
    if (certainty(member.confidence) > certainty(whole.confidence)) {
        whole.confidence = member.confidence;
        whole.remedy = member.remedy;
        whole.common_name = member.common_name;
    }
    whole.severity = std::min(whole.severity, member.severity);  // the gravest comes first
    whole.finding_class = std::min(whole.finding_class, member.finding_class);
    if (caution(member.allow_list) > caution(whole.allow_list)) whole.allow_list = member.allow_list;
    if (member.since && (!whole.since || *member.since < *whole.since)) whole.since = member.since;
    if (whole.consequence_of != member.consequence_of) whole.consequence_of.clear();
    add_once(whole.candidates, member.candidates);
    add_once(whole.evidence, member.evidence, evidence_max);
    add_once(whole.rules_out, member.rules_out);
}

std::vector<RaisedCause> by_cause(const std::vector<Finding>& findings) {
    std::map<std::string, RaisedCause> causes;
    for (const auto& finding : findings) {
        auto [at, added] =
            causes.try_emplace(finding.cause, RaisedCause{.finding = finding, .masters = {}, .apiservices = {}});
        auto& raised = at->second;
        if (!added) merge(raised.finding, finding);
        if (!finding.master.empty()) add_once(raised.masters, {finding.master});
        if (!finding.apiservice.empty()) add_once(raised.apiservices, {finding.apiservice});
    }
    std::vector<RaisedCause> list;
    for (auto& [cause, raised] : causes) {
        raised.finding.master = raised.masters.size() == 1 ? raised.masters.front() : "";
        raised.finding.apiservice = raised.apiservices.size() == 1 ? raised.apiservices.front() : "";
        list.push_back(std::move(raised));
    }
    return list;
}

nlohmann::json to_json(const RaisedCause& raised) {
    auto value = to_json(raised.finding);
    value["masters"] = texts(raised.masters);
    value["apiservices"] = texts(raised.apiservices);
    return value;
}

}  // namespace aggmedic::probes
