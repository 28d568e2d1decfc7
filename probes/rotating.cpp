#include "probes/rotating.hpp"

#include <algorithm>

#include "probes/raised.hpp"

namespace aggmedic::probes {

namespace {

constexpr std::size_t cycles_remembered = 3;
constexpr int failing_to_raise = 2;

bool is_failure(const Finding& finding) {
    return !finding.apiservice.empty() && finding.finding_class == FindingClass::fault &&
           finding.severity != Severity::info && finding.consequence_of.empty();
}

bool is_failure_of(const Finding& finding, const std::string& apiservice) {
    return is_failure(finding) && finding.apiservice == apiservice;
}

bool is_raised(const History& history, const std::string& key) {
    const auto known = history.findings.find(key);
    return known != history.findings.end() && known->second.raised;
}

std::set<std::string> failing_apis(const PresentFindings& present) {
    std::set<std::string> names;
    for (const auto& [key, finding] : present) {
        if (is_failure(finding)) names.insert(finding.apiservice);
    }
    return names;
}

bool is_known_to_work(const std::string& apiservice, const Gaps& gaps) {
    Finding any;
    any.apiservice = apiservice;
    return is_known(any, gaps);
}

void note_failing(History& history, const std::set<std::string>& failing, const Gaps& gaps) {
    for (const auto& apiservice : failing) history.failing.try_emplace(apiservice);
    for (auto& [apiservice, recent] : history.failing) {
        const bool fails = failing.contains(apiservice);
        if (fails || is_known_to_work(apiservice, gaps)) recent.push_back(fails);
        while (recent.size() > cycles_remembered) recent.pop_front();
    }
    std::erase_if(history.failing, [](const auto& entry) { return std::ranges::count(entry.second, true) == 0; });
}

// Seen by turns with the others: not in most of the last cycles.
bool comes_and_goes(const Tracked& tracked) {
    return std::ranges::count(tracked.recent, true) < failing_to_raise;
}

std::vector<std::string> candidates_of(const Finding& finding) {
    return finding.candidates.empty() ? std::vector{finding.cause} : finding.candidates;
}

void add_turn(Finding& whole, const Finding& other) {
    auto candidates = candidates_of(whole);
    for (const auto& each : candidates_of(other)) {
        if (std::ranges::find(candidates, each) == candidates.end()) candidates.push_back(each);
    }
    const auto remedy = whole.remedy;
    merge(whole, other);
    whole.remedy = remedy;
    if (whole.master != other.master) whole.master.clear();
    if (candidates.size() == 1) return;
    whole.confidence = Confidence::ambiguous;
    whole.candidates = std::move(candidates);
}

}  // namespace

void raise_rotating(History& history, const PresentFindings& present, const Gaps& gaps) {
    const auto failing = failing_apis(present);
    note_failing(history, failing, gaps);
    for (const auto& apiservice : failing) {
        if (std::ranges::count(history.failing.at(apiservice), true) < failing_to_raise) continue;
        const bool is_told = std::ranges::any_of(history.findings, [&](const auto& entry) {
            return entry.second.raised && is_failure_of(entry.second.finding, apiservice);
        });
        if (is_told) continue;
        for (const auto& [key, finding] : present) {
            if (is_failure_of(finding, apiservice)) history.findings.at(key).raised = true;
        }
    }
}

bool goes_on_otherwise(const Tracked& tracked, const History& history, const PresentFindings& present) {
    if (!tracked.raised || !is_failure(tracked.finding)) return false;
    bool fails = false;
    for (const auto& [key, finding] : present) {
        if (!is_failure_of(finding, tracked.finding.apiservice)) continue;
        if (is_raised(history, key)) return false;
        fails = true;
    }
    return fails;
}

Finding with_its_turns(const Tracked& tracked, const History& history) {
    auto whole = tracked.finding;
    if (!is_failure(whole) || !comes_and_goes(tracked)) return whole;
    for (const auto& [key, other] : history.findings) {
        const bool is_turn = !other.raised && is_failure_of(other.finding, tracked.finding.apiservice) &&
                             std::ranges::count(other.recent, true) > 0;
        if (is_turn) add_turn(whole, other.finding);
    }
    return whole;
}

}  // namespace aggmedic::probes
