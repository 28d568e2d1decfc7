#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <regex>
#include <set>
#include <sstream>
#include <string>

#include "tests/integration/dashboards/queries.hpp"

namespace aggmedic::dashboards {
namespace {

namespace fs = std::filesystem;

// The families that alerts rest on: the contract of the design, section 5.3. The names of other people's rules hang on
// them.
const std::set<std::string> families{
    "aggmedic_build_info",
    "aggmedic_apiserver_up",
    "aggmedic_aggregated_api_up",
    "aggmedic_aggregated_api_status_code",
    "aggmedic_aggregated_api_responses_total",
    "aggmedic_proxy_client_cn_allowed",
    "aggmedic_proxy_client_certificate_not_after_timestamp_seconds",
    "aggmedic_identity_masked",
    "aggmedic_requestheader_ca_shared",
    "aggmedic_finding",
    "aggmedic_observation_failures_total",
    "aggmedic_probe_duration_seconds",
    "aggmedic_last_observation_timestamp_seconds",
    "aggmedic_permanent_fix_present",
    "aggmedic_remediation_runs_total",
    "aggmedic_remediation_step_duration_seconds",
    "aggmedic_remediation_in_progress",
    "aggmedic_remediation_paused",
    "aggmedic_remediation_suspended",
    "aggmedic_plan_waiting",
    "aggmedic_start_guard_refusing",
    "aggmedic_plan_gate_refusing",
    "aggmedic_master_drifted",
    "aggmedic_config_last_reload_successful",
};

fs::path source() {
    return AGGMEDIC_SOURCE;
}

std::string read_file(const fs::path& path) {
    std::ifstream stream(path, std::ios::binary);
    EXPECT_TRUE(stream) << path;
    std::ostringstream bytes;
    bytes << stream.rdbuf();
    return bytes.str();
}

// The families that a text names; the series of a histogram belong to it.
std::set<std::string> named_in(const std::string& text) {
    static const std::regex name("aggmedic_[a-z_]*[a-z]"), part("_(bucket|sum|count)$");
    std::set<std::string> names;
    for (std::sregex_iterator at(text.begin(), text.end(), name), end; at != end; ++at) {
        names.insert(std::regex_replace(at->str(), part, ""));
    }
    return names;
}

std::set<std::string> named_in_dashboards() {
    std::set<std::string> names;
    for (const auto& file : fs::recursive_directory_iterator(source() / "dashboards")) {
        const auto extension = file.path().extension();
        if (extension == ".yml" || extension == ".json") names.merge(named_in(read_file(file.path())));
    }
    return names;
}

TEST(Dashboards, NameOnlyFamiliesOfTheContract) {
    const auto names = named_in_dashboards();
    EXPECT_GT(names.size(), 10U);
    EXPECT_THAT(families, testing::IsSupersetOf(names));
}

TEST(Dashboards, NameOnlyMetricsThatTheDaemonExports) {
    std::string code;
    for (const auto& file : fs::directory_iterator(source() / "daemon")) {
        if (file.path().filename().string().starts_with("metric")) code += read_file(file.path());
    }
    EXPECT_THAT(named_in(code), testing::IsSupersetOf(named_in_dashboards()));
}

TEST(Dashboards, EveryPanelOfTheFleetsDashboardAsksSomething) {
    const auto dashboard = nlohmann::json::parse(read_file(source() / "dashboards/grafana/aggmedic.json"));
    std::set<int> ids;
    for (const auto& panel : dashboard["panels"]) {
        EXPECT_TRUE(ids.insert(panel["id"].get<int>()).second) << panel["title"];
        EXPECT_EQ(panel["type"] == "row", !panel.contains("targets")) << panel["title"];
    }
    const auto queries = read_queries(dashboard.dump());
    EXPECT_GT(queries.size(), 25U);
    for (const auto& query : queries) {
        const auto expression = substitute(query.expression, {{"cluster", "demo"}, {"master", "master/0"}});
        EXPECT_THAT(expression, testing::Not(testing::HasSubstr("$"))) << query.panel;
    }
}

TEST(Dashboards, SubstituteTheLongFormAndTheShortOne) {
    EXPECT_EQ(substitute("a{c=\"$cluster\"}[$__rate_interval] + ${cluster}", {{"cluster", "x"}}), "a{c=\"x\"}[1m] + x");
}

}  // namespace
}  // namespace aggmedic::dashboards
