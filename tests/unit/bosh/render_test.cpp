#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <yaml-cpp/yaml.h>

#include <array>
#include <string>
#include <vector>

#include "bosh/ops_file.hpp"
#include "bosh/pre_start.hpp"
#include "bosh/runtime_config.hpp"

namespace aggmedic::bosh {
namespace {

using testing::HasSubstr;
using testing::Not;

const DeploymentName demo{.deployment = "service-instance_0d4d0a8e-9d8c-4c0e-8a3f-5a0b6e3f7a11",
                          .name = "demo.pks.ik.am"};

TEST(RenderOpsFile, SetsTheWholeListBelowAPathThatFailsLoudlyOnAnOldManifest) {
    const auto text = render_ops_file(std::vector<std::string>{"aggregator", "master.cfcr.internal"});
    ASSERT_TRUE(text) << text.error().detail;
    const auto ops = YAML::Load(*text);
    ASSERT_EQ(ops.size(), 1U);
    EXPECT_EQ(ops[0]["type"].as<std::string>(), "replace");
    EXPECT_EQ(ops[0]["path"].as<std::string>(),
              "/instance_groups/name=master/jobs/name=kube-apiserver/properties/k8s-args/requestheader-allowed-names");
    EXPECT_EQ(ops[0]["value"].as<std::string>(), "aggregator,master.cfcr.internal");
    EXPECT_THAT(*text, Not(HasSubstr("?")));
}

TEST(RenderOpsFile, RefusesWhatIsNoListOfNames) {
    for (const auto& names : std::vector<std::vector<std::string>>{
             {}, {""}, {"a", "a"}, {"a,b"}, {"a\""}, {"a\nb"}, {"((a))"}, {"a b"}, {"a", ""}}) {
        EXPECT_FALSE(render_ops_file(names)) << testing::PrintToString(names);
    }
}

TEST(RenderRuntimeConfig, ReachesTheNamedDeploymentsApiserversAndNothingElse) {
    const std::array deployments{demo, DeploymentName{.deployment = "cfcr", .name = "master.cfcr.internal"}};
    const auto text = render_runtime_config(deployments);
    ASSERT_TRUE(text) << text.error().detail;
    const auto config = YAML::Load(*text);
    EXPECT_EQ(config["releases"][0]["name"].as<std::string>(), "os-conf");
    EXPECT_EQ(config["releases"][0]["version"].as<std::string>(), "20.0.0");
    ASSERT_EQ(config["addons"].size(), 2U);
    const auto addon = config["addons"][0];
    EXPECT_EQ(addon["name"].as<std::string>(), "aggregator-names-0d4d0a8e-9d8c-4c0e-8a3f-5a0b6e3f7a11");
    EXPECT_EQ(addon["include"].size(), 2U);
    EXPECT_EQ(addon["include"]["deployments"].as<std::vector<std::string>>(), std::vector{demo.deployment});
    EXPECT_EQ(addon["include"]["jobs"][0]["name"].as<std::string>(), "kube-apiserver");
    EXPECT_EQ(addon["include"]["jobs"][0]["release"].as<std::string>(), "kubo");
    EXPECT_EQ(addon["jobs"].size(), 1U);
    EXPECT_EQ(addon["jobs"][0]["name"].as<std::string>(), "pre-start-script");
    EXPECT_EQ(addon["jobs"][0]["release"].as<std::string>(), "os-conf");
    EXPECT_EQ(addon["jobs"][0]["properties"]["script"].as<std::string>(), render_pre_start_script(demo.name).value());
    EXPECT_EQ(config["addons"][1]["name"].as<std::string>(), "aggregator-names-cfcr");
    EXPECT_THAT(*text, Not(HasSubstr("((")));
}

TEST(RenderRuntimeConfig, RefusesAnythingThatCouldWidenItsFilterOrFailADeploy) {
    EXPECT_FALSE(render_runtime_config({}));
    const auto refuses = [](DeploymentName deployment, RuntimeConfigOptions options) {
        return !render_runtime_config(std::array{std::move(deployment)}, options).has_value();
    };
    EXPECT_FALSE(refuses(demo, {}));
    for (const auto* version : {"", "latest", "18.0.0", "20.", ".20", "20.0.0\"", "20..0", "99999999999999999999"}) {
        EXPECT_TRUE(refuses(demo, {.os_conf_version = version, .kubo_release = "kubo"})) << version;
    }
    EXPECT_TRUE(refuses(demo, {.os_conf_version = "20.0.0", .kubo_release = "ku bo"}));
    for (const auto* deployment : {"", "a b", "a\"", "a\n", "*", "((a))", "-a"}) {
        EXPECT_TRUE(refuses({.deployment = deployment, .name = demo.name}, {})) << deployment;
    }
    for (const auto* name : {"", "a'b", "a b", "$(id)", "a..b", "a,b", "a\nb", "kubelet", "admin"}) {
        EXPECT_TRUE(refuses({.deployment = demo.deployment, .name = name}, {})) << name;
    }
    EXPECT_FALSE(render_runtime_config(std::array{demo, demo}));
}

TEST(RenderPreStartScript, HoldsNoVariableOfTheDirector) {
    const auto script = render_pre_start_script("demo.pks.ik.am");
    ASSERT_TRUE(script);
    EXPECT_THAT(*script, testing::StartsWith("#!/bin/bash\n"));
    EXPECT_THAT(*script, HasSubstr("\nname='demo.pks.ik.am'\nfile='/var/vcap/jobs/kube-apiserver/config/bpm.yml'\n"));
    EXPECT_THAT(*script, Not(HasSubstr("((")));
    EXPECT_THAT(*script, Not(HasSubstr("__")));
    EXPECT_FALSE(render_pre_start_script("demo.pks.ik.am", "/tmp/it's"));
}

}  // namespace
}  // namespace aggmedic::bosh
