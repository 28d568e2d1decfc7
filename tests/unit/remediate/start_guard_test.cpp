#include "remediate/start_guard.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "remediate/meltdown.hpp"

namespace aggmedic::remediate {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;

const TimePoint now = from_rfc3339("2026-11-23T12:00:00Z").value();

RunRecord run(std::string outcome, TimePoint finished, std::string trigger = "automatic") {
    RunRecord record;
    record.id = "20261123T110000Z-01020304";
    record.cluster = "demo";
    record.trigger = std::move(trigger);
    record.outcome = std::move(outcome);
    record.started = finished - 5min;
    if (!record.outcome.empty()) record.finished = finished;
    return record;
}

// Automatic repair may begin.
StartFacts good() {
    StartFacts facts;
    facts.now = now;
    facts.automatic = true;
    facts.cluster = "demo";
    facts.mode = "auto";
    facts.masters = 3;
    facts.held_cycles = 3;
    facts.watched_since = now - 2h;
    facts.expected = 10min;
    return facts;
}

std::vector<std::string> refusing(const StartFacts& facts) {
    std::vector<std::string> ids;
    for (const auto& refusal : ask_start_guards(facts)) {
        ids.push_back(refusal.gate);
        EXPECT_EQ(refusal.subject, facts.cluster);
        EXPECT_FALSE(refusal.reason.empty());
    }
    return ids;
}

// What makes each guard refuse, and nothing else.
struct Row {
    std::string guard, what;
    std::function<void(StartFacts&)> change;
};

std::vector<Row> rows() {
    const auto canary = [](auto change) {
        return [change](StartFacts& facts) {
            facts.settings.canary_cluster = "staging";
            facts.canary = CanaryCluster{.known = true, .needs_repair = false, .last_run = {}};
            change(facts);
        };
    };
    return {
        {"mode", "observe", [](auto& facts) { facts.mode = "observe"; }},
        {"mode", "approve", [](auto& facts) { facts.mode = "approve"; }},
        {"mode", "a word that nobody knows", [](auto& facts) { facts.mode = ""; }},
        {"paused", "this cluster", [](auto& facts) { facts.holds.pauses = {{"demo", 1000, now, "etcd"}}; }},
        {"paused", "the fleet", [](auto& facts) { facts.holds.pauses = {{"", 1000, now, ""}}; }},
        {"suspended", "a meltdown", [](auto& facts) { facts.holds.suspension = Suspension{now, "5 clusters"}; }},
        {"several-masters", "one", [](auto& facts) { facts.masters = 1; }},
        {"several-masters", "none", [](auto& facts) { facts.masters = 0; }},
        {"finding-held", "too short", [](auto& facts) { facts.held_cycles = 2; }},
        {"window", "closed",
         [](auto& facts) {
             facts.settings.windows = {{{true, true, true, true, true, true, true}, 1h, 2h, *find_time_zone("UTC")}};
         }},
        {"window", "closes during the run",
         [](auto& facts) {
             facts.settings.windows = {
                 {{true, true, true, true, true, true, true}, 11h, 725min, *find_time_zone("UTC")}};
         }},
        {"window", "closes during the run and opens again",
         [](auto& facts) {
             constexpr std::array<bool, 7> daily{true, true, true, true, true, true, true};
             facts.settings.windows = {{daily, 11h, 723min, *find_time_zone("UTC")},
                                       {daily, 725min, 17h, *find_time_zone("UTC")}};
         }},
        {"changed-lately", "a change", [](auto& facts) { facts.changed = now - 14min; }},
        {"changed-lately", "watched for a short time", [](auto& facts) { facts.watched_since = now - 14min; }},
        {"changed-lately", "not watched", [](auto& facts) { facts.watched_since.reset(); }},
        {"last-run", "needs a person", [](auto& facts) { facts.runs = {run("needs-person", now - 2h, "person")}; }},
        {"last-run", "an outcome that nobody knows", [](auto& facts) { facts.runs = {run("else", now - 2h)}; }},
        {"last-run", "a person took it back",
         [](auto& facts) { facts.runs = {run("rolled-back", now - 2h, "person")}; }},
        {"last-run", "has not ended", [](auto& facts) { facts.runs = {run("", now - 2h)}; }},
        {"cooldown", "after a repair", [](auto& facts) { facts.runs = {run("applied", now - 29min, "person")}; }},
        {"cooldown", "after a rollback", [](auto& facts) { facts.runs = {run("rolled-back", now - 29min)}; }},
        {"cooldown", "behind a refused run",
         [](auto& facts) { facts.runs = {run("refused", now - 1min), run("applied", now - 29min)}; }},
        {"attempts", "three in a day",
         [](auto& facts) {
             facts.runs = {run("applied", now - 2h), run("rolled-back", now - 10h), run("applied", now - 20h)};
         }},
        {"one-cluster", "another run", [](auto& facts) { facts.unfinished = {run("", now)}; }},
        {"canary-cluster", "not known", canary([](auto& facts) { facts.canary->known = false; })},
        {"canary-cluster", "not told", canary([](auto& facts) { facts.canary.reset(); })},
        {"canary-cluster", "broken", canary([](auto& facts) { facts.canary->needs_repair = true; })},
        {"canary-cluster", "its run went wrong",
         canary([](auto& facts) { facts.canary->last_run = run("rolled-back", now - 5h); })},
        {"canary-cluster", "its run goes on", canary([](auto& facts) { facts.canary->last_run = run("", now); })},
        {"canary-cluster", "repaired just now",
         canary([](auto& facts) { facts.canary->last_run = run("applied", now - 29min); })},
        {"alerts", "not asked", [](auto& facts) { facts.settings.has_alert_gate = true; }},
        {"alerts", "unanswered",
         [](auto& facts) {
             facts.settings.has_alert_gate = true;
             facts.alerts = fail(Errc::timeout, "connecting to 10.0.0.1:9090");
         }},
        {"alerts", "one fires",
         [](auto& facts) {
             facts.settings.has_alert_gate = true;
             facts.alerts = std::vector<std::string>{"EtcdDown"};
         }},
    };
}

TEST(StartGuards, LetAutomaticRepairBeginWhenNothingSpeaksAgainstIt) {
    EXPECT_THAT(refusing(good()), ElementsAre());
}

TEST(StartGuards, EachRefusesByItselfAndNamesItself) {
    for (const auto& row : rows()) {
        auto facts = good();
        row.change(facts);
        EXPECT_THAT(refusing(facts), ElementsAre(row.guard)) << row.guard << ": " << row.what;
    }
}

TEST(StartGuards, EachHasARow) {
    for (const auto& guard : start_guards()) {
        const auto all = rows();
        EXPECT_TRUE(std::ranges::any_of(all, [&](const Row& row) { return row.guard == guard.id; })) << guard.id;
    }
}

TEST(StartGuards, BindAPersonByPauseAndModeOnly) {
    for (const auto& row : rows()) {
        auto facts = good();
        facts.automatic = false;
        row.change(facts);
        const bool binds = row.guard == "paused" || (row.guard == "mode" && facts.mode != "approve");
        EXPECT_EQ(refusing(facts).size(), binds ? 1U : 0U) << row.guard << ": " << row.what;
    }
}

// The other side of each limit.
TEST(StartGuards, PassWhenTheirTimeIsOver) {
    struct Passing {
        std::string what;
        std::function<void(StartFacts&)> change;
    };
    const std::vector<Passing> passing{
        {"another cluster is paused", [](auto& facts) { facts.holds.pauses = {{"other", 1000, now, ""}}; }},
        {"cooled down", [](auto& facts) { facts.runs = {run("applied", now - 30min)}; }},
        {"quiet", [](auto& facts) { facts.changed = now - 15min; }},
        {"attempts of yesterday",
         [](auto& facts) {
             facts.runs = {run("applied", now - 2h), run("applied", now - 10h), run("applied", now - 24h)};
         }},
        {"a person's attempts",
         [](auto& facts) {
             for (const auto ago : {2h, 3h, 4h}) facts.runs.push_back(run("applied", now - ago, "person"));
         }},
        {"resumed after the attempts",
         [](auto& facts) {
             for (const auto ago : {2h, 3h, 4h}) facts.runs.push_back(run("applied", now - ago));
             facts.holds.resumed["demo"] = now - 1h;
         }},
        {"a person looked after the run that needed one",
         [](auto& facts) {
             facts.runs = {run("needs-person", now - 2h)};
             facts.holds.resumed["demo"] = now - 1h;
         }},
        {"a good run after one that needed a person",
         [](auto& facts) { facts.runs = {run("applied", now - 1h, "person"), run("needs-person", now - 2h)}; }},
        {"the canary cluster itself", [](auto& facts) { facts.settings.canary_cluster = "demo"; }},
        {"the canary cluster holds",
         [](auto& facts) {
             facts.settings.canary_cluster = "staging";
             facts.canary =
                 CanaryCluster{.known = true, .needs_repair = false, .last_run = run("applied", now - 30min)};
         }},
        {"nothing fires",
         [](auto& facts) {
             facts.settings.has_alert_gate = true;
             facts.alerts = std::vector<std::string>{};
         }},
    };
    for (const auto& row : passing) {
        auto facts = good();
        row.change(facts);
        EXPECT_THAT(refusing(facts), ElementsAre()) << row.what;
    }
    auto looked_before = good();
    looked_before.runs = {run("needs-person", now - 2h)};
    looked_before.holds.resumed["demo"] = now - 3h;
    EXPECT_THAT(refusing(looked_before), ElementsAre("last-run"));
}

TEST(StartGuards, SayWhatLiftsThem) {
    auto facts = good();
    facts.holds.pauses = {{"demo", 1000, now, "etcd upgrade"}};
    EXPECT_EQ(guard_paused(facts)->reason,
              "repairs of demo are paused since 2026-11-23T12:00:00Z by uid 1000 (etcd upgrade); aggmedic resume demo "
              "lifts it.");
    facts.settings.windows = {{{true, true, true, true, true, true, true}, 9h, 17h, *find_time_zone("Asia/Tokyo")}};
    EXPECT_THAT(guard_window(facts)->reason, HasSubstr("the next one opens at 2026-11-24 09:00 Asia/Tokyo"));
    facts.runs = {run("applied", now - 10min)};
    EXPECT_THAT(guard_cooldown(facts)->reason, HasSubstr("lifted in 20 min"));
}

TEST(Holds, AFleetsWordCountsForEachCluster) {
    Holds holds;
    EXPECT_EQ(holds.pause_of("demo"), nullptr);
    EXPECT_EQ(holds.resumed_at("demo"), std::nullopt);
    holds.resumed = {{"", now}, {"demo", now - 1h}, {"other", now + 1h}};
    EXPECT_EQ(holds.resumed_at("demo"), now);
    EXPECT_EQ(holds.resumed_at("other"), now + 1h);
}

TEST(Meltdown, NeedsBothTheNumberAndTheShareWithinItsTime) {
    const MeltdownLimit limit;
    const auto began = [](std::size_t count, std::chrono::minutes ago) {
        return std::vector<TimePoint>(count, now - ago);
    };
    EXPECT_TRUE(meltdown(began(5, 1min), 25, limit, {}, now));
    EXPECT_FALSE(meltdown(began(5, 1min), 26, limit, {}, now));
    EXPECT_FALSE(meltdown(began(4, 1min), 4, limit, {}, now));
    EXPECT_TRUE(meltdown(began(5, 10min), 5, limit, {}, now));
    EXPECT_FALSE(meltdown(began(5, 11min), 5, limit, {}, now));
    auto spread = began(4, 1min);
    spread.push_back(now - 11min);
    EXPECT_FALSE(meltdown(spread, 5, limit, {}, now));
}

TEST(Meltdown, WhatAPersonKnewOfSuspendsNotAgain) {
    const MeltdownLimit limit;
    const std::vector<TimePoint> known(5, now - 3min);
    EXPECT_FALSE(meltdown(known, 10, limit, now - 2min, now));
    std::vector<TimePoint> again(5, now - 1min);
    EXPECT_TRUE(meltdown(again, 10, limit, now - 2min, now));
}

}  // namespace
}  // namespace aggmedic::remediate
