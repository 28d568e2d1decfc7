#include "probes/track.hpp"

#include <algorithm>
#include <set>

#include "probes/causes/rules.hpp"
#include "probes/hidden.hpp"
#include "probes/json_fields.hpp"
#include "probes/raised.hpp"
#include "probes/rotating.hpp"

namespace aggmedic::probes {

namespace {

constexpr std::size_t cycles_remembered = 3;
constexpr int seen_to_raise = 2;
constexpr int clean_to_resolve = 3;

void note(Tracked& tracked, bool seen) {
    tracked.recent.push_back(seen);
    while (tracked.recent.size() > cycles_remembered) tracked.recent.pop_front();
}

void remember(Tracked& tracked, bool seen) {
    note(tracked, seen);
    tracked.clean_cycles = seen ? 0 : tracked.clean_cycles + 1;
}

void remember_absence(Tracked& tracked, const History& history, const PresentFindings& present) {
    if (goes_on_otherwise(tracked, history, present)) return note(tracked, false);
    remember(tracked, false);
}

void fold_seen(History& history, const Finding& finding, TimePoint now) {
    auto [at, added] = history.findings.try_emplace(key(finding));
    auto& tracked = at->second;
    if (added) tracked.first_seen = now;
    tracked.finding = finding;
    tracked.finding.since = finding.since && *finding.since < tracked.first_seen ? *finding.since : tracked.first_seen;
    remember(tracked, true);
    if (std::ranges::count(tracked.recent, true) >= seen_to_raise) tracked.raised = true;
}

// An API that most attempts reach, and some even through the apiserver where it failed: what it failed with in this
// cycle does not tell one cause from another.
bool is_by_chance(const Finding& finding, const std::map<std::string, CycleAttempts>& attempts) {
    if (finding.confidence != Confidence::ambiguous) return false;
    const auto api = attempts.find(finding.apiservice);
    if (api == attempts.end()) return false;
    const auto counts = by_master(api->second);
    int failed = 0, total = 0;
    for (const auto& [master, counted] : counts) {
        failed += counted.failed;
        total += counted.total;
    }
    if (failed == 0 || failed * 2 > total) return false;  // it is not about answers, or it is an outage
    return std::ranges::all_of(counts, [&](const auto& through) {
        const auto& [master, counted] = through;
        return (!finding.master.empty() && finding.master != master) || counted.failed < counted.total;
    });
}

bool is_raised(const History& history, const Finding& finding) {
    const auto known = history.findings.find(key(finding));
    return known != history.findings.end() && known->second.raised;
}

// One for each key: two certificates that end may share a subject, and neither may hide the graver other.
void merge_in(PresentFindings& present, const Finding& finding) {
    auto [at, added] = present.try_emplace(key(finding), finding);
    if (!added) merge(at->second, finding);
}

std::set<std::string> proven_apis(const History& history) {
    std::set<std::string> names;
    for (const auto& [name, tracked] : history.findings) {
        if (is_structural(tracked.finding)) names.insert(tracked.finding.apiservice);
    }
    return names;
}

// What names the API, and what makes extension API servers refuse the proxy now. A latent fault or one of a master
// explains no failing API.
bool explains(const Finding& finding, const std::string& apiservice) {
    if (finding.severity == Severity::info || finding.finding_class != FindingClass::fault) return false;
    if (!finding.apiservice.empty()) return finding.apiservice == apiservice;
    const bool is_refusal = is_trust_cause(finding.cause) || finding.cause == "last-writer-wins";
    return is_refusal && finding.severity == Severity::critical;
}

// An API that was deleted or excluded is asked no more: nothing else would end what is told of it.
void forget_gone(History& history, const ListedApis& listed, TrackResult& result) {
    if (!listed.is_whole) return;
    std::erase_if(history.attempts, [&](const auto& entry) {
        const auto& [apiservice, known] = entry;
        if (listed.names.contains(apiservice)) return false;
        if (known.raised) result.resolved.push_back(intermittent_finding(apiservice, known));
        return true;
    });
}

void fold_attempts(History& history, const CycleOfApis& seen, TimePoint now, TrackResult& result) {
    if (seen.listed) forget_gone(history, *seen.listed, result);
    for (const auto& [apiservice, cycle] : seen.attempts) {
        auto& known = history.attempts[apiservice];
        const bool was_raised = known.raised;
        const auto before = was_raised ? intermittent_finding(apiservice, known) : Finding();
        fold(known, cycle, now);
        if (was_raised && !known.raised) result.resolved.push_back(before);
    }
}

}  // namespace

std::string key(const Finding& finding) {
    return finding.cause + '\n' + finding.master + '\n' + finding.apiservice;
}

std::vector<Finding> raised_findings(const History& history) {
    std::vector<Finding> raised;
    for (const auto& [name, tracked] : history.findings) {
        if (tracked.raised) raised.push_back(with_its_turns(tracked, history));
    }
    const auto others = raised;  // what one of them explains is not told twice
    for (const auto& [apiservice, known] : history.attempts) {
        const auto explained = [&](const Finding& finding) { return explains(finding, apiservice); };
        if (known.raised && std::ranges::none_of(others, explained))
            raised.push_back(intermittent_finding(apiservice, known));
    }
    return raised;
}

TrackResult track(History history, const Assessment& assessment, TimePoint now, const CycleOfApis& apis) {
    TrackResult result;
    history.cluster = assessment.cluster;
    PresentFindings present;
    for (const auto& finding : assessment.findings) {
        if (is_raised(history, finding) || !is_by_chance(finding, apis.attempts)) merge_in(present, finding);
    }
    const Gaps gaps{.assessment = assessment, .listed = apis.listed, .proven_apis = proven_apis(history)};
    for (const auto& [name, finding] : present) fold_seen(history, finding, now);
    raise_rotating(history, present, gaps);
    for (auto at = history.findings.begin(); at != history.findings.end();) {
        auto& tracked = at->second;
        const bool absent = !present.contains(at->first);
        if (absent && is_known(tracked.finding, gaps)) remember_absence(tracked, history, present);
        if (tracked.clean_cycles < clean_to_resolve) {
            ++at;
            continue;
        }
        if (tracked.raised) result.resolved.push_back(tracked.finding);
        at = history.findings.erase(at);
    }
    fold_attempts(history, apis, now, result);
    result.findings = raised_findings(history);
    result.history = std::move(history);
    return result;
}

Assessment without_news(Assessment assessment, const History& history) {
    std::erase_if(assessment.findings, [&](const Finding& finding) { return !is_raised(history, finding); });
    return assessment;
}

// Enumerations travel by name, so that a stored history outlives their order.
template <class V, class E, std::size_t N>
void field(V& v, const char* key, E& value, const std::remove_const_t<E> (&choices)[N]) {
    std::string written(name(value));
    v(key, written);
    if constexpr (!std::is_const_v<E>) {
        for (const auto each : choices) {
            if (name(each) == written) value = each;
        }
    }
}

template <class V, class T>
    requires std::is_same_v<std::remove_const_t<T>, Evidence>
void fields(V& v, T& x) {
    v("fact", x.fact);
    v("source", x.source);
    v("master", x.master);
}

template <class V, class T>
    requires std::is_same_v<std::remove_const_t<T>, RuledOut>
void fields(V& v, T& x) {
    v("cause", x.cause);
    v("because", x.because);
}

template <class V, class T>
    requires std::is_same_v<std::remove_const_t<T>, Finding>
void fields(V& v, T& x) {
    v("cause", x.cause);
    field(v, "severity", x.severity, {Severity::critical, Severity::warning, Severity::info});
    v("master", x.master);
    v("apiservice", x.apiservice);
    v("since", x.since);
    field(v, "confidence", x.confidence, {Confidence::ambiguous, Confidence::certain, Confidence::probable});
    v("consequence_of", x.consequence_of);
    field(v, "allow_list", x.allow_list, {AllowList::none, AllowList::right, AllowList::wrong, AllowList::dangerous});
    v("candidates", x.candidates);
    v("common_name", x.common_name);
    v("evidence", x.evidence);
    v("rules_out", x.rules_out);
    v("remedy", x.remedy);
    field(v, "class", x.finding_class, {FindingClass::fault, FindingClass::security});
}

template <class V, class T>
    requires std::is_same_v<std::remove_const_t<T>, Tracked>
void fields(V& v, T& x) {
    v("finding", x.finding);
    v("recent", x.recent);
    v("raised", x.raised);
    v("clean_cycles", x.clean_cycles);
    v("first_seen", x.first_seen);
}

template <class V, class T>
    requires std::is_same_v<std::remove_const_t<T>, AttemptCount>
void fields(V& v, T& x) {
    v("failed", x.failed);
    v("total", x.total);
}

template <class V, class T>
    requires std::is_same_v<std::remove_const_t<T>, CycleAttempts>
void fields(V& v, T& x) {
    v("discovery", x.discovery);
    v("lists", x.lists);
}

template <class V, class T>
    requires std::is_same_v<std::remove_const_t<T>, AttemptHistory>
void fields(V& v, T& x) {
    v("cycles", x.cycles);
    v("raised", x.raised);
    v("first_seen", x.first_seen);
}

template <class V, class T>
    requires std::is_same_v<std::remove_const_t<T>, History>
void fields(V& v, T& x) {
    v("cluster", x.cluster);
    v("findings", x.findings);
    v("attempts", x.attempts);
    v("failing", x.failing);
}

nlohmann::json to_json(const History& history) {
    return json_fields::Writer::encode(history);
}

Result<History> parse_history(std::string_view text) {
    return json_fields::read<History>(text, "history");
}

}  // namespace aggmedic::probes
