#include "program.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <fstream>

#include "fixture.hpp"
#include "scripted_daemon.hpp"

namespace aggmedic::cli {
namespace {

using testing::HasSubstr;
using testing::Not;
using namespace std::chrono_literals;

TEST(Program, ExitsWithTheRepliesStatus) {
    for (int status = 0; status <= 7; ++status) {
        ScriptedDaemon daemon(status, {{"clusters", nlohmann::json::array()}});
        Program program(asking(daemon, {"check"}));
        EXPECT_EQ(program.wait(), status);
        EXPECT_EQ(program.error, "");
    }
}

TEST(Program, ExitsWithTwoForAStatusThatNoScriptKnows) {
    for (const int status : {-1, 8, 300}) {
        ScriptedDaemon daemon(status, nullptr);
        Program program(asking(daemon, {"status"}));
        EXPECT_EQ(program.wait(), 2);
    }
}

TEST(Program, AsksForWhatWasTyped) {
    ScriptedDaemon daemon(3, json_fixture("plan-refused.json"));
    Program program(asking(daemon, {"plan", "demo", "--accept-risk", "shared-ca"}));
    EXPECT_EQ(program.wait(), 3);
    const auto request = daemon.request();
    EXPECT_EQ(request["command"], "plan");
    EXPECT_EQ(request["clusters"], nlohmann::json({"demo"}));
    EXPECT_EQ(request["accept_risk"], nlohmann::json({"shared-ca"}));
    EXPECT_EQ(request["method"], "args");
    EXPECT_FALSE(request.contains("uid"));  // only the server may say who asks
    EXPECT_THAT(program.output, HasSubstr("other-master-not-ready"));
}

TEST(Program, AsksTheRightQuestionForEachCommand) {
    const std::vector<std::pair<std::vector<std::string>, std::string>> table = {
        {{"check"}, "check"},
        {{"explain", "demo"}, "explain"},
        {{"preflight", "demo"}, "preflight"},
        {{"status"}, "status"},
        {{"runs"}, "runs"},
        {{"runs", "r", "--follow"}, "follow"},
        {{"abort", "r"}, "abort"},
        {{"pause"}, "pause"},
        {{"resume", "demo"}, "resume"},
        {{"apply", "p"}, "apply"},
    };
    for (const auto& [words, command] : table) {
        ScriptedDaemon daemon(0, nlohmann::json::object());
        Program program(asking(daemon, words));
        EXPECT_EQ(program.wait(), 0) << command;
        EXPECT_EQ(daemon.request()["command"], command);
    }
}

TEST(Program, PrintsTheResultAloneAsJson) {
    const auto result = json_fixture("check-cn-not-allowed.json");
    ScriptedDaemon daemon(
        ScriptedDaemon::Script{.lines = {progress_line({{"text", "observing"}}), reply_line(1, result)}});
    Program program(asking(daemon, {"check", "-o", "json"}));
    EXPECT_EQ(program.wait(), 1);
    EXPECT_EQ(nlohmann::json::parse(program.output), result);
    EXPECT_EQ(program.error, "");  // a pipe gets no "observing"
}

TEST(Program, PrintsAnErrorToStderrAndNothingToStdout) {
    ScriptedDaemon daemon(2, nullptr, "no cluster is called x\x1b[2J; `aggmedic status` lists them");
    Program program(asking(daemon, {"check", "x", "-o", "json"}));
    EXPECT_EQ(program.wait(), 2);
    EXPECT_EQ(program.output, "");
    EXPECT_EQ(program.error, "aggmedic: no cluster is called x\\x1b[2J; `aggmedic status` lists them\n");
}

TEST(Program, SaysHowToStartADaemonOrDoWithoutOne) {
    Program program({"check", "--socket", "/nonexistent/control.sock"});
    EXPECT_EQ(program.wait(), 2);
    EXPECT_THAT(program.error, HasSubstr("/nonexistent/control.sock"));
    EXPECT_THAT(program.error, HasSubstr("systemctl start aggmedicd"));
    EXPECT_THAT(program.error, HasSubstr("--standalone --config"));
    EXPECT_EQ(program.output, "");
}

TEST(Program, FindsTheSocketOfTheConfiguration) {
    ScriptedDaemon daemon(0, {{"clusters", nlohmann::json::array()}});
    const auto file = daemon.folder() + "/aggmedic.yml";
    std::ofstream(file) << "control_socket: " << daemon.path() << "\nclusters: [unreadable here]\n";
    Program program({"check", "--config", file});
    EXPECT_EQ(program.wait(), 0) << program.error;
}

TEST(Program, SaysThatTheDaemonEndedTheConversation) {
    ScriptedDaemon daemon(ScriptedDaemon::Script{.lines = {progress_line({{"run", "7d8f2c1a"}, {"state", "note"}})}});
    Program program(asking(daemon, {"apply", "5e884898da28"}));
    EXPECT_EQ(program.wait(), 2);
    EXPECT_THAT(program.error, HasSubstr("ended the conversation"));
    EXPECT_THAT(program.error, HasSubstr("aggmedic runs 7d8f2c1a"));
}

TEST(Program, RefusesAnAnswerThatIsNone) {
    for (const auto* line : {"garbage \x1b[2J\n", "{}\n", "{\"reply\":7}\n", "{\"reply\":{}}\n", "[]\n"}) {
        ScriptedDaemon daemon(ScriptedDaemon::Script{.lines = {line}});
        Program program(asking(daemon, {"status"}));
        EXPECT_EQ(program.wait(), 2) << line;
        EXPECT_THAT(program.error, HasSubstr("daemon answered something else")) << line;
        EXPECT_EQ(program.error.find('\x1b'), std::string::npos);
    }
}

ScriptedDaemon::Script run_in_progress() {
    return {
        .lines = {progress_line({{"run", "7d8f2c1a"}, {"master", "master/0"}, {"step", "swap"}, {"state", "started"}}),
                  progress_line({{"run", "7d8f2c1a"}, {"master", "master/0"}, {"step", "swap"}, {"state", "ok"}})},
        .stays = true};
}

TEST(Program, DetachesFromARunOnCtrlCAndWhenTheTerminalIsLost) {
    for (const int number : {SIGINT, SIGHUP, SIGTERM}) {
        for (const auto& words :
             {std::vector<std::string>{"apply", "5e884898da28"}, {"runs", "7d8f2c1a", "--follow"}}) {
            ScriptedDaemon daemon(run_in_progress());
            Program program(asking(daemon, words));
            daemon.wait_until_sent();
            std::this_thread::sleep_for(200ms);
            program.signal(number);
            EXPECT_EQ(program.wait(), 7);
            EXPECT_TRUE(daemon.client_went());  // and asked for nothing
            EXPECT_THAT(program.error, HasSubstr("master/0  swap ok"));
            EXPECT_THAT(program.error, HasSubstr("`aggmedic runs 7d8f2c1a --follow --socket " + daemon.path() + "`"));
            EXPECT_THAT(program.error, HasSubstr("aggmedic abort 7d8f2c1a"));
            EXPECT_EQ(program.output, "");
        }
    }
}

TEST(Program, DiesOfCtrlCWhereNothingIsChanged) {
    ScriptedDaemon daemon(ScriptedDaemon::Script{.lines = {}, .stays = true});
    Program program(asking(daemon, {"check"}));
    daemon.wait_until_sent();
    program.signal(SIGINT);
    EXPECT_EQ(program.wait(), -SIGINT);
}

TEST(Program, RedrawsOnATerminalUnlessToldNotTo) {
    auto script = run_in_progress();
    script.stays = false;
    script.lines.push_back(reply_line(0, json_fixture("apply-applied.json")));
    const auto run = [&](std::vector<std::string> words, std::map<std::string, std::string> environment) {
        ScriptedDaemon daemon(script);
        Program program(
            {.arguments = asking(daemon, std::move(words)), .environment = std::move(environment), .terminal = true});
        EXPECT_EQ(program.wait(), 0);
        EXPECT_THAT(program.output, HasSubstr("repaired and verified through every master"));
        EXPECT_EQ(program.output.find('\x1b'), std::string::npos);  // stdout is a pipe
        return program.error;
    };
    EXPECT_THAT(run({"apply", "5e884898da28"}, {}), HasSubstr("\x1b["));
    EXPECT_THAT(run({"apply", "5e884898da28"}, {{"NO_COLOR", "1"}}), Not(HasSubstr("\x1b")));
    EXPECT_THAT(run({"apply", "5e884898da28"}, {{"TERM", "dumb"}}), Not(HasSubstr("\x1b")));
    EXPECT_THAT(run({"apply", "5e884898da28", "--no-color"}, {}), Not(HasSubstr("\x1b")));
}

TEST(Program, UsageErrorsAreTwo) {
    for (const auto& words :
         std::vector<std::vector<std::string>>{{}, {"nonsense"}, {"plan"}, {"check", "-o", "xml"}}) {
        Program program(words);
        EXPECT_EQ(program.wait(), 2);
        EXPECT_EQ(program.output, "");
        EXPECT_THAT(program.error, HasSubstr("--help"));
    }
    Program help({"plan", "--help"});
    EXPECT_EQ(help.wait(), 0);
    EXPECT_THAT(help.output, HasSubstr("--accept-risk"));
}

}  // namespace
}  // namespace aggmedic::cli
