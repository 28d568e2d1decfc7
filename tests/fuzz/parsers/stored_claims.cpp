#include <nlohmann/json.hpp>
#include <sstream>
#include <vector>

#include "probes/certificate.hpp"
#include "probes/observation.hpp"
#include "probes/track.hpp"
#include "remediate/plan.hpp"
#include "remediate/replay.hpp"
#include "tests/fuzz/parsers/claims.hpp"

// What is stored and loaded again: it is refused, or it is what was written.
namespace aggmedic::fuzz {
namespace {

using namespace remediate;

// What was read is written, read again and written again: the same both times.
template <class Parse>
std::string_view broken_round_trip(std::string_view bytes, Parse parse) {
    const auto read = parse(bytes);
    if (!read) return read.error().detail.empty() ? "a refusal says why" : "";
    const auto written = to_json(*read).dump();
    const auto again = parse(written);
    if (!again) return "what was written can be read";
    return to_json(*again).dump() == written ? "" : "what was read again is the same";
}

WalkOptions walk_options() {
    const std::vector<std::string> masters{"master/0", "master/1"};
    return {.masters = masters, .all_masters = {"master/0", "master/1", "master/2"}, .canary_only = false};
}

std::vector<StepRecord> records_of(std::string_view bytes) {
    std::vector<StepRecord> records;
    std::istringstream lines{std::string(bytes)};
    for (std::string line; std::getline(lines, line) && records.size() < 200;) {
        std::istringstream words(line);
        StepRecord record;
        record.sequence = static_cast<std::int64_t>(records.size()) + 1;
        words >> record.step >> record.master >> record.outcome;
        if (record.master == "-") record.master.clear();
        if (!record.outcome.empty()) record.completed = TimePoint{};
        records.push_back(std::move(record));
    }
    return records;
}

std::string story_of(const Replay& replay) {
    std::string story;
    for (const auto* master : {"master/0", "master/1", "master/2"})
        story += std::string(name(replay.walk.state_of(master))) + " ";
    if (const auto next = replay.walk.next()) story += std::string(name(next->step)) + " " + next->master;
    return story + (replay.in_flight ? " in flight " + replay.in_flight->step : "");
}

// A walk that goes on from there ends, whatever else happens to it.
bool ends(RunWalk walk, StepOutcome always) {
    for (int steps = 0; steps < 1000; ++steps) {
        if (!walk.next()) return true;
        walk.completed(always);
    }
    return false;
}

}  // namespace

std::string_view broken_certificates_claim(std::string_view bytes) {
    const auto all = probes::parse_certificates(bytes);
    if (!all) return all.error().detail.empty() ? "a refusal says why" : "";
    for (const auto& certificate : *all) {
        if (certificate.sha256.size() != 64) return "a certificate has a fingerprint";
        if (certificate.pem.contains("PRIVATE KEY")) return "no key is kept";
        if (!probes::is_intact(certificate)) return "what is known of a certificate is what it carries";
        const auto alone = probes::parse_certificates(certificate.pem);
        if (!alone || alone->size() != 1 || alone->front() != certificate) return "its own PEM is the certificate";
        static_cast<void>(probes::verify_client_chain(certificate, *all, *all, certificate.not_before));
    }
    return "";
}

std::string_view broken_plan_claim(std::string_view bytes) {
    if (const auto broken = broken_round_trip(bytes, parse_plan); !broken.empty()) return broken;
    const auto plan = parse_plan(bytes);
    if (plan && !plan->id.empty() && content_id(*plan) != plan->id) return "an id is the digest of the content";
    return "";
}

std::string_view broken_observation_claim(std::string_view bytes) {
    return broken_round_trip(bytes, probes::parse_observation);
}

std::string_view broken_history_claim(std::string_view bytes) {
    return broken_round_trip(bytes, probes::parse_history);
}

std::string_view broken_replay_claim(std::string_view bytes) {
    const auto options = walk_options();
    const auto records = records_of(bytes);
    const auto replayed = replay(options, records);
    if (!replayed) return "";
    const auto again = replay(options, records);
    if (!again || story_of(*again) != story_of(*replayed)) return "the same records tell the same";
    if (replayed->in_flight && step_outcome_from(replayed->in_flight->outcome))
        return "what is in flight has no outcome";
    for (const auto outcome : {StepOutcome::ok, StepOutcome::failed, StepOutcome::unknown}) {
        if (!ends(replayed->walk, outcome)) return "a walk ends";
    }
    for (std::size_t length = 0; length < records.size(); ++length) {
        if (!replay(options, std::span(records).first(length))) return "what a run began with is a run's beginning";
    }
    return "";
}

}  // namespace aggmedic::fuzz
