#include "tests/unit/remediate/bpm_files.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace aggmedic::remediate {
namespace {

TEST(EditBpm, ReadsTheFlagAsTheApiserverDoes) {
    EXPECT_EQ(answer_to("  - --requestheader_allowed-names=a\n"), EditAnswer::changed);
    EXPECT_EQ(answer_to("  - --requestheader-allowed-names-x=a\n"), EditAnswer::not_found);
    EXPECT_EQ(answer_to("  - -requestheader-allowed-names=a\n"), EditAnswer::not_found);
    EXPECT_EQ(answer_to("  - --\n  - --requestheader-allowed-names=a\n"), EditAnswer::not_found);
    EXPECT_EQ(answer_to("  - --requestheader-allowed-names=a\n  - --requestheader_allowed_names=b\n"),
              EditAnswer::refused_flag_twice);
    EXPECT_EQ(answer_to("  - --requestheader-allowed-names=demo.example\n  - --requestheader-allowed-names\n  - b\n"),
              EditAnswer::refused_flag_twice);
    EXPECT_EQ(answer_to("  # --requestheader-allowed-names=a\n"), EditAnswer::not_found);
}

TEST(EditBpm, RefusesAFlagWithoutAList) {
    for (const auto* arguments :
         {"  - --requestheader-allowed-names\n", "  - --requestheader-allowed-names\n  -\n",
          "  - --requestheader-allowed-names\n  - --v=2\n", "  - --requestheader-allowed-names=\n",
          "  - --requestheader-allowed-names\n  - ''\n", "  - '--requestheader-allowed-names='\n"}) {
        EXPECT_EQ(answer_to(arguments), EditAnswer::refused_empty_list) << arguments;
    }
}

TEST(EditBpm, RefusesWhatIsNoPlainListOfDifferentNames) {
    for (const auto* value :
         {"a,", ",a", "a,,b", "a,a", "a b", "a, b", "'a'", "a,\\\"b\\\"", "a\\tb", "a$(x)", "\\\"", "a\\\\b", " a"}) {
        const std::string arguments = "  - \"--requestheader-allowed-names=" + std::string(value) + "\"\n";
        EXPECT_EQ(answer_to(arguments), EditAnswer::refused_not_a_list) << arguments;
    }
}

TEST(EditBpm, RefusesEveryNameThatItWouldNotWriteBeforeLookingAtTheFile) {
    const std::string bytes = read_file(fixtures() / "plain-v0.22.0-minimal.yml");
    for (const auto& name : std::vector<std::string>{"", ".a", "-a", "a..b", "a,b", "a'b", "a\"b", "$(id)", "a b",
                                                     "a\n", "a\nb", "a:b", "*", "a#", "a\\", "system:masters",
                                                     "\xC3\xA4", std::string("a\0b", 3), std::string(65, 'a')}) {
        EXPECT_EQ(edit_bpm(bytes, adding(name)).answer, EditAnswer::refused_name) << testing::PrintToString(name);
    }
    EXPECT_EQ(edit_bpm(bytes, adding(std::string(64, 'a'))).answer, EditAnswer::changed);
}

TEST(EditBpm, TakesTheNameBackOutOfAFileThatSomebodyChanged) {
    const auto take_back = [](std::string_view arguments) {
        const probes::SourceFile file{.path = {}, .bytes = file_with(arguments)};
        const auto& bosh = *probes::find_platform("bosh");
        return take_back_arguments(bosh, {&file, 1}, adding("demo.example"), std::string(64, '0'));
    };
    const struct {
        std::string_view arguments;
        EditAnswer answer;
    } rows[] = {
        {"  - --v=9\n  - --requestheader-allowed-names=a,demo.example # kept\n", EditAnswer::changed},
        {"  - \"--requestheader-allowed-names=a,demo.example\"\n", EditAnswer::changed},
        {"  - --requestheader-allowed-names=a\n", EditAnswer::already_right},
        {"  - --requestheader-allowed-names=a,x.demo.example\n", EditAnswer::already_right},
        {"  - --requestheader-allowed-names=\n", EditAnswer::already_right},
        {"  - --v=2\n", EditAnswer::already_right},
        // Not the last of its list, alone on it, on it twice, in a list of its own, in no plain list, not told by
        // this file, no file that bpm reads.
        {"  - --requestheader-allowed-names=a,demo.example,b\n", EditAnswer::not_understood},
        {"  - --requestheader-allowed-names=demo.example\n", EditAnswer::not_understood},
        {"  - --requestheader-allowed-names=a,demo.example,demo.example\n", EditAnswer::not_understood},
        {"  - --requestheader-allowed-names=a\n  - --requestheader-allowed-names=b,demo.example\n",
         EditAnswer::not_understood},
        {"  - '--requestheader-allowed-names=a,\"demo.example\"'\n", EditAnswer::not_understood},
        {"  - [a\n", EditAnswer::not_understood},
    };
    for (const auto& row : rows) {
        const auto result = take_back(row.arguments);
        EXPECT_EQ(name(result.answer), name(row.answer)) << row.arguments << result.reason;
        if (row.answer != EditAnswer::changed) continue;
        std::string without = file_with(row.arguments);
        without.erase(without.find(",demo.example"), std::string_view(",demo.example").size());
        EXPECT_EQ(result.bytes, without);
    }
}

TEST(EditArguments, DoesNotTakeAVariableForAListWithoutTheName) {
    const probes::SourceFile file{.path = "/etc/systemd/system/kube-apiserver.service",
                                  .bytes =
                                      "[Service]\nExecStart=/bin/kube-apiserver "
                                      "--requestheader-allowed-names=%H\n"};
    const auto result = take_back_arguments(*probes::find_platform("systemd"), {&file, 1}, adding("demo.example"), "");
    EXPECT_EQ(name(result.answer), "not-understood") << result.reason;
}

struct RefusedFile {
    std::string what, bytes;
};

class EditBpmRefuses : public testing::TestWithParam<RefusedFile> {};

TEST_P(EditBpmRefuses, WhatCouldMeanSomethingElseToBpm) {
    const auto result = edit_bpm(GetParam().bytes, adding("demo.example"));
    EXPECT_EQ(name(result.answer), "not-understood") << GetParam().bytes;
    EXPECT_EQ(result.reason.find("secret"), std::string::npos) << result.reason;
}

INSTANTIATE_TEST_SUITE_P(
    Files, EditBpmRefuses,
    testing::Values(
        RefusedFile{"Empty", ""}, RefusedFile{"OnlyAComment", "# x\n"}, RefusedFile{"NoMap", "- a\n"},
        RefusedFile{"Scalar", "a"}, RefusedFile{"NoProcesses", "process: []\n"},
        RefusedFile{"ProcessesIsAMap", "processes: {name: kube-apiserver}\n"},
        RefusedFile{"ProcessIsText", "processes: [kube-apiserver]\n"},
        RefusedFile{"OtherProcess", "processes:\n- name: other\n  executable: /x\n  args:\n" + flag_line},
        RefusedFile{"ProcessTwice", file_with(flag_line) + "- name: kube-apiserver\n  executable: /x\n"},
        RefusedFile{"NoExecutable", "processes:\n- name: kube-apiserver\n  args:\n" + flag_line},
        RefusedFile{"ArgsIsText",
                    "processes:\n- {name: kube-apiserver, executable: /x, args: --requestheader-allowed-names=a}\n"},
        RefusedFile{"ArgumentIsAMap", file_with(flag_line + "  - --x: secret\n")},
        RefusedFile{"ArgumentIsAList", file_with(flag_line + "  - [--x]\n")},
        RefusedFile{"Alias", file_with("  - &x --requestheader-allowed-names=a\n  - *x\n")},
        RefusedFile{"UnknownAlias", file_with(flag_line + "  - *secret\n")},
        RefusedFile{"Anchor", file_with("  - &secret --requestheader-allowed-names=a\n")},
        RefusedFile{"AnchorElsewhere", file_with(flag_line) + "x: &secret\n"},
        RefusedFile{"AnchorOnTheList",
                    "processes:\n- name: kube-apiserver\n  executable: /x\n  args: &x\n" + flag_line},
        RefusedFile{"Tag", file_with("  - !!str --requestheader-allowed-names=a\n")},
        RefusedFile{"NonSpecificTag", file_with("  - ! --requestheader-allowed-names=a\n")},
        RefusedFile{"TagOnTheList",
                    "processes:\n- name: kube-apiserver\n  executable: /x\n  args: !secret\n" + flag_line},
        RefusedFile{"Literal", file_with("  - |-\n    --requestheader-allowed-names=a\n")},
        RefusedFile{"Folded", file_with("  - >-\n    --requestheader-allowed-names=a\n")},
        RefusedFile{"QuotedOverTwoLines", file_with("  - \"--requestheader-allowed-names=a\\\n    b\"\n")},
        RefusedFile{"TextWithoutColonInAMap", file_with(flag_line) + "  secret\n"},
        RefusedFile{"ColonWithoutSpace", "processes: [{name: kube-apiserver, executable: /x, args: [a], env: {A:}}]"},
        RefusedFile{"EmptyEntryInBrackets", "processes: [{name: kube-apiserver, executable: /x, args: [a,, b]}]"},
        RefusedFile{"ColonFirst", "processes: [{name: kube-apiserver, executable: /x, args: [:\"a\", b]}]"},
        RefusedFile{"TabInTheIndentation", file_with("  -\t--requestheader-allowed-names=a\n")},
        RefusedFile{"Directive", "%YAML 1.1\n---\n" + file_with(flag_line)},
        RefusedFile{"OtherProcessHasNoName", file_with(flag_line) + "- executable: /x\n"},
        RefusedFile{"MergeKey", file_with(flag_line) + "  <<: {env: {}}\n"},
        RefusedFile{"KeyTwice", file_with(flag_line) + "  args: []\n"},
        RefusedFile{"KeyTwiceQuoted", file_with(flag_line) + "  \"args\": []\n"},
        RefusedFile{"KeyTwiceElsewhere", file_with(flag_line) + "  env:\n    A: 1\n    A: secret\n"},
        RefusedFile{"KeyIsAList", file_with(flag_line) + "  ? [a]\n  : b\n"},
        RefusedFile{"NoKey", file_with(flag_line) + "  : b\n"},
        RefusedFile{"TwoDocuments", file_with(flag_line) + "---\n" + file_with(flag_line)},
        RefusedFile{"EmptySecondDocument", file_with(flag_line) + "---\n"},
        RefusedFile{"CarriageReturnOnly", "processes:\r- name: kube-apiserver\r"},
        RefusedFile{"CarriageReturnInside", file_with("  - --a=\r\r\n" + flag_line)},
        RefusedFile{"Nul", file_with(flag_line) + std::string("#\0\n", 3)},
        RefusedFile{"Escape", file_with(flag_line) + "#\x1B[2J\n"},
        RefusedFile{"NextLine", file_with("  # \xC2\x85\n" + flag_line)},
        RefusedFile{"LineSeparator", file_with("  # \xE2\x80\xA8  - --b\n" + flag_line)},
        RefusedFile{"Latin1", file_with("  # \xE4\n" + flag_line)},
        RefusedFile{"Overlong", file_with("  # \xC0\xAF\n" + flag_line)},
        RefusedFile{"Surrogate", file_with("  # \xED\xA0\x80\n" + flag_line)},
        RefusedFile{"Utf16", std::string("\xFF\xFE"
                                         "a\0",
                                         4)},
        RefusedFile{"Utf16WithoutMark", std::string("p\0r\0", 4)},
        RefusedFile{"SecondByteOrderMark", "\xEF\xBB\xBF\xEF\xBB\xBF" + file_with(flag_line)},
        RefusedFile{"TooLarge", file_with(flag_line) + "#" + std::string(std::size_t{1} << 20, 'x')},
        RefusedFile{"Deep", file_with(flag_line) + "x: " + std::string(100'000, '[')},
        RefusedFile{"QuoteLeftOpen", file_with("  - \"--requestheader-allowed-names=secret\n")},
        RefusedFile{"BadEscape", file_with("  - \"--requestheader-allowed-names=a\\secret\"\n")}),
    [](const auto& param) { return param.param.what; });

}  // namespace
}  // namespace aggmedic::remediate
