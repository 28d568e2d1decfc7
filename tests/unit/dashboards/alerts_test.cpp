#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <set>
#include <string>

#include "probes/finding.hpp"

// Every cause of the table raises what it should, once; the page about alerts lists what there is.
namespace aggmedic::dashboards {
namespace {

namespace fs = std::filesystem;

fs::path source() {
    return AGGMEDIC_SOURCE;
}

std::string text_of(const fs::path& path) {
    std::ifstream stream(path, std::ios::binary);
    EXPECT_TRUE(stream) << path;
    return {std::istreambuf_iterator<char>(stream), {}};
}

std::string rules() {
    return text_of(source() / "dashboards/prometheus/aggmedic.rules.yml");
}

std::set<std::string> matches(const std::string& text, const std::string& pattern) {
    const std::regex expression(pattern);
    std::set<std::string> found;
    for (std::sregex_iterator at(text.begin(), text.end(), expression), end; at != end; ++at) found.insert(at->str(1));
    return found;
}

std::set<std::string> words(const std::set<std::string>& lists) {
    std::set<std::string> found;
    for (const auto& list : lists) found.merge(matches(list, "([^|]+)"));
    return found;
}

TEST(Alerts, NameOnlyCausesOfTheTable) {
    auto named = words(matches(rules(), "cause[!=]?[=~]+\"([a-z0-9|-]+)\""));
    named.merge(matches(rules(), "\n *cause: ([a-z0-9-]+)"));
    EXPECT_GT(named.size(), 8U);
    for (const auto& cause : named) EXPECT_NE(probes::find_cause(cause), nullptr) << cause;
}

TEST(Alerts, PointAtPagesThatThereAre) {
    const auto pages = matches(rules(), "runbook: \"?(docs/causes/[a-z0-9-]+\\.md)");
    EXPECT_GE(pages.size(), 2U);
    for (const auto& page : pages) EXPECT_TRUE(fs::exists(source() / page)) << page;
    for (const auto& cause : probes::causes()) {
        EXPECT_TRUE(fs::exists(source() / "docs/causes" / (std::string(cause.id) + ".md"))) << cause.id;
    }
}

TEST(Alerts, AreListedOnTheirPage) {
    const auto page = matches(text_of(source() / "docs/alerts.md"), "\n\\| `(Aggmedic[A-Za-z]+)` \\|");
    EXPECT_EQ(page, matches(rules(), "- alert: (Aggmedic[A-Za-z]+)"));
}

// promtool's own test format: a cluster for each cause, on which the cause alone is raised.
std::string case_of_all_causes(bool failing) {
    std::string series, alerts;
    for (const auto& cause : probes::causes()) {
        const auto severity = probes::name(cause.severity);
        for (const char* master : {"m0", "m1"}) {
            series += fmt::format(
                "      - {{series: 'aggmedic_finding{{cluster=\"{0}\", master=\"{1}\", cause=\"{0}\", "
                "severity=\"{2}\"}}', "
                "values: 1x200}}\n",
                cause.id, master, severity);
        }
        const bool fails = failing && cause.severity == probes::Severity::critical;
        if (fails) {
            series += fmt::format(
                "      - {{series: 'aggmedic_aggregated_api_up{{cluster=\"{}\", master=\"m0\", apiservice=\"a\"}}', "
                "values: 0x200}}\n",
                cause.id);
        }
        if (cause.severity == probes::Severity::info && cause.id != "superfluous-name") continue;
        alerts +=
            fmt::format("          - {{labels: '{{cluster=\"{0}\", cause=\"{0}\", severity=\"{1}\"}}', value: 1}}\n",
                        cause.id, severity);
    }
    return fmt::format(
        "  - interval: 30s\n    input_series:\n{}    promql_expr_test:\n"
        "      - expr: count by (cluster, cause, severity) (ALERTS{{alertstate=\"firing\", cluster!=\"\"}})\n"
        "        eval_time: 90m\n        exp_samples:\n{}",
        series, alerts);
}

TEST(Alerts, EveryCauseIsToldOnceByItsSeverityWhetherAnApiFailsOrNot) {
    const auto file = fs::temp_directory_path() / fmt::format("aggmedic-alerts-{}.yml", ::getpid());
    std::ofstream(file) << "rule_files: ['" << (source() / "dashboards/prometheus/aggmedic.rules.yml").string()
                        << "']\nevaluation_interval: 30s\ntests:\n"
                        << case_of_all_causes(false) << case_of_all_causes(true);
    EXPECT_EQ(std::system(("promtool test rules " + file.string()).c_str()), 0);
    fs::remove(file);
}

}  // namespace
}  // namespace aggmedic::dashboards
