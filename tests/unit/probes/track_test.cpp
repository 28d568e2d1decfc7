#include "probes/track.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "probes/diagnose.hpp"
#include "probes/raised.hpp"
#include "recording.hpp"

namespace aggmedic::probes {

namespace {

Finding finding(std::string cause, std::string master = "", std::string apiservice = "") {
    Finding made;
    made.cause = std::move(cause);
    made.master = std::move(master);
    made.apiservice = std::move(apiservice);
    return made;
}

// Cycles as a line of text: `x` the finding is seen, `.` it is not, `?` it is not and the list of APIServices was not
// seen.
struct Cycles {
    Finding subject = finding("no-backend", "", "v1.a.example");
    UnobservedFact blind{.what = "the list of APIServices", .master = "", .reason = "timeout"};
    std::optional<ListedApis> listed{};
    std::vector<Finding> beside{};  // seen in the cycles that are `?`
    History history{};
    TimePoint now{std::chrono::seconds(1000)};
    std::vector<Finding> resolved{};

    bool raised_after(const std::string& line) {
        std::vector<Finding> raised;
        resolved.clear();
        for (const char cycle : line) {
            Assessment assessment{.cluster = "demo", .at = now, .kubernetes = "", .findings = {}, .unobserved = {}};
            if (cycle == 'x') assessment.findings = {subject};
            if (cycle == '?') assessment.unobserved = {blind};
            now += std::chrono::seconds(30);
            if (cycle == '?') assessment.findings.insert(assessment.findings.end(), beside.begin(), beside.end());
            auto result = track(std::move(history), assessment, now, {.attempts = {}, .listed = listed});
            history = std::move(result.history);
            raised = result.findings;
            resolved = result.resolved;
        }
        return !raised.empty();
    }
};

}  // namespace

TEST(Track, RaisesInTwoOfThreeAndResolvesAfterThreeCleanOnes) {
    struct Row {
        const char* line;
        bool raised;
    };
    for (const auto& [line, raised] : std::initializer_list<Row>{{"x", false},
                                                                 {"xx", true},
                                                                 {"x.x", true},
                                                                 {"x..x", false},
                                                                 {".x.", false},
                                                                 {"xx.", true},
                                                                 {"xx..", true},
                                                                 {"xx...", false},
                                                                 {"xx..x", true},
                                                                 {"xx..x..", true},
                                                                 {"xx..x...", false},
                                                                 {"xx...x", false},
                                                                 {"xx?????", true},
                                                                 {"xx.?.?.", false},
                                                                 {"x?x", true},
                                                                 {"x????x", true},
                                                                 {"xx..??", true}}) {
        Cycles cycles;
        EXPECT_EQ(cycles.raised_after(line), raised) << line;
    }
}

TEST(Track, ReportsAResolutionOnceAndForgets) {
    Cycles cycles;
    cycles.raised_after("xx...");
    ASSERT_EQ(cycles.resolved.size(), 1U);
    EXPECT_EQ(cycles.resolved[0].cause, "no-backend");
    EXPECT_TRUE(cycles.history.findings.empty());
    cycles.raised_after(".");
    EXPECT_TRUE(cycles.resolved.empty());
    cycles.raised_after("x...");  // never raised, so there is nothing to resolve
    EXPECT_TRUE(cycles.resolved.empty());
}

TEST(Track, SinceIsTheFirstSightOrTheConditionsEarlierTime) {
    Cycles cycles;
    cycles.raised_after("xxxx");
    const auto& tracked = cycles.history.findings.begin()->second;
    EXPECT_EQ(tracked.finding.since, TimePoint(std::chrono::seconds(1030)));
    Cycles older;
    older.subject.since = TimePoint(std::chrono::seconds(5));
    older.raised_after("xx");
    EXPECT_EQ(older.history.findings.begin()->second.finding.since, TimePoint(std::chrono::seconds(5)));
}

TEST(Track, ADeadMasterFreezesWhatIsAboutItAndNothingElse) {
    const UnobservedFact dead{.what = "apiserver", .master = "m1", .reason = "timeout"};
    struct Row {
        Finding subject;
        bool frozen;
    };
    for (const auto& [subject, frozen] :
         std::initializer_list<Row>{{finding("pending-restart", "m1"), true},
                                    {finding("pending-restart", "m2"), false},
                                    {finding("masters-differ"), true},
                                    {finding("no-backend", "", "v1.a.example"), false}}) {
        Cycles cycles{.subject = subject, .blind = dead};
        EXPECT_EQ(cycles.raised_after("xx???"), frozen) << subject.cause << subject.master;
    }
}

TEST(Track, AnApiThatGaveNoAnswerFreezesItsOwnFindings) {
    const UnobservedFact silent{.what = "aggregated API v1.a.example", .master = "", .reason = "timeout"};
    EXPECT_TRUE((Cycles{.subject = finding("no-backend", "", "v1.a.example"), .blind = silent}.raised_after("xx???")));
    EXPECT_FALSE((Cycles{.subject = finding("no-backend", "", "v1.b.example"), .blind = silent}.raised_after("xx???")));
}

TEST(Track, LosingSshFreezesWhatOnlySshCanSee) {
    auto structural = finding("cn-not-allowed", "", "v1.a.example");
    structural.evidence = {{.fact = "CN", .source = "ssh", .master = "m0"}};
    const UnobservedFact gone{.what = "master over SSH", .master = "m0", .reason = "connect_failed"};
    EXPECT_TRUE((Cycles{.subject = structural, .blind = gone}.raised_after("xx???")));
    const UnobservedFact open{.what = "identity behind the 200s", .master = "", .reason = ""};
    EXPECT_TRUE(
        (Cycles{.subject = finding("identity-collapse", "", "v1.a.example"), .blind = open}.raised_after("xx???")));
}

Finding proven_by_files(std::string cause, std::string apiservice) {
    auto made = finding(std::move(cause), "", std::move(apiservice));
    made.evidence = {{.fact = "CN", .source = "ssh", .master = "m0"},
                     {.fact = "the names", .source = "configmap", .master = ""}};
    return made;
}

TEST(Track, AGapThatStandsInEveryCycleHidesItsSubjectOnly) {
    const auto gap = [](std::string what) {
        return UnobservedFact{.what = std::move(what), .master = "", .reason = ""};
    };
    const auto a = "v1.a.example";
    struct Row {
        UnobservedFact blind;
        Finding subject;
        bool frozen;
    };
    for (const auto& [blind, subject, frozen] : std::initializer_list<Row>{
             {gap("9800 more APIServices"), finding("no-backend", "", a), false},
             {gap("9800 more APIServices"), finding("no-backend", "", "v1.beyond.example"), true},
             {gap("9800 more APIServices"), finding("pending-restart", "m1"), false},
             {gap("the published client-ca-file"), finding("no-backend", "", a), false},
             {gap("the published client-ca-file"), finding("identity-collapse", "", a), true},
             {gap("the published requestheader-client-ca-file"), finding("no-backend", "", a), false},
             {gap("the published requestheader-client-ca-file"), finding("proxy-cert-expired", "", a), true},
             {gap("the published allowed names"), finding("cn-not-allowed", "", a), true},
             {gap("the published allowed names"), finding("proxy-cert-expired", "", a), false},
             {gap("the published authentication configuration"), proven_by_files("cn-not-allowed", a), true},
             {gap("the list of APIServices"), finding("pending-restart", "m1"), false},
             {gap("canary at v1.b.example"), finding("cn-not-allowed", "", a), false},
             {gap("canary at v1.a.example"), finding("cn-not-allowed", "", a), true},
             {gap("canary at v1.a.example"), proven_by_files("cn-not-allowed", a), false},
             {gap("aggregated API v1.a.example"), proven_by_files("cn-not-allowed", a), false}}) {
        Cycles cycles{.subject = subject, .blind = blind, .listed = ListedApis{.names = {a}}};
        EXPECT_EQ(cycles.raised_after("xx???"), frozen) << blind.what << " " << subject.cause << subject.apiservice;
    }
}

// A silent API is not healed as long as the files show the fault that it had.
TEST(Track, AProvenFaultOfASilentApiLastsWhileItsCauseIsSeenAnywhere) {
    const UnobservedFact silent{.what = "aggregated API v1.a.example", .master = "", .reason = "timeout"};
    Cycles cycles{.subject = proven_by_files("cn-not-allowed", "v1.a.example"),
                  .blind = silent,
                  .beside = {proven_by_files("cn-not-allowed", "")}};
    cycles.raised_after("xx????");
    EXPECT_TRUE(cycles.history.findings.contains(key(cycles.subject)));
}

TEST(Track, WhatFollowsFromAFaultIsOverWhenTheFilesShowThatTheFaultIs) {
    auto collapse = finding("identity-collapse", "", "v1.a.example");
    collapse.consequence_of = "cn-not-allowed";
    Assessment broken;
    broken.findings = {proven_by_files("cn-not-allowed", "v1.a.example"), collapse};
    Assessment repaired;
    repaired.unobserved = {{.what = "canary at v1.a.example", .master = "", .reason = "forbidden"}};
    History history;
    const TimePoint now{std::chrono::seconds(1000)};
    for (int cycle = 0; cycle < 2; ++cycle) history = track(std::move(history), broken, now).history;
    for (int cycle = 0; cycle < 3; ++cycle) history = track(std::move(history), repaired, now).history;
    EXPECT_TRUE(history.findings.empty());
}

TEST(Track, OptionalEvidenceFreezesOnlyTheCausesThatItHides) {
    UnobservedFact logs{.what = "logs of v1.a.example", .master = "", .reason = "forbidden", .causes = {"no-backend"}};
    EXPECT_TRUE((Cycles{.subject = finding("no-backend", "", "v1.a.example"), .blind = logs}.raised_after("xx???")));
    EXPECT_FALSE((Cycles{.subject = finding("clock-skew"), .blind = logs}.raised_after("xx???")));
    EXPECT_FALSE((Cycles{.subject = finding("no-backend", "", "v1.b.example"), .blind = logs}.raised_after("xx???")));
    logs.master = "m1";
    EXPECT_FALSE((Cycles{.subject = finding("no-backend", "m0"), .blind = logs}.raised_after("xx???")));
    EXPECT_TRUE((Cycles{.subject = finding("no-backend", "m1"), .blind = logs}.raised_after("xx???")));
}

TEST(Track, AnAmbiguousCauseIsNotRaisedWhileTheApiMostlyAnswersThroughTheSameMaster) {
    auto guess = finding("http-proxy-env", "m0", "v1.a.example");
    guess.confidence = Confidence::ambiguous;
    const auto raised = [&](const Finding& found, AttemptCount m0, AttemptCount m1) {
        const std::map<std::string, CycleAttempts> attempts{
            {"v1.a.example", {.discovery = {{"m0", m0}, {"m1", m1}}, .lists = {}}}};
        Assessment assessment;
        assessment.findings = {found};
        History history;
        std::vector<Finding> told;
        for (int cycle = 0; cycle < 2; ++cycle) {
            auto result = track(std::move(history), assessment, TimePoint(), {.attempts = attempts});
            history = std::move(result.history);
            told = std::move(result.findings);
        }
        return !told.empty();
    };
    EXPECT_FALSE(raised(guess, {.failed = 3, .total = 5}, {.failed = 0, .total = 5}));
    EXPECT_TRUE(raised(guess, {.failed = 0, .total = 5}, {.failed = 0, .total = 5})) << "it is not about answers";
    EXPECT_TRUE(raised(guess, {.failed = 5, .total = 5}, {.failed = 0, .total = 5}))
        << "a master that never gets through";
    EXPECT_TRUE(raised(guess, {.failed = 4, .total = 5}, {.failed = 4, .total = 5})) << "most attempts fail";
    auto certain = guess;
    certain.confidence = Confidence::certain;
    EXPECT_TRUE(raised(certain, {.failed = 3, .total = 5}, {.failed = 0, .total = 5}));
}

// Cycles as a line of text: a letter, the finding of `turns` that is seen; `.`, none.
struct Turns {
    std::map<char, Finding> turns;
    History history{};
    std::vector<Finding> after(const std::string& line) {
        TrackResult result;
        TimePoint now{std::chrono::seconds(1000)};
        for (const char cycle : line) {
            Assessment assessment;
            if (cycle != '.') assessment.findings = {turns.at(cycle)};
            now += std::chrono::seconds(30);
            result = track(std::move(history), assessment, now);
            history = result.history;
        }
        return result.findings;
    }
};

TEST(Track, AnApiThatFailsInAnotherWayInEachCycleIsRaisedWithAllOfThem) {
    const auto api = "v1.a.example";
    const std::map<char, Finding> turns{{'s', finding("backend-slow-or-node-dead", "", api)},
                                        {'b', finding("no-backend", "", api)},
                                        {'p', finding("master-to-pod-blocked", "m0", api)},
                                        {'q', finding("master-to-pod-blocked", "m1", api)},
                                        {'o', finding("no-backend", "", "v1.other.example")}};
    struct Row {
        const char* line;
        std::size_t raised;
        std::vector<std::string> candidates;
    };
    for (const auto& [line, raised, candidates] : std::initializer_list<Row>{
             {"s", 0, {}},
             {"so", 0, {}},
             {"s..b", 0, {}},
             {"sb", 1, {"no-backend", "backend-slow-or-node-dead"}},
             {"s.b", 1, {"no-backend", "backend-slow-or-node-dead"}},
             {"sbp", 1, {"no-backend", "backend-slow-or-node-dead", "master-to-pod-blocked"}},
             {"sbpsbpsbp", 1, {"no-backend", "backend-slow-or-node-dead", "master-to-pod-blocked"}},
             {"sbps...", 0, {}},
             {"sbbb", 1, {}},
             {"pq", 1, {}}}) {
        const auto found = Turns{.turns = turns}.after(line);
        ASSERT_EQ(found.size(), raised) << line;
        if (raised == 0) continue;
        EXPECT_THAT(found[0].candidates, testing::UnorderedElementsAreArray(candidates)) << line;
        EXPECT_EQ(found[0].confidence == Confidence::ambiguous, !candidates.empty()) << line;
        EXPECT_EQ(found[0].master, "") << line;
    }
}

// One digit a cycle: how many of five attempts fail; `-`: nothing was known. 9 stands for all.
bool is_intermittent_after(const std::string& line, History& history) {
    bool raised = false;
    TimePoint now{std::chrono::seconds(1000)};
    for (const char digit : line) {
        now += std::chrono::seconds(30);
        CycleOfApis cycle;
        if (digit != '-')
            cycle.attempts["v1.a.example"].discovery[""] = {.failed = digit == '9' ? 5 : digit - '0', .total = 5};
        auto result = track(std::move(history), {}, now, cycle);
        history = std::move(result.history);
        raised = std::ranges::any_of(result.findings, [](const auto& each) { return each.cause == "intermittent"; });
    }
    return raised;
}

TEST(Track, AnApiThatFailsNowAndThenIsIntermittent) {
    struct Row {
        const char* line;
        bool raised;
    };
    for (const auto& [line, raised] : std::initializer_list<Row>{{"1", false},
                                                                 {"00000100000", false},
                                                                 {"1010", false},
                                                                 {"10101", true},
                                                                 {"1101", true},
                                                                 {"111-----", true},
                                                                 {"11100000000000", false},
                                                                 {"111000000000", true},
                                                                 {"999999", false},
                                                                 {"0009999000", false},
                                                                 {"0019999100", false},
                                                                 {"090090090", true}}) {
        History history;
        EXPECT_EQ(is_intermittent_after(line, history), raised) << line;
    }
}

TEST(Track, WhatAFindingExplainsIsNotIntermittentToo) {
    History history;
    EXPECT_TRUE(is_intermittent_after("1111", history));
    TimePoint now{std::chrono::seconds(9000)};
    Assessment assessment;
    assessment.findings = {finding("no-backend", "", "v1.a.example")};
    for (int cycle = 0; cycle < 2; ++cycle) history = track(std::move(history), assessment, now, {}).history;
    const auto result = track(std::move(history), assessment, now, {});
    ASSERT_EQ(result.findings.size(), 1U);
    EXPECT_EQ(result.findings[0].cause, "no-backend");
}

TEST(Track, AnIntermittentApiIsToldBesideWhatDoesNotExplainIt) {
    struct Row {
        const char* cause;
        const char* apiservice;
        Severity severity;
        bool told;
    };
    for (const auto& [cause, apiservice, severity, told] :
         std::initializer_list<Row>{{"pending-restart", "", Severity::warning, true},
                                    {"clock-skew", "", Severity::warning, true},
                                    {"cn-not-allowed", "", Severity::warning, true},
                                    {"no-backend", "v1.b.example", Severity::critical, true},
                                    {"no-backend", "v1.a.example", Severity::critical, false},
                                    {"last-writer-wins", "", Severity::critical, false},
                                    {"auth-configmap-gone", "", Severity::critical, false}}) {
        History history;
        ASSERT_TRUE(is_intermittent_after("1111", history));
        Assessment assessment;
        assessment.findings = {finding(cause, "", apiservice)};
        assessment.findings[0].severity = severity;
        const TimePoint now{std::chrono::seconds(9000)};
        for (int cycle = 0; cycle < 2; ++cycle) history = track(std::move(history), assessment, now).history;
        const auto result = track(std::move(history), assessment, now);
        const bool found =
            std::ranges::any_of(result.findings, [](const auto& each) { return each.cause == "intermittent"; });
        EXPECT_EQ(found, told) << cause << " " << apiservice;
    }
}

TEST(Track, AnIntermittentApiThatIsDeletedOrExcludedIsOver) {
    const TimePoint now{std::chrono::seconds(9000)};
    History history;
    ASSERT_TRUE(is_intermittent_after("1111", history));
    const auto unknown = track(history, {}, now, {});
    EXPECT_EQ(unknown.findings.size(), 1U) << "a list that nobody brought deletes nothing";
    const auto gone = track(history, {}, now, {.attempts = {}, .listed = ListedApis{.names = {"v1.b.example"}}});
    EXPECT_TRUE(gone.findings.empty());
    EXPECT_TRUE(gone.history.attempts.empty());
    ASSERT_EQ(gone.resolved.size(), 1U);
    EXPECT_EQ(gone.resolved[0].apiservice, "v1.a.example");
}

TEST(ListedApis, SaysWhetherTheListWasReadToItsEnd) {
    auto observation = recording::load("healthy", {.ssh = false, .as = recording::As::dev});
    ASSERT_TRUE(listed_apis(observation));
    EXPECT_TRUE(listed_apis(observation)->names.contains(recording::wardle));
    EXPECT_TRUE(listed_apis(observation)->is_whole);
    observation.apiservers[0].apiservices_left_out = 1;
    EXPECT_FALSE(listed_apis(observation)->is_whole);
    for (auto& apiserver : observation.apiservers)
        apiserver.apiservices = Unobserved{.reason = "timeout", .detail = ""};
    EXPECT_FALSE(listed_apis(observation));
}

TEST(CountAttempts, SilenceCountsOnlyBesideAnAnswer) {
    auto observation = recording::load("healthy", {.ssh = false, .as = recording::As::dev});
    for (auto& apiserver : observation.apiservers) {
        for (auto& attempts : apiserver.attempts) attempts.discovery.front() = {.status = 0, .failure = "timeout"};
    }
    const auto counts = count_attempts(observation);
    ASSERT_TRUE(counts.contains(recording::wardle));
    for (const auto& [master, counted] : counts.at(recording::wardle).discovery) EXPECT_EQ(counted.failed, 1) << master;
    for (auto& apiserver : observation.apiservers) {
        for (auto& attempts : apiserver.attempts) {
            for (auto* answers : {&attempts.discovery, &attempts.resource}) {
                for (auto& answer : *answers) answer = {.status = 0, .failure = "timeout"};
            }
        }
    }
    EXPECT_TRUE(count_attempts(observation).empty());
}

// Servers without etcd ignore `limit`: such a list is too large or slow in every cycle, and works for its users.
TEST(CountAttempts, AListThatNeverComesIsNoFailureOfSomeAttempts) {
    for (const auto* failure : {"too_large", "malformed_reply", "timeout"}) {
        auto observation = recording::load("healthy", {.ssh = false, .as = recording::As::dev});
        for (auto& apiserver : observation.apiservers) {
            for (auto& attempts : apiserver.attempts) {
                for (auto& answer : attempts.resource) answer = {.status = 0, .failure = failure};
            }
        }
        const auto counts = count_attempts(observation);
        for (const auto& [apiservice, cycle] : counts) {
            EXPECT_TRUE(cycle.lists.empty()) << failure;
            for (const auto& [master, counted] : cycle.discovery) EXPECT_EQ(counted.failed, 0) << failure;
        }
        History history;
        TrackResult result;
        for (int cycle = 0; cycle < 6; ++cycle) {
            result = track(std::move(history), {}, recording::now(), {.attempts = counts});
            history = result.history;
        }
        EXPECT_TRUE(result.findings.empty()) << failure;
    }
}

TEST(CountAttempts, OfDiscoveryAnAnswerTooLargeIsNoLostOneEither) {
    auto observation = recording::load("healthy", {.ssh = false, .as = recording::As::dev});
    for (auto& apiserver : observation.apiservers) {
        for (auto& attempts : apiserver.attempts) attempts.discovery.front() = {.status = 0, .failure = "too_large"};
    }
    for (const auto& [apiservice, cycle] : count_attempts(observation)) {
        for (const auto& [master, counted] : cycle.discovery) EXPECT_EQ(counted.failed, 0);
    }
}

// Through m1 discovery works and every list fails, in all cycles: that lasts, and has a name of its own while it does.
TEST(Track, AWayThatFailsAltogetherIsNotIntermittent) {
    CycleOfApis cycle;
    auto& attempts = cycle.attempts["v1.a.example"];
    attempts.discovery = {{"m0", {.failed = 0, .total = 5}}, {"m1", {.failed = 0, .total = 5}}};
    attempts.lists = {{"m0", {.failed = 0, .total = 5}}, {"m1", {.failed = 5, .total = 5}}};
    TrackResult result;
    for (int i = 0; i < 12; ++i) result = track(std::move(result.history), {}, recording::now(), cycle);
    EXPECT_TRUE(result.findings.empty());
    attempts.lists = {{"m0", {.failed = 2, .total = 5}}, {"m1", {.failed = 2, .total = 5}}};
    for (int i = 0; i < 12; ++i) result = track(std::move(result.history), {}, recording::now(), cycle);
    EXPECT_EQ(result.findings.size(), 1U);
}

TEST(ByCause, OneForEachCauseWithAllThatItExplains) {
    auto first = finding("no-backend", "", "v1.a.example");
    first.severity = Severity::warning;
    first.since = TimePoint(std::chrono::seconds(20));
    auto second = finding("no-backend", "", "v1.b.example");
    second.confidence = Confidence::certain;
    second.since = TimePoint(std::chrono::seconds(10));
    const auto causes = by_cause({first, finding("pending-restart", "m1"), second});
    ASSERT_EQ(causes.size(), 2U);
    EXPECT_EQ(causes[0].apiservices, (std::vector<std::string>{"v1.a.example", "v1.b.example"}));
    EXPECT_TRUE(causes[0].finding.apiservice.empty());
    EXPECT_EQ(causes[0].finding.severity, Severity::critical);
    EXPECT_EQ(causes[0].finding.confidence, Confidence::certain);
    EXPECT_EQ(causes[0].finding.since, second.since);
    EXPECT_EQ(causes[1].finding.master, "m1");
    EXPECT_EQ(to_json(causes[0])["apiservices"].size(), 2U);
}

TEST(Track, EqualCausesOfDifferentSubjectsAreDifferentFindings) {
    EXPECT_NE(key(finding("a", "b", "c")), key(finding("a", "c", "b")));
    EXPECT_NE(key(finding("a", "", "c")), key(finding("a", "c", "")));
}

TEST(Track, OfEqualFindingsTheGravestIsTrackedWithAllTheirEvidence) {
    auto later = finding("certificate-ends-soon");
    later.severity = Severity::info;
    later.evidence = {{.fact = "the old CA ends in 29 days", .source = "configmap", .master = ""}};
    auto sooner = finding("certificate-ends-soon");
    sooner.evidence = {{.fact = "the new CA ends in 12 hours", .source = "configmap", .master = ""}};
    for (const auto& both : {std::vector{later, sooner}, std::vector{sooner, later}}) {
        Assessment assessment;
        assessment.findings = both;
        auto history = track({}, assessment, TimePoint(std::chrono::seconds(1000))).history;
        const auto result = track(std::move(history), assessment, TimePoint(std::chrono::seconds(1030)));
        ASSERT_EQ(result.findings.size(), 1U);
        EXPECT_EQ(result.findings[0].severity, Severity::critical);
        EXPECT_EQ(result.findings[0].evidence.size(), 2U);
    }
}

TEST(Track, ARestoredHistoryHoldsWhatIsRaised) {
    History history;
    ASSERT_TRUE(is_intermittent_after("1111", history));
    Assessment assessment;
    assessment.findings = {finding("pending-restart", "m1")};
    assessment.findings[0].severity = Severity::warning;
    history = track(std::move(history), assessment, recording::now()).history;
    const auto tracked = track(std::move(history), assessment, recording::now());
    const auto restored = parse_history(to_json(tracked.history).dump());
    ASSERT_TRUE(restored);
    EXPECT_EQ(raised_findings(*restored), tracked.findings);
    EXPECT_EQ(tracked.findings.size(), 2U);
}

TEST(Track, HistoryRoundTrips) {
    const auto assessment =
        diagnose(recording::load("cn-not-allowed", {.ssh = true, .as = recording::As::dev}), recording::now());
    auto history = track({}, assessment, recording::now()).history;
    history.findings.begin()->second.finding.common_name = "\xFF raw";
    history.findings.begin()->second.finding.finding_class = FindingClass::security;
    history.attempts["v1.a.example"] = {
        .cycles = {{.discovery = {{"m0", {.failed = 1, .total = 5}}}, .lists = {{"", {.failed = 0, .total = 2}}}}},
        .raised = true,
        .first_seen = {}};
    history.failing["v1.a.example"] = {true, false};
    const auto read = parse_history(to_json(history).dump());
    ASSERT_TRUE(read) << read.error().detail;
    EXPECT_EQ(*read, history);
    EXPECT_FALSE(parse_history("{}"));
    auto tampered = to_json(history);
    tampered["findings"][0][1]["raised"] = "yes";
    EXPECT_THAT(parse_history(tampered.dump()).error().detail, testing::HasSubstr("raised"));
}

TEST(AssessmentJson, RoundTripsAndKeepsTheContractsNames) {
    const auto assessment =
        diagnose(recording::load("cn-not-allowed", {.ssh = true, .as = recording::As::dev}), recording::now());
    const auto document = to_json(assessment);
    EXPECT_EQ(document["state"], "findings");
    EXPECT_EQ(document["kubernetes"], "v1.20.2");
    const auto& first = document["findings"][0];
    for (const auto* key : {"cause", "severity", "master", "apiservice", "since", "confidence", "consequence_of",
                            "allow_list", "evidence", "rules_out", "remedy"}) {
        EXPECT_TRUE(first.contains(key)) << key;
    }
    EXPECT_TRUE(first["consequence_of"].is_null());
    const auto read = parse_assessment(document.dump());
    ASSERT_TRUE(read) << read.error().detail;
    EXPECT_EQ(*read, assessment);
    auto tampered = document;
    tampered["findings"][0]["severity"] = "fatal";
    EXPECT_THAT(parse_assessment(tampered.dump()).error().detail, testing::HasSubstr("severity"));
    EXPECT_FALSE(parse_assessment("null"));
}

}  // namespace aggmedic::probes
