#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/control_socket.hpp"
#include "daemon/log.hpp"
#include "daemon/run_report.hpp"
#include "daemon/status_page.hpp"
#include "remediate/replay.hpp"

namespace aggmedic::daemon {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(ParseRequest, TakesBackWhatToJsonWrote) {
    Request request;
    request.command = "plan";
    request.clusters = {"demo"};
    request.accept_risk = {"shared-ca"};
    request.reason = "night \"shift\"\n";
    request.canary_only = true;
    request.canary_timing = true;
    request.rest_of_run = true;
    const auto parsed = parse_request(to_json(request).dump());
    ASSERT_TRUE(parsed);
    EXPECT_EQ(to_json(*parsed), to_json(request));
}

TEST(ParseRequest, NeverBelievesAUid) {
    EXPECT_EQ(parse_request(R"({"command":"apply","uid":0})")->uid, -1);
}

TEST(ParseRequest, RefusesWhatIsNone) {
    for (const auto* line : {"", "{", "[]", "null", "{}", R"({"command":1})", R"({"command":"x","clusters":"a"})",
                             R"({"command":"x","clusters":[1]})", R"({"command":"x","canary_only":"yes"})", "\xff"}) {
        EXPECT_FALSE(parse_request(line)) << line;
    }
}

TEST(ParseReply, TakesBackWhatToJsonWrote) {
    const Reply reply{.exit_status = 3, .error = "x", .result = {{"a", 1}}};
    const auto parsed = parse_reply(to_json(reply).dump());
    ASSERT_TRUE(parsed);
    EXPECT_EQ(parsed->exit_status, 3);
    EXPECT_EQ(parsed->result, reply.result);
    EXPECT_FALSE(parse_reply("{}"));
}

TEST(RefusalFor, TheDaemonsOwnUserMayOnlyLook) {
    Request request;
    request.uid = 990;
    for (const auto* command : {"apply", "abort", "pause", "resume", "reload"}) {
        request.command = command;
        EXPECT_THAT(refusal_for(request, 990), HasSubstr("is refused to the daemon's own user")) << command;
        EXPECT_EQ(refusal_for(request, 991), "") << command;
    }
    request.command = "check";
    EXPECT_EQ(refusal_for(request, 990), "");
}

TEST(RefusalFor, RootAsRootIsLetThroughAndAnUnknownPeerIsNot) {
    Request request;
    request.command = "apply";
    request.uid = 0;
    EXPECT_EQ(refusal_for(request, 0), "");
    request.uid = -1;
    EXPECT_NE(refusal_for(request, 990), "");
}

TEST(StatusPage, EscapesEverything) {
    const nlohmann::json status{
        {"paused", false},
        {"clusters",
         {{{"name", "<script>"}, {"state", "findings"}, {"findings", {{{"cause", "a&b"}, {"master", "\"m'"}}}}}}}};
    const auto page = status_page(status);
    EXPECT_THAT(page, Not(HasSubstr("<script>")));
    EXPECT_THAT(page, HasSubstr("&lt;script&gt;"));
    EXPECT_THAT(page, HasSubstr("a&amp;b (&quot;m&#39;)"));
}

TEST(StatusPage, StandsWithHalfOfTheFields) {
    EXPECT_THAT(status_page(nlohmann::json{{"clusters", {{{"name", nullptr}}}}}), HasSubstr("</html>"));
}

TEST(LogLine, QuotesWhatNeedsIt) {
    EXPECT_EQ(log_line("two words", {{"a", "x"}, {"b", "x y"}, {"c", "q\"\n"}, {"d", ""}}),
              R"(msg="two words" a=x b="x y" c="q\"\\x0a" d="")");
}

remediate::StepRecord step(std::string name, std::string master, std::string outcome) {
    remediate::StepRecord record;
    record.step = std::move(name);
    record.master = std::move(master);
    if (!outcome.empty()) record.completed = TimePoint(std::chrono::seconds(2));
    record.outcome = std::move(outcome);
    return record;
}

// A plan for a and b, which leaves c alone; a is done, and of b this much is in the journal.
nlohmann::json report_with(const std::vector<remediate::StepRecord>& of_b, remediate::RunRecord record = {}) {
    remediate::Plan plan;
    for (const auto* name : {"a", "b"}) {
        plan.masters.push_back({});
        plan.masters.back().name = name;
    }
    plan.untouched.push_back({});
    plan.untouched.back().name = "c";
    remediate::RunWalk walk(remediate::walk_options(plan, false));
    std::vector<remediate::StepRecord> steps;
    while (walk.next() && !(walk.next()->step == remediate::Step::check && walk.next()->master == "b")) {
        steps.push_back(step(std::string(remediate::name(walk.next()->step)), walk.next()->master, "ok"));
        walk.completed(remediate::StepOutcome::ok);
    }
    steps.insert(steps.end(), of_b.begin(), of_b.end());
    record.id = "r";
    return report_of(record, steps, plan);
}

TEST(RunReport, TellsEachMastersStateFromTheSteps) {
    const auto begun = report_with({step("check", "b", "ok"), step("swap", "b", "ok"), step("restart", "b", "")});
    EXPECT_EQ(begun["masters"][0]["state"], "repaired");
    EXPECT_EQ(begun["masters"][1]["state"], "unknown") << "it may have been asked to restart";
    EXPECT_EQ(begun["masters"][2]["state"], "untouched");
    EXPECT_EQ(begun["masters"][2]["name"], "c");
    EXPECT_EQ(begun["steps"].back()["seconds"], nullptr);

    const auto full = report_with({step("check", "b", "ok"), step("swap", "b", "failed")});
    EXPECT_EQ(full["masters"][1]["state"], "untouched") << "a swap that failed wrote nothing";
    const auto odd = report_with({step("healed", "b", "ok"), step("lock", "b", "ok")});
    EXPECT_EQ(odd["masters"][1]["state"], "unknown") << "these steps are of no run of this plan";
}

TEST(RunReport, NamesEveryMasterOfARunThatWasRefused) {
    remediate::Plan plan;
    plan.masters.push_back({});
    plan.masters.back().name = "a";
    const auto report = report_of({}, {}, plan);
    ASSERT_EQ(report["masters"].size(), 1U);
    EXPECT_EQ(report["masters"][0]["state"], "untouched");
}

TEST(RunReport, KnowsOfARunWithoutItsPlanWhichMastersHadAStep) {
    const auto report =
        report_of({}, {step("lock", "a", "ok"), step("check", "a", "ok"), step("verify", "", "ok")}, {});
    ASSERT_EQ(report["masters"].size(), 1U);
    EXPECT_EQ(report["masters"][0]["name"], "a");
    EXPECT_EQ(report["masters"][0]["state"], "unknown");
    EXPECT_EQ(report["steps"].size(), 3U);
}

TEST(RunReport, AMasterWhoseUndoNobodyEndedIsUnknown) {
    remediate::RunRecord ended;
    ended.outcome = "needs-person";
    const std::vector undone{step("check", "b", "ok"),   step("swap", "b", "ok"),      step("restart", "b", "ok"),
                             step("process", "b", "ok"), step("ready", "b", "failed"), step("restore", "b", "ok")};
    EXPECT_EQ(report_with(undone, ended)["masters"][1]["state"], "unknown");
}

}  // namespace
}  // namespace aggmedic::daemon
