#include "probes/finding.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "net/text.hpp"

namespace aggmedic::probes {

using nlohmann::json;

std::string_view name(Severity severity) {
    switch (severity) {
        case Severity::critical:
            return "critical";
        case Severity::warning:
            return "warning";
        case Severity::info:
            return "info";
    }
    return "critical";
}

std::string_view name(Confidence confidence) {
    switch (confidence) {
        case Confidence::certain:
            return "certain";
        case Confidence::probable:
            return "probable";
        case Confidence::ambiguous:
            return "ambiguous";
    }
    return "ambiguous";
}

std::string_view name(AllowList allow_list) {
    switch (allow_list) {
        case AllowList::right:
            return "right";
        case AllowList::wrong:
            return "wrong";
        case AllowList::dangerous:
            return "dangerous";
        case AllowList::none:
            return "none";
    }
    return "none";
}

std::string_view name(FindingClass finding_class) {
    switch (finding_class) {
        case FindingClass::fault:
            return "fault";
        case FindingClass::security:
            return "security";
    }
    return "fault";
}

std::string_view name(ClusterState state) {
    switch (state) {
        case ClusterState::healthy:
            return "healthy";
        case ClusterState::findings:
            return "findings";
        case ClusterState::unknown:
            return "unknown";
    }
    return "unknown";
}

ClusterState state_of(const Assessment& assessment) {
    const bool any = std::ranges::any_of(assessment.findings, [](const Finding& finding) {
        return finding.severity != Severity::info && finding.finding_class != FindingClass::security;
    });
    if (any) return ClusterState::findings;
    const bool all_seen =
        std::ranges::all_of(assessment.unobserved, [](const UnobservedFact& fact) { return !fact.causes.empty(); });
    return all_seen ? ClusterState::healthy : ClusterState::unknown;
}

namespace {

constexpr std::size_t text_limit = 2048;

json text(const std::string& value) {
    return printable(value, text_limit);
}
// Absent is null, so that a script need not know which fields can be empty.
json text_or_null(const std::string& value) {
    return value.empty() ? json(nullptr) : text(value);
}

// Reads what to_json wrote; the first fault is kept with its key.
class Reader {
  public:
    explicit Reader(std::string path) : path_(std::move(path)) {}

    std::string text(const json& object, const char* key, bool required = true) {
        const auto* value = member(object, key);
        if (value == nullptr || value->is_null()) {
            if (required) complain(key);
            return {};
        }
        if (!value->is_string()) complain(key);
        return value->is_string() ? value->get<std::string>() : std::string();
    }
    std::optional<TimePoint> time(const json& object, const char* key) {
        const auto written = text(object, key, false);
        if (written.empty()) return std::nullopt;
        const auto time = from_rfc3339(written);
        if (!time) complain(key);
        return time;
    }
    template <class E, std::size_t N>
    E choice(const json& object, const char* key, const E (&choices)[N]) {
        const auto written = text(object, key);
        for (const auto each : choices) {
            if (name(each) == written) return each;
        }
        complain(key);
        return choices[0];
    }
    const json& list(const json& object, const char* key, bool required = true) {
        static const json none = json::array();
        const auto* value = member(object, key);
        if (value == nullptr && !required) return none;
        if (value != nullptr && value->is_array()) return *value;
        complain(key);
        return none;
    }
    std::vector<std::string> texts(const json& object, const char* key, bool required = true) {
        std::vector<std::string> values;
        for (const auto& value : list(object, key, required)) {
            if (value.is_string()) {
                values.push_back(value.get<std::string>());
            } else {
                complain(key);
            }
        }
        return values;
    }
    const std::string& error() const { return error_; }

  private:
    const json* member(const json& object, const char* key) {
        if (!object.is_object()) {
            complain(key);
            return nullptr;
        }
        const auto at = object.find(key);
        return at == object.end() ? nullptr : &*at;
    }
    void complain(const char* key) {
        if (error_.empty()) error_ = path_ + ": " + key + " is missing or has another type or value";
    }
    std::string path_, error_;
};

Finding read_finding(const json& value, Reader& reader) {
    Finding finding;
    finding.cause = reader.text(value, "cause");
    finding.severity = reader.choice(value, "severity", {Severity::critical, Severity::warning, Severity::info});
    finding.master = reader.text(value, "master", false);
    finding.apiservice = reader.text(value, "apiservice", false);
    finding.since = reader.time(value, "since");
    finding.confidence =
        reader.choice(value, "confidence", {Confidence::certain, Confidence::probable, Confidence::ambiguous});
    finding.consequence_of = reader.text(value, "consequence_of", false);
    finding.allow_list =
        reader.choice(value, "allow_list", {AllowList::right, AllowList::wrong, AllowList::dangerous, AllowList::none});
    finding.candidates = reader.texts(value, "candidates");
    finding.common_name = reader.text(value, "common_name", false);
    for (const auto& fact : reader.list(value, "evidence")) {
        finding.evidence.push_back({.fact = reader.text(fact, "fact"),
                                    .source = reader.text(fact, "source"),
                                    .master = reader.text(fact, "master", false)});
    }
    for (const auto& other : reader.list(value, "rules_out")) {
        finding.rules_out.push_back({.cause = reader.text(other, "cause"), .because = reader.text(other, "because")});
    }
    finding.remedy = reader.text(value, "remedy", false);
    if (value.contains("class")) {  // older records lack it
        finding.finding_class = reader.choice(value, "class", {FindingClass::fault, FindingClass::security});
    }
    return finding;
}

}  // namespace

json to_json(const Finding& finding) {
    json evidence = json::array(), rules_out = json::array(), candidates = json::array();
    for (const auto& each : finding.evidence) {
        evidence.push_back(
            {{"fact", text(each.fact)}, {"source", text(each.source)}, {"master", text_or_null(each.master)}});
    }
    for (const auto& each : finding.rules_out)
        rules_out.push_back({{"cause", text(each.cause)}, {"because", text(each.because)}});
    for (const auto& each : finding.candidates) candidates.push_back(text(each));
    return {{"cause", text(finding.cause)},
            {"severity", name(finding.severity)},
            {"master", text_or_null(finding.master)},
            {"apiservice", text_or_null(finding.apiservice)},
            {"since", finding.since ? json(to_rfc3339(*finding.since)) : json(nullptr)},
            {"confidence", name(finding.confidence)},
            {"consequence_of", text_or_null(finding.consequence_of)},
            {"allow_list", name(finding.allow_list)},
            {"candidates", candidates},
            {"common_name", text_or_null(finding.common_name)},
            {"evidence", evidence},
            {"rules_out", rules_out},
            {"remedy", text(finding.remedy)},
            {"class", name(finding.finding_class)}};
}

json to_json(const Assessment& assessment) {
    json findings = json::array(), unobserved = json::array();
    for (const auto& finding : assessment.findings) findings.push_back(to_json(finding));
    for (const auto& fact : assessment.unobserved) {
        json causes_hidden = json::array();
        for (const auto& cause : fact.causes) causes_hidden.push_back(text(cause));
        unobserved.push_back({{"what", text(fact.what)},
                              {"master", text_or_null(fact.master)},
                              {"reason", text(fact.reason)},
                              {"causes", causes_hidden}});
    }
    return {{"name", text(assessment.cluster)},
            {"state", name(state_of(assessment))},
            {"at", to_rfc3339(assessment.at)},
            {"kubernetes", text_or_null(assessment.kubernetes)},
            {"findings", findings},
            {"unobserved", unobserved}};
}

Result<Assessment> parse_assessment(std::string_view written) {
    const auto document = json::parse(written, nullptr, false);
    if (!document.is_object()) return fail(Errc::malformed_reply, "assessment is no JSON object");
    Reader reader("assessment");
    Assessment assessment;
    assessment.cluster = reader.text(document, "name");
    const auto at = reader.time(document, "at");
    if (at) assessment.at = *at;
    assessment.kubernetes = reader.text(document, "kubernetes", false);
    for (const auto& value : reader.list(document, "findings"))
        assessment.findings.push_back(read_finding(value, reader));
    for (const auto& value : reader.list(document, "unobserved")) {
        assessment.unobserved.push_back({.what = reader.text(value, "what"),
                                         .master = reader.text(value, "master", false),
                                         .reason = reader.text(value, "reason"),
                                         .causes = reader.texts(value, "causes", false)});
    }
    if (!reader.error().empty()) return fail(Errc::malformed_reply, reader.error());
    return assessment;
}

}  // namespace aggmedic::probes
