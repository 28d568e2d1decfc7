#include "daemon/cli/arguments.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/cli/help.hpp"

namespace aggmedic::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using Words = std::vector<std::string>;

Invocation understood(const Words& words) {
    const auto parsed = parse_arguments(words);
    if (const auto* farewell = std::get_if<Farewell>(&parsed)) ADD_FAILURE() << farewell->error << farewell->output;
    return std::holds_alternative<Invocation>(parsed) ? std::get<Invocation>(parsed) : Invocation{};
}

Farewell farewell(const Words& words) {
    const auto parsed = parse_arguments(words);
    if (std::holds_alternative<Invocation>(parsed)) ADD_FAILURE() << "was understood";
    return std::holds_alternative<Farewell>(parsed) ? std::get<Farewell>(parsed) : Farewell{};
}

TEST(Arguments, KnowEveryCommand) {
    const std::vector<std::pair<Words, Command>> table = {
        {{"check"}, Command::check},
        {{"explain", "demo"}, Command::explain},
        {{"preflight", "demo"}, Command::preflight},
        {{"bundle", "demo"}, Command::bundle},
        {{"plan", "demo"}, Command::plan},
        {{"apply", "0123456789ab"}, Command::apply},
        {{"abort", "run"}, Command::abort_run},
        {{"status"}, Command::status},
        {{"runs"}, Command::runs},
        {{"pause"}, Command::pause},
        {{"resume", "demo"}, Command::resume},
        {{"audit", "show"}, Command::audit_show},
        {{"audit", "verify", "--head", "1:00"}, Command::audit_verify},
        {{"audit", "verify", "--former-log", "a", "--former-log", "b"}, Command::audit_verify},
        {{"bosh", "ops-file", "demo"}, Command::bosh_ops_file},
        {{"bosh", "runtime-config", "demo", "--deployment", "d"}, Command::bosh_runtime_config},
        {{"config", "check"}, Command::config_check},
        {{"config", "init"}, Command::config_init},
        {{"config", "sudoers", "--user", "kube-care"}, Command::config_sudoers},
        {{"config", "helper"}, Command::config_helper},
    };
    for (const auto& [words, command] : table) EXPECT_EQ(understood(words).command, command) << words.front();
}

TEST(Arguments, SeveralFormerLogsAreNamed) {
    const auto invocation = understood({"audit", "verify", "--former-log", "a", "--former-log", "b"});
    EXPECT_EQ(invocation.former_logs, (std::vector<std::string>{"a", "b"}));
}

TEST(Arguments, ALoginNameIsNoWordOfSudoersOwn) {
    EXPECT_EQ(understood({"config", "sudoers"}).user, "aggmedic");
    EXPECT_EQ(understood({"config", "sudoers", "--user", "vcap.2"}).user, "vcap.2");
    for (const std::string name : {"ALL", "ADMINS", "", "%wheel", "#0", "a b", "a,root", "a\n", "a=b", "Root"})
        EXPECT_THAT(farewell({"config", "sudoers", "--user", name}).error, HasSubstr("login name")) << name;
}

TEST(Arguments, TakeGlobalOptionsBeforeAndAfterTheCommand) {
    for (const auto& words : {Words{"-o", "json", "--standalone", "--config", "a.yml", "plan", "demo"},
                              Words{"plan", "demo", "-o", "json", "--standalone", "--config=a.yml"}}) {
        const auto invocation = understood(words);
        EXPECT_EQ(invocation.global.format, Format::json);
        EXPECT_TRUE(invocation.global.standalone);
        EXPECT_EQ(invocation.global.config, "a.yml");
        EXPECT_THAT(invocation.clusters, ElementsAre("demo"));
    }
    EXPECT_EQ(understood({"config", "check", "--config", "b.yml", "-o", "yaml"}).global.format, Format::yaml);
}

TEST(Arguments, ABundleStandsForACluster) {
    EXPECT_EQ(understood({"explain", "--from", "demo.tar"}).from, "demo.tar");
    EXPECT_EQ(understood({"check", "--from", "demo.tar"}).from, "demo.tar");
    EXPECT_EQ(understood({"bundle", "demo", "--to", "-"}).to, "-");
    EXPECT_EQ(understood({"bundle", "--kubeconfig", "k"}).kubeconfig, "k");
    EXPECT_TRUE(understood({"check", "demo", "--canary-timing"}).canary_timing);
    EXPECT_TRUE(understood({"explain", "demo", "--canary-timing"}).canary_timing);
    EXPECT_THAT(farewell({"check", "--from", "demo.tar", "--canary-timing"}).error, HasSubstr("leave out"));
    EXPECT_THAT(farewell({"check", "--kubeconfig", "f", "--canary-timing"}).error, HasSubstr("asks as the canary"));
    EXPECT_THAT(farewell({"explain", "demo", "--from", "demo.tar"}).error, HasSubstr("leave out CLUSTER"));
    EXPECT_THAT(farewell({"bundle"}).error, HasSubstr("bundle which cluster?"));
}

TEST(Arguments, FillWhatEachCommandKnows) {
    EXPECT_THAT(understood({"check", "a", "b"}).clusters, ElementsAre("a", "b"));
    const auto look = understood({"check", "--kubeconfig", "f", "--context", "c"});
    EXPECT_EQ(look.kubeconfig + look.context, "fc");
    EXPECT_THAT(
        understood({"plan", "demo", "--accept-risk", "shared-ca", "--accept-risk", "single-master"}).accept_risk,
        ElementsAre("shared-ca", "single-master"));
    const auto apply = understood({"apply", "0123456789ab", "--canary-only", "--reason", "INC 1"});
    EXPECT_EQ(apply.id, "0123456789ab");
    EXPECT_TRUE(apply.canary_only);
    EXPECT_EQ(apply.reason, "INC 1");
    EXPECT_FALSE(apply.rest_of_run);
    const auto rest = understood({"apply", "--resume", "20261123T165925Z-45c4a4c5"});
    EXPECT_EQ(rest.id, "20261123T165925Z-45c4a4c5");
    EXPECT_TRUE(rest.rest_of_run);
    EXPECT_TRUE(understood({"runs", "r", "--follow"}).follow);
    EXPECT_TRUE(understood({"pause"}).clusters.empty());
    EXPECT_THAT(understood({"pause", "demo"}).clusters, ElementsAre("demo"));
}

TEST(Arguments, WhatARepairChangesAndWhichRunIsTakenBack) {
    EXPECT_EQ(understood({"plan", "demo"}).method, "args");
    EXPECT_EQ(understood({"plan", "demo", "--method", "configmap"}).method, "configmap");
    const auto revert = understood({"revert", "7d8f2c", "--accept-risk", "single-master"});
    EXPECT_EQ(revert.command, Command::revert);
    EXPECT_EQ(revert.id, "7d8f2c");
    EXPECT_THAT(revert.accept_risk, ElementsAre("single-master"));
}

TEST(Arguments, AnOptionBetweenClustersTakesOnlyItsOwnWord) {
    const auto invocation = understood({"plan", "--accept-risk", "shared-ca", "demo"});
    EXPECT_THAT(invocation.accept_risk, ElementsAre("shared-ca"));
    EXPECT_THAT(invocation.clusters, ElementsAre("demo"));
}

TEST(Arguments, EveryMisuseIsExitTwoWithASentenceAndNothingOnStdout) {
    const std::vector<std::pair<Words, std::string>> table = {
        {{}, "subcommand"},
        {{"frobnicate"}, "frobnicate"},
        {{"check", "--nonsense"}, "nonsense"},
        {{"apply"}, "Give the PLAN-ID that plan printed, or --resume RUN-ID"},
        {{"apply", "5e884898da28", "--resume", "r"}, "xcludes"},
        {{"check", "-o", "xml"}, "xml"},
        {{"plan"}, "CLUSTER"},
        {{"plan", "a", "b"}, "b"},
        {{"plan", "demo", "--method", "magic"}, "there are args and configmap"},
        {{"plan", "demo", "--method", "revert"}, "there are args and configmap"},
        {{"revert"}, "RUN-ID"},
        {{"apply"}, "PLAN-ID"},
        {{"abort"}, "RUN-ID"},
        {{"explain"}, "which cluster"},
        {{"check", "demo", "--kubeconfig", "f"}, "either CLUSTER or --kubeconfig"},
        {{"check", "--kubeconfig", "f", "--standalone"}, "needs no configuration"},
        {{"check", "--context", "c"}, "--kubeconfig"},
        {{"runs", "--follow"}, "RUN-ID"},
        {{"status", "--standalone", "--socket", "s"}, "either --standalone or --socket"},
        {{"bosh"}, "subcommand"},
        {{"bosh", "ops-file"}, "CLUSTER"},
        {{"bosh", "ops-file", "--name", "x"}, "whole list"},
        {{"bosh", "runtime-config", "demo"}, "--deployment"},
        {{"bosh", "runtime-config", "--name", "x", "--deployment", "a", "--deployment", "b"}, "--deployment"},
        {{"config"}, "subcommand"},
        {{"check", "\x1b[2J", "--\x1b[2J"}, "\\x1b"},
    };
    for (const auto& [words, text] : table) {
        const auto said = farewell(words);
        EXPECT_EQ(said.exit_status, exit_status::usage) << testing::PrintToString(words);
        EXPECT_THAT(said.error, HasSubstr(text)) << testing::PrintToString(words);
        EXPECT_THAT(said.error, HasSubstr("--help"));
        EXPECT_EQ(said.error.find('\x1b'), std::string::npos);
        EXPECT_EQ(said.output, "");
    }
}

TEST(Arguments, HelpAndVersionAreNoErrors) {
    EXPECT_EQ(farewell({"--version"}).output, "aggmedic " AGGMEDIC_VERSION "\n");
    const auto help = farewell({"--help"});
    EXPECT_EQ(help.exit_status, 0);
    EXPECT_THAT(help.output, HasSubstr("Exit statuses"));
    EXPECT_THAT(help.output, HasSubstr("runtime-config"));
    EXPECT_EQ(help.error, "");
}

TEST(Arguments, EachCommandsHelpHasAnExampleAndItsExitStatuses) {
    for (const auto& words :
         {Words{"check"}, Words{"explain"}, Words{"preflight"}, Words{"plan"}, Words{"apply"}, Words{"abort"},
          Words{"status"}, Words{"runs"}, Words{"pause"}, Words{"resume"}, Words{"bosh", "ops-file"},
          Words{"bosh", "runtime-config"}, Words{"config", "check"}, Words{"config", "init"}}) {
        auto asking = words;
        asking.emplace_back("--help");
        const auto help = farewell(asking);
        EXPECT_EQ(help.exit_status, 0);
        EXPECT_THAT(help.output, HasSubstr("Example")) << words.front();
        EXPECT_THAT(help.output, HasSubstr("Exit:")) << words.front();
        EXPECT_THAT(help.output, HasSubstr("  aggmedic " + words.front())) << words.front();
    }
}

}  // namespace
}  // namespace aggmedic::cli
