// Cause x generation x (with SSH | without): what `check` says of every way to break the lab, and that there is a plan
// for the repairable one alone.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>

#include "tests/lab/matrix/matrix_rows.hpp"
#include "tests/lab/process.hpp"
#include "tests/lab/selftest/lab_fixture.hpp"

namespace aggmedic::lab {
namespace {

using Json = nlohmann::json;

constexpr const char* master_0 = "10.77.0.11";

struct Slice {
    const char* generation;
    std::size_t part, parts;  // of the rows
    bool pairs = false;

    int minor() const { return model::generation_of(generation).minor; }
};

class Matrix : public testing::TestWithParam<Slice> {
  protected:
    void SetUp() override {
        if (const auto reason = why_no_lab(); !reason.empty()) GTEST_SKIP() << "NOT RUN: " << reason;
        const bool is_for_every_day = GetParam().pairs && GetParam().minor() == 20;
        if (!is_for_every_day && std::getenv("AGGMEDIC_FULL") == nullptr)
            GTEST_SKIP() << "NOT RUN: the whole matrix belongs to ./dev test --full";
        lab_.emplace(std::vector<std::string>{"--generation", GetParam().generation, "--masters", "2"});
    }

    struct Answer {
        int status = 0;
        Json json;
        std::string text;
    };
    Answer aggmedic(std::vector<std::string> words) const {
        const std::string out = lab_->directory().string() + ".answer";
        std::vector<std::string> argv = {LAB_PROGRAM, "exec",          "--dir", lab_->directory().string(),
                                         "--",        AGGMEDIC_PROGRAM};
        argv.insert(argv.end(), words.begin(), words.end());
        Answer answer{.status = run({.argv = argv, .environment = {}, .output_file = out, .in_child = {}}),
                      .json = {},
                      .text = read_file(out)};
        std::filesystem::remove(out);
        // Both streams are in the file: the document begins with the first brace that begins a line.
        const auto begin = answer.text.starts_with('{') ? 0 : answer.text.find("\n{");
        if (begin != std::string::npos) answer.json = Json::parse(answer.text.substr(begin), nullptr, false, true);
        return answer;
    }
    Answer check(bool with_ssh) const {
        const std::string at = lab_->directory().string();
        return with_ssh ? aggmedic({"check", "demo", "-o", "json", "--standalone", "--config", at + "/aggmedic.yml"})
                        : aggmedic({"check", "--kubeconfig", at + "/kubeconfig-probe", "-o", "json"});
    }
    Answer plan() const {
        return aggmedic({"plan", "demo", "-o", "json", "--accept-risk", "shared-ca", "--standalone", "--config",
                         lab_->directory().string() + "/aggmedic.yml"});
    }

    // Status, reason and message of a condition, as the API shows it now.
    std::string condition(const std::string& name) const {
        const auto object =
            Json::parse(lab_->get(master_0, "/apis/apiregistration.k8s.io/v1beta1/apiservices/" + name, "admin").body,
                        nullptr, false);
        if (!object.is_object() || !object.value("status", Json::object()).contains("conditions")) return {};
        const auto& first = object["status"]["conditions"][0];
        return first.value("status", "") + " " + first.value("reason", "") + " " + first.value("message", "");
    }
    // Until the condition is what the row says, or has not moved for longer than a check may be due.
    void settle(const Row& row) const {
        std::string seen;
        int quiet = 0;
        const auto settled = [&] {
            const std::string catalog = condition("v1beta1.servicecatalog.k8s.io");
            const std::string wardle = condition("v1alpha1.wardle.example.com");
            const std::string now = catalog + "; " + wardle;
            quiet = now == seen ? quiet + 1 : 0;
            seen = now;
            return row.available.empty()
                       ? quiet >= 12
                       : catalog.starts_with(row.available) && (row.one_struck || wardle.starts_with(row.available));
        };
        const bool struck =
            wait_until(settled, std::chrono::seconds(row.available.empty() ? 6 : 25), std::chrono::milliseconds(100));
        if (!row.available.empty()) EXPECT_TRUE(struck) << "the lab shows " << seen;
    }
    void strike(const Row& row) const {
        std::vector<std::string> words = {row.breaks.empty() ? "heal" : "break"};
        for (const auto& one : words_of(row.breaks, '+')) words.push_back(one);
        if (!row.breaks.empty()) words.emplace_back("--instead");
        ASSERT_EQ(lab_->command(words), 0);
        settle(row);
    }

    std::optional<LabUnderTest> lab_;
};

// AGGMEDIC_MATRIX_ROWS names some of the breaks, with spaces between them; all without it.
bool is_asked_for(const Row& row) {
    const char* wanted = std::getenv("AGGMEDIC_MATRIX_ROWS");
    if (wanted == nullptr) return true;
    const auto names = words_of(wanted, ' ');
    return std::ranges::find(names, row.breaks) != names.end();
}

std::string short_form(const Json& finding) {
    return finding.value("cause", "") + " " + finding.value("confidence", "") + " " + finding.value("allow_list", "");
}

std::string short_form_of(const std::vector<Json>& findings) {
    std::string text;
    for (const auto& finding : findings) text += (text.empty() ? "" : ", ") + short_form(finding);
    return text.empty() ? "nothing" : text;
}

bool is_confident(const Json& finding) {
    return finding.value("confidence", "") != "ambiguous";
}

std::vector<Json> faults_in(const Json& answer) {
    std::vector<Json> faults;
    for (const auto& cluster : answer.value("clusters", Json::array())) {
        for (const auto& finding : cluster.value("findings", Json::array())) {
            const bool notice =
                finding.value("class", "fault") == "security" || finding.value("severity", "") == "info";
            if (!notice) faults.push_back(finding);
        }
    }
    return faults;
}

std::string falls_short_of_two(const std::vector<Json>& faults) {
    const auto is_named = [](const Json& finding) {
        const bool is_consequence = finding.contains("consequence_of") && finding["consequence_of"].is_string();
        return is_confident(finding) && !is_consequence && finding.contains("apiservice") &&
               finding["apiservice"].is_string();
    };
    if (std::ranges::all_of(faults, is_confident)) return "nothing is ambiguous";
    return std::ranges::any_of(faults, is_named) ? "one cause is named" : "";
}

// What the answer lacks of the level, in words; empty: it is as it should be.
std::string falls_short(const Row& row, Level level, const std::vector<Json>& faults) {
    const bool cause_is_there = std::ranges::any_of(faults, [&](const auto& finding) {
        return finding.value("cause", "") == row.cause && is_confident(finding) &&
               (level != Level::certain || finding.value("confidence", "") == "certain");
    });
    if (level == Level::two) return falls_short_of_two(faults);
    if (level == Level::none) return faults.empty() ? "" : "a fault where there is none";
    if (level == Level::open || cause_is_there) return {};
    return std::string(row.cause) + " is not " + (level == Level::certain ? "certain" : "probable");
}

std::string wrong_name(const Row& row, const std::vector<Json>& faults) {
    const auto beside = words_of(row.beside, ' ');
    for (const auto& finding : faults) {
        const std::string cause = finding.value("cause", "");
        const auto root = finding.find("consequence_of");
        if (root != finding.end() && *root == row.cause) continue;
        if (is_confident(finding) && cause != row.cause && std::ranges::find(beside, cause) == beside.end())
            return cause;
    }
    return {};
}

std::string wrong_allow_list(const Row& row, const std::vector<Json>& faults) {
    for (const auto& finding : faults) {
        if (finding.value("cause", "") == row.cause && is_confident(finding) && !row.allow_list.empty() &&
            finding.value("allow_list", "") != row.allow_list)
            return finding.value("allow_list", "");
    }
    return {};
}

void judge(const Row& row, bool with_ssh, const Json& answer) {
    SCOPED_TRACE(with_ssh ? "with SSH" : "without SSH");
    ASSERT_TRUE(answer.is_object()) << "check gave no JSON";
    const auto faults = faults_in(answer);
    const bool unknown = with_ssh && row.unknown_with_ssh;
    EXPECT_EQ(wrong_name(row, faults), "") << "a wrong name, confident: " << short_form_of(faults);
    EXPECT_EQ(wrong_allow_list(row, faults), "") << short_form_of(faults);
    const std::string lacking = falls_short(row, with_ssh ? row.with_ssh : row.without_ssh, faults);
    if (!unknown) EXPECT_EQ(lacking, "") << short_form_of(faults);
    if (unknown && lacking.empty())
        std::cout << "  now known: " << row.breaks << (with_ssh ? " with SSH" : " without SSH") << "\n";
}

TEST_P(Matrix, EveryCauseHasItsNameAndNoOther) {
    const auto rows = GetParam().pairs ? pairs_of_causes() : single_causes();
    for (std::size_t i = GetParam().part; i < rows.size(); i += GetParam().parts) {
        const Row& row = rows[i];
        if (GetParam().minor() < row.from_minor || GetParam().minor() > row.to_minor) continue;
        if (!is_asked_for(row)) continue;
        SCOPED_TRACE(std::string(row.breaks.empty() ? "healthy" : row.breaks) + " on " + GetParam().generation);
        const auto begun = std::chrono::steady_clock::now();
        strike(row);
        for (const bool with_ssh : {true, false}) {
            const auto answer = check(with_ssh);
            judge(row, with_ssh, answer.json);
            std::cout << fmt::format("  {:<34} {:<11} {}\n", row.breaks, with_ssh ? "with SSH" : "without SSH",
                                     short_form_of(faults_in(answer.json.is_object() ? answer.json : Json::object())));
        }
        const auto planned = plan();
        const bool has_plan = planned.json.is_object() && planned.json.value("id", Json()).is_string();
        EXPECT_EQ(has_plan, row.is_repairable)
            << (planned.json.is_object() ? planned.json.value("refusals", Json()).dump(1) : planned.text);
        if (!row.is_repairable)
            EXPECT_TRUE(planned.status == 0 || planned.status == 3) << "plan ended with " << planned.status;
        std::cout << fmt::format("  {:<34} {:.1f} s\n", row.breaks,
                                 std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count())
                  << std::flush;
    }
}

INSTANTIATE_TEST_SUITE_P(
    Of, Matrix,
    testing::Values(Slice{"1.11", 0, 3}, Slice{"1.11", 1, 3}, Slice{"1.11", 2, 3}, Slice{"1.16", 0, 3},
                    Slice{"1.16", 1, 3}, Slice{"1.16", 2, 3}, Slice{"1.20", 0, 3}, Slice{"1.20", 1, 3},
                    Slice{"1.20", 2, 3}, Slice{"1.34", 0, 3}, Slice{"1.34", 1, 3}, Slice{"1.34", 2, 3},
                    Slice{"1.20", 0, 1, true}, Slice{"1.36", 0, 1, true}),
    [](const auto& item) {
        std::string name = item.param.generation;
        name.erase(name.find('.'), 1);
        return "K" + name + (item.param.pairs ? std::string("Pairs") : "Part" + std::to_string(item.param.part));
    });

}  // namespace
}  // namespace aggmedic::lab
