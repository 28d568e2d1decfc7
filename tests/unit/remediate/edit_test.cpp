#include "tests/unit/remediate/bpm_files.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <map>

#include "probes/bpm_file.hpp"

namespace aggmedic::remediate {
namespace {

// What the README of the fixtures lists. The count is the live process's, as the bpm of that time started it.
struct FixtureCase {
    EditAnswer answer = EditAnswer::changed;
    std::string name = "demo.pks.ik.am";
    std::size_t old_count = 0, new_count = 0;
};

std::map<std::string, FixtureCase> fixture_cases() {
    using enum EditAnswer;
    const std::string demo = "demo.pks.ik.am";
    return {
        {"plain-v0.16.0-gce", {changed, demo, 41, 41}},
        {"plain-v0.17.0-aws-feature-gates", {changed, demo, 41, 41}},
        {"plain-v0.20.1-oidc-three-masters", {changed, demo, 48, 47}},
        {"plain-v0.21.13-pks-vsphere", {changed, demo, 51, 50}},
        {"plain-v0.21.14-leaf-only-client-ca", {changed, demo, 51, 50}},
        {"plain-v0.21.16-pks-mixed-ca", {changed, demo, 51, 50}},
        {"plain-v0.21.21-kubernetes-ca", {changed, demo, 51, 50}},
        {"plain-v0.22.0-feature-gates-two-null-args", {changed, demo, 46, 44}},
        {"plain-v0.22.0-minimal", {changed, demo, 37, 36}},
        {"quoted-v0.24.0-alpha.1", {changed, demo, 37, 37}},
        {"quoted-v0.23.3-cfcr-v0.24.0", {changed, demo, 37, 37}},
        {"quoted-v0.25.7-cfcr-limits-open-files", {changed, demo, 37, 37}},
        {"quoted-v0.28.0-kubernetes-ca", {changed, demo, 35, 35}},
        {"quoted-v0.44.0-cfcr", {changed, demo, 35, 35}},
        {"quoted-v0.44.0-cfcr-after-ops-file", {already_right, "master.cfcr.internal", 35, 35}},
        {"quoted-list-names-reordered-args", {changed, demo, 39, 39}},
        {"quoted-no-allowed-names", {not_found, demo, 34, 34}},
        {"quoted-empty-allowed-names", {refused_empty_list, demo, 35, 35}},
        {"seed-listing-completed", {changed, demo, 51, 50}},
        {"edge-plain-already-patched", {already_right, "demo.pks.example.com", 51, 50}},
        {"edge-plain-other-name-appended", {changed, demo, 51, 50}},
        {"edge-plain-name-is-prefix", {changed, demo, 51, 50}},
        {"edge-plain-trailing-space", {changed, demo, 51, 50}},
        {"edge-plain-comment", {changed, demo, 51, 50}},
        {"edge-plain-duplicate-flag", {refused_flag_twice, demo, 52, 51}},
        {"edge-plain-no-final-newline", {changed, demo, 51, 50}},
        {"edge-plain-crlf", {changed, demo, 51, 50}},
        {"edge-single-quoted", {changed, demo, 35, 35}},
        {"edge-quoted-value-only", {refused_not_a_list, demo, 35, 35}},
        {"edge-two-element-flag", {changed, demo, 36, 36}},
        {"edge-second-process-has-flag-too", {changed, demo, 35, 35}},
        {"edge-flow-style-args", {changed, demo, 3, 3}},
        {"edge-truncated", {refused_argument_count, demo, 51, 50}},
        {"edge-broken-yaml", {not_understood, demo, 0, 0}},
    };
}

TEST(EditBpm, AnswersForEveryFixtureWhatItsReadmeLists) {
    const auto cases = fixture_cases();
    std::size_t files = 0;
    for (const auto& file : std::filesystem::directory_iterator(fixtures())) {
        if (file.path().extension() != ".yml") continue;
        SCOPED_TRACE(file.path().stem());
        ++files;
        const auto& expected = cases.at(file.path().stem());
        const auto bytes = read_file(file.path());
        for (const auto count : {expected.old_count, expected.new_count}) {
            auto edit = adding(expected.name);
            edit.live_argument_count = count;
            const auto result = edit_bpm(bytes, edit);
            EXPECT_EQ(name(result.answer), name(expected.answer)) << result.reason;
            EXPECT_FALSE(result.reason.empty());
            if (expected.answer == EditAnswer::changed) {
                EXPECT_EQ(result.bytes, with_name_inserted(bytes, expected.name));
            } else {
                EXPECT_TRUE(result.bytes.empty() && result.diff.empty());
            }
        }
    }
    EXPECT_EQ(files, cases.size());
}

TEST(EditBpm, FindsTheNameTheSecondTime) {
    for (const auto& [stem, expected] : fixture_cases()) {
        if (expected.answer != EditAnswer::changed) continue;
        const auto first = edit_bpm(read_file(fixtures() / (stem + ".yml")), adding(expected.name));
        EXPECT_EQ(edit_bpm(first.bytes, adding(expected.name)).answer, EditAnswer::already_right) << stem;
    }
}

TEST(EditBpm, ChangesATruncatedFileOnlyWhenNobodyTellsTheLiveCount) {
    const auto bytes = read_file(fixtures() / "edge-truncated.yml");
    EXPECT_EQ(edit_bpm(bytes, adding("demo.pks.ik.am")).answer, EditAnswer::changed);
}

TEST(EditBpm, ShowsTheOneLineAndOnlyTheNamesOfItsNeighbours) {
    const auto result = edit_bpm(read_file(fixtures() / "plain-v0.21.13-pks-vsphere.yml"), adding("demo.pks.ik.am"));
    EXPECT_EQ(result.line, 43U);
    EXPECT_EQ(result.argument_before, "--requestheader-allowed-names=aggregator");
    EXPECT_EQ(result.argument_after, "--requestheader-allowed-names=aggregator,demo.pks.ik.am");
    EXPECT_EQ(result.diff,
              "@@ -43 +43 @@\n"
              "-  - --requestheader-allowed-names=aggregator\n"
              "+  - --requestheader-allowed-names=aggregator,demo.pks.ik.am\n"
              "# before it: --proxy-client-key-file\n"
              "# after it: --requestheader-client-ca-file\n");
}

TEST(EditBpm, ShowsNoOtherValueOfALineInFlowStyle) {
    const auto result = edit_bpm(
        "processes: [{name: kube-apiserver, executable: /x, args: [--token=secret, --requestheader-allowed-names=a], "
        "env: {K: secret}}]",
        adding("b"));
    ASSERT_EQ(result.answer, EditAnswer::changed) << result.reason;
    EXPECT_EQ(result.diff,
              "@@ -1 +1 @@\n"
              "-\xE2\x80\xA6--requestheader-allowed-names=a\xE2\x80\xA6\n"
              "\\ No newline at end of file\n"
              "+\xE2\x80\xA6\"--requestheader-allowed-names=a,b\"\xE2\x80\xA6\n"
              "\\ No newline at end of file\n"
              "# before it: --token\n");
}

TEST(EditBpm, EditsTheValueWhereItIsAnEntryOfItsOwn) {
    const auto result = edit_bpm(read_file(fixtures() / "edge-two-element-flag.yml"), adding("demo.pks.ik.am"));
    EXPECT_EQ(result.argument_before, "aggregator");
    EXPECT_EQ(result.argument_after, "aggregator,demo.pks.ik.am");
    EXPECT_EQ(result.line, 49U);
}

TEST(EditBpm, KeepsAByteOrderMark) {
    const std::string bytes = "\xEF\xBB\xBF" + file_with(flag_line);
    const auto result = edit_bpm(bytes, adding("b"));
    ASSERT_EQ(result.answer, EditAnswer::changed) << result.reason;
    EXPECT_EQ(result.bytes, with_name_inserted(bytes, "b"));
}

TEST(EditBpm, CountsTheArgumentsAsEitherBpmPassesThem) {
    const auto bytes = file_with(flag_line + "  - \n  - ''\n  - ~\n");
    for (std::size_t count = 0; count < 7; ++count) {
        auto edit = adding("b");
        edit.live_argument_count = count;
        const bool good =
            count == 4 || count == 2 || count == 1;  // nulls as empty, nulls dropped, no empty ones counted
        EXPECT_EQ(edit_bpm(bytes, edit).answer, good ? EditAnswer::changed : EditAnswer::refused_argument_count)
            << count;
    }
}

TEST(ReadBpm, GivesTheArgumentsThatBpmPasses) {
    const auto file =
        probes::read_bpm(read_file(fixtures() / "plain-v0.22.0-feature-gates-two-null-args.yml"), "kube-apiserver");
    ASSERT_TRUE(file) << file.error().detail;
    EXPECT_EQ(file->executable, "/var/vcap/packages/kubernetes/bin/kube-apiserver");
    EXPECT_EQ(file->passed_by_old_bpm().size(), 46U);
    EXPECT_EQ(file->passed_by_new_bpm().size(), 44U);
}

}  // namespace
}  // namespace aggmedic::remediate
