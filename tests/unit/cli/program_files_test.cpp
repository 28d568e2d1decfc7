#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "fixture.hpp"
#include "net/text.hpp"
#include "program.hpp"
#include "scripted_daemon.hpp"

namespace aggmedic::cli {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

class InFolder : public testing::Test {
  protected:
    InFolder() {
        std::string pattern = (std::filesystem::temp_directory_path() / "aggmedic-cli-XXXXXX").string();
        folder_ = ::mkdtemp(pattern.data());
    }
    ~InFolder() override { std::filesystem::remove_all(folder_); }
    std::string file(const std::string& name) const { return folder_ + "/" + name; }
    std::string write(const std::string& name, const std::string& text) const {
        std::ofstream(file(name)) << text;
        return file(name);
    }

  private:
    std::string folder_;
};
using ConfigCommand = InFolder;
using Kubeconfig = InFolder;
using BoshCommand = InFolder;

TEST_F(ConfigCommand, InitWritesAnExampleOnceAndNeverOverAFile) {
    Program printed({"config", "init"});
    EXPECT_EQ(printed.wait(), 0);
    EXPECT_THAT(printed.output, HasSubstr("clusters:"));
    Program first({"config", "init", "--config", file("a.yml")});
    EXPECT_EQ(first.wait(), 0) << first.error;
    std::ifstream written(file("a.yml"));
    EXPECT_EQ(std::string(std::istreambuf_iterator<char>(written), {}), printed.output);
    Program second({"config", "init", "--config", file("a.yml")});
    EXPECT_EQ(second.wait(), 2);
    EXPECT_THAT(second.error, HasSubstr("never writes over"));
}

TEST_F(ConfigCommand, SudoersNamesTheHelperByItsDigest) {
    Program helper({"config", "helper"});
    EXPECT_EQ(helper.wait(), 0);
    EXPECT_THAT(helper.output, StartsWith("#!/bin/sh\n"));
    Program sudoers({"config", "sudoers", "--user", "kube-care"});
    EXPECT_EQ(sudoers.wait(), 0) << sudoers.error;
    const auto digest = sha256_hex(helper.output);
    for (const std::string verb : {"look", "lock", "swap", "restart", "restore", "unlock"})
        EXPECT_THAT(sudoers.output, HasSubstr("sha256:" + digest + " /usr/local/libexec/aggmedic/helper-" +
                                              digest.substr(0, 32) + " " + verb + " *"));
    EXPECT_THAT(sudoers.output, EndsWith("\nkube-care ALL=(root) NOPASSWD: AGGMEDIC\n"));
    if (!std::filesystem::exists("/usr/sbin/visudo")) GTEST_SKIP() << "sudo is not installed: visudo was NOT asked";
    const auto written = write("sudoers", sudoers.output);
    EXPECT_EQ(std::system(("/usr/sbin/visudo -cqf " + written).c_str()),
              0);  // NOLINT(concurrency-mt-unsafe): no other thread
}

TEST_F(ConfigCommand, CheckReportsEveryFaultWithItsPlace) {
    const auto bad = write("bad.yml", "listen: 127.0.0.1:10797\nlisten: again\nnonsense: 1\n");
    Program program({"config", "check", "--config", bad});
    EXPECT_EQ(program.wait(), 2);
    EXPECT_EQ(program.output, "");
    EXPECT_THAT(program.error, HasSubstr(bad + ":2:"));
    EXPECT_THAT(program.error, HasSubstr(bad + ":3:"));
    Program json({"config", "check", "--config", bad, "-o", "json"});
    EXPECT_EQ(json.wait(), 2);
    const auto result = nlohmann::json::parse(json.output);
    EXPECT_EQ(result["valid"], false);
    EXPECT_GE(result["faults"].size(), 2U);
    EXPECT_TRUE(std::ranges::any_of(result["faults"], [](const auto& fault) { return fault["line"] == 3; }));
}

TEST_F(ConfigCommand, StandaloneNamesTheFaultsOfItsConfiguration) {
    Program program({"check", "--standalone", "--config", write("bad.yml", "nonsense: 1\n")});
    EXPECT_EQ(program.wait(), 2);
    EXPECT_THAT(program.error, HasSubstr("bad.yml:1:"));
}

TEST_F(Kubeconfig, ThatIsMissingOrBrokenIsAUsageError) {
    for (const auto& name : {file("missing"), write("broken", "clusters: [")}) {
        Program program({"check", "--kubeconfig", name});
        EXPECT_EQ(program.wait(), 2);
        EXPECT_THAT(program.error, HasSubstr(name));
        EXPECT_EQ(program.output, "");
    }
}

TEST_F(BoshCommand, RendersFromNamesAloneWithoutADaemon) {
    Program ops({"bosh", "ops-file", "--name", "aggregator", "--name", "demo.pks.ik.am"});
    EXPECT_EQ(ops.wait(), 1) << ops.error;
    EXPECT_THAT(ops.output, HasSubstr("demo.pks.ik.am"));
    Program runtime({"bosh", "runtime-config", "--name", "demo.pks.ik.am", "--deployment", "service-instance_1"});
    EXPECT_EQ(runtime.wait(), 1) << runtime.error;
    EXPECT_THAT(runtime.output, HasSubstr("service-instance_1"));
    Program hostile({"bosh", "ops-file", "--name", "aggregator", "--name", "x, system:masters"});
    EXPECT_EQ(hostile.wait(), 3);
    EXPECT_EQ(hostile.output, "");
    EXPECT_NE(hostile.error, "");
}

TEST_F(BoshCommand, TakesTheNameFromTheMastersOnlyWhenAllWereRead) {
    auto looked = json_fixture("check-cn-not-allowed.json");
    {
        ScriptedDaemon daemon(1, looked);
        Program program(asking(daemon, {"bosh", "ops-file", "demo"}));
        EXPECT_EQ(program.wait(), 3);
        EXPECT_THAT(program.error, HasSubstr("master/2 could not be read"));
        EXPECT_EQ(program.output, "");
    }
    looked["clusters"][0]["masters"].erase(2);
    {
        ScriptedDaemon daemon(1, looked);
        Program program(asking(daemon, {"bosh", "ops-file", "demo", "-o", "json"}));
        EXPECT_EQ(program.wait(), 1) << program.error;
        EXPECT_EQ(daemon.request()["command"], "explain");
        const auto result = nlohmann::json::parse(program.output);
        EXPECT_EQ(result["names"], nlohmann::json({"aggregator", "demo.pks.ik.am"}));
        EXPECT_THAT(result["document"].get<std::string>(), HasSubstr("demo.pks.ik.am"));
    }
    looked["clusters"][0]["masters"][1]["proxy_client_cn"] = "other";
    ScriptedDaemon daemon(1, looked);
    Program program(asking(daemon, {"bosh", "runtime-config", "demo", "--deployment", "d"}));
    EXPECT_EQ(program.wait(), 3);
    EXPECT_THAT(program.error, HasSubstr("different CNs"));
}

}  // namespace
}  // namespace aggmedic::cli
