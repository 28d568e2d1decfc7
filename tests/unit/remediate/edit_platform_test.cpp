#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "tests/fuzz/edit_claims.hpp"
#include "tests/fuzz/source_files.hpp"
#include "tests/unit/remediate/bpm_files.hpp"

namespace aggmedic::remediate {
namespace {

using probes::SourceFile;

// What an editor answers for one fixture. Where it changes something: the list as it stands in the file, by eye.
// Otherwise: what the reason has to say.
struct PlatformCase {
    EditAnswer answer = EditAnswer::changed;
    std::string text;
};
using Cases = std::map<std::string, PlatformCase>;

Cases kubeadm_cases() {
    using enum EditAnswer;
    const PlatformCase usual{changed, "-names=front-proxy-client"};
    return {
        {"kubeadm-1.18", usual},
        {"kubeadm-1.24", usual},
        {"kubeadm-1.30", usual},
        {"kubeadm-1.36", usual},
        {"kubespray-2.25", usual},
        {"crlf", usual},
        {"no-final-newline", usual},
        {"commented", usual},
        {"args-list", usual},
        {"two-containers", usual},
        {"folded-elsewhere", usual},
        {"pod-variable-elsewhere", {changed, "-names=a"}},
        {"quoted", {changed, "-names=aggregator,old"}},
        {"flow-quoted", {changed, "-names=aggregator"}},
        {"hyperkube-1.14", {changed, "-names=aggregator"}},
        {"two-item-flags", {changed, "- aggregator"}},
        {"flow-plain", {changed, ""}},  // quotes are added: FlowStyle below
        {"folded", {not_understood, "kube-apiserver.yaml:31:7: The argument is written over several lines"}},
        {"refused-flag-twice", {refused_flag_twice, "kube-apiserver.yaml:43:7: --requestheader-allowed-names is"}},
        {"refused-anchor", {not_understood, "kube-apiserver.yaml: not understood: an anchor in line"}},
        {"refused-alias", {not_understood, "an anchor in line"}},
        {"refused-two-documents", {not_understood, "several documents"}},
        {"refused-tab", {not_understood, "a tab in the indentation in line 36, column 1"}},
        {"refused-template", {not_understood, "kube-apiserver.yaml:31:37: not understood: a template"}},
        {"refused-shell", {not_understood, "start it without a wrapper"}},
        {"refused-no-command", {not_understood, "start it without a wrapper"}},
        {"refused-pod-variable", {refused_place, "kube-apiserver.yaml:31:7: The list cannot be changed: the kubelet"}},
    };
}

Cases systemd_cases() {
    using enum EditAnswer;
    const PlatformCase usual{changed, "-names=aggregator"};
    const std::string unit = "/etc/systemd/system/kube-apiserver.service";
    return {
        {"the-hard-way", usual},
        {"the-hard-way-crlf", usual},
        {"no-final-newline", usual},
        {"kubeasz-named", usual},
        {"kubeasz-empty-list", {refused_empty_list, unit + ":20:3: --requestheader-allowed-names is empty"}},
        {"environment-file-continued", {changed, "-names=kubernetes"}},
        {"contrib-rpm", usual},
        {"contrib-rpm-single-quotes", usual},
        {"environment-file-unquoted", {changed, "-names=\"aggregator"}},
        {"drop-in", {changed, "-names=front-proxy-client,b"}},
        {"drop-in-environment", {changed, "\"NAMES=aggregator"}},
        {"quoted-value", {changed, "-names=\"aggregator"}},
        {"two-word-flag", {changed, "-names aggregator"}},
        {"specifier-elsewhere", usual},
        {"prefix", usual},
        {"hyperkube", usual},
        {"refused-flag-twice", {refused_flag_twice, unit + ":24:3: "}},
        {"refused-flag-twice-over-files", {refused_flag_twice, "/etc/kubernetes/apiserver:6:56: "}},
        {"refused-specifier", {refused_place, unit + ":17:3: The list cannot be changed: systemd puts something in"}},
        {"refused-specifier-flag", {refused_place, "Another argument is put in at the start"}},
        {"refused-escape", {refused_not_a_list, unit + ":17:40: "}},
        {"refused-escape-in-environment",
         {refused_place, "/etc/kubernetes/apiserver:1:14: The list cannot be changed: it is written with an escape"}},
        {"refused-numeric-escape", {not_understood, unit + ":17:38: not understood: a backslash"}},
        {"refused-variable-used-twice", {refused_place, "the variable KUBE_API_ARGS is used in more than one place"}},
        {"refused-variable-set-twice", {refused_place, "the variable KUBE_API_ARGS is set more than once"}},
        {"refused-pieces", {refused_place, "The list is put together from several places"}},
        {"refused-second-exec-start", {not_understood, "10-names.conf:2:1: not understood: a second ExecStart="}},
        {"refused-lost-backslash", {not_understood, unit + ":14:3: not understood: no setting"}},
        {"refused-comment-in-the-middle", {not_understood, unit + ":13:1: not understood: a comment"}},
        {"refused-shell", {not_understood, unit + ":2:1: not understood: it does not start kube-apiserver itself"}},
        {"refused-docker", {not_understood, "start it without a wrapper"}},
        {"refused-missing-environment-file", {not_understood, unit + ":2:1: not understood: the environment file"}},
        {"refused-open-quote", {not_understood, unit + ":17:33: not understood: a quote that is not closed"}},
        {"refused-no-unit", {not_understood, "needs the unit"}},
    };
}

std::filesystem::path folder_of(const std::string& platform) {
    return std::filesystem::path(AGGMEDIC_FIXTURES) / platform;
}
std::vector<SourceFile> fixture(const std::string& platform, const std::filesystem::path& path) {
    return fuzz::split_source_files(read_file(path), probes::find_platform(platform)->main_file);
}
EditResult edit(const std::string& platform, const std::vector<SourceFile>& files) {
    ArgumentEdit wish;
    wish.add_name = "demo.example";
    return edit_arguments(*probes::find_platform(platform), files, wish);
}

// The new file by another way: the name behind the first place where the list stands.
std::string with_name_behind(std::string bytes, const std::string& list) {
    const std::size_t at = bytes.find(list);
    EXPECT_NE(at, std::string::npos);
    return bytes.insert(at + list.size(), ",demo.example");
}

void expect_answers(const std::string& platform, const Cases& cases) {
    std::size_t count = 0;
    for (const auto& entry : std::filesystem::directory_iterator(folder_of(platform))) {
        SCOPED_TRACE(entry.path().stem());
        ASSERT_TRUE(cases.contains(entry.path().stem()));
        ++count;
        const auto& expected = cases.at(entry.path().stem());
        const auto files = fixture(platform, entry.path());
        const auto result = edit(platform, files);
        EXPECT_EQ(name(result.answer), name(expected.answer)) << result.reason;
        EXPECT_EQ(fuzz::broken_edit_claim(platform, files), "");
        if (expected.answer != EditAnswer::changed) {
            EXPECT_NE(result.reason.find(expected.text), std::string::npos) << result.reason;
            EXPECT_TRUE(result.bytes.empty() && result.diff.empty());
        } else if (!expected.text.empty()) {
            ASSERT_LT(result.file, files.size());
            EXPECT_EQ(result.bytes, with_name_behind(files[result.file].bytes, expected.text));
        }
    }
    EXPECT_EQ(count, cases.size());
}

TEST(EditKubeadm, AnswersForEveryFixture) {
    expect_answers("kubeadm", kubeadm_cases());
}

TEST(EditSystemd, AnswersForEveryFixture) {
    expect_answers("systemd", systemd_cases());
}

TEST(EditKubeadm, QuotesAPlainItemOfAFlowSequence) {
    const auto files = fixture("kubeadm", folder_of("kubeadm") / "flow-plain.yaml");
    const auto result = edit("kubeadm", files);
    EXPECT_TRUE(result.bytes.ends_with("--v=2, \"--requestheader-allowed-names=aggregator,demo.example\"]\n"))
        << result.bytes;
}

TEST(EditKubeadm, ShowsTheOneLine) {
    const auto result = edit("kubeadm", fixture("kubeadm", folder_of("kubeadm") / "commented.yaml"));
    EXPECT_EQ(result.line, 32U);
    EXPECT_EQ(result.diff,
              "@@ -32 +32 @@\n"
              "-    - --requestheader-allowed-names=front-proxy-client   # KB-1234\n"
              "+    - --requestheader-allowed-names=front-proxy-client,demo.example   # KB-1234\n"
              "# before it: --proxy-client-key-file\n"
              "# after it: --requestheader-client-ca-file\n");
}

TEST(EditSystemd, ChangesTheOneFileThatHoldsTheList) {
    const auto files = fixture("systemd", folder_of("systemd") / "contrib-rpm.files");
    const auto result = edit("systemd", files);
    ASSERT_EQ(result.answer, EditAnswer::changed) << result.reason;
    EXPECT_EQ(files[result.file].path, "/etc/kubernetes/apiserver");
    EXPECT_EQ(result.argument_before, "--requestheader-allowed-names=aggregator");
    // The rest of the line may hold secrets.
    EXPECT_EQ(result.diff,
              "@@ -6 +6 @@\n"
              "-\xE2\x80\xA6--requestheader-allowed-names=aggregator\xE2\x80\xA6\n"
              "+\xE2\x80\xA6--requestheader-allowed-names=aggregator,demo.example\xE2\x80\xA6\n"
              "# before it: --client-ca-file\n"
              "# after it: --secure-port\n");
}

TEST(EditSystemd, ShowsAContinuedLineWhole) {
    const auto result = edit("systemd", fixture("systemd", folder_of("systemd") / "the-hard-way.files"));
    EXPECT_EQ(result.diff,
              "@@ -17 +17 @@\n"
              "-  --requestheader-allowed-names=aggregator \\\n"
              "+  --requestheader-allowed-names=aggregator,demo.example \\\n"
              "# before it: --requestheader-client-ca-file\n"
              "# after it: --proxy-client-cert-file\n");
}

TEST(EditArguments, RefusesAProcessThatWasNotStartedFromTheFiles) {
    const auto files = fixture("systemd", folder_of("systemd") / "the-hard-way.files");
    ArgumentEdit wish;
    wish.add_name = "demo.example";
    wish.live_argument_count = 17;
    const auto& systemd = *probes::find_platform("systemd");
    EXPECT_EQ(edit_arguments(systemd, files, wish).answer, EditAnswer::refused_argument_count);
    wish.live_argument_count = 18;
    EXPECT_EQ(edit_arguments(systemd, files, wish).answer, EditAnswer::changed);
}

TEST(Platforms, AreThoseOfTheConfiguration) {
    std::vector<std::string_view> names;
    for (const auto& platform : probes::platforms()) names.push_back(platform.name);
    EXPECT_EQ(names, (std::vector<std::string_view>{"bosh", "kubeadm", "systemd"}));
    EXPECT_EQ(probes::find_platform("k3s"), nullptr);
}

// --- reading

std::vector<std::string> values(const std::string& platform, const std::string& text) {
    const auto files = fuzz::split_source_files(text, probes::find_platform(platform)->main_file);
    const auto line = probes::find_platform(platform)->read(files);
    if (!line) return {line.error().detail};
    std::vector<std::string> found;
    for (const auto& word : line->words) found.push_back(word.value.value_or("(none)") + (word.certain ? "" : "?"));
    return found;
}
std::string started_by(const std::string& command, const std::string& more = "") {
    return "[Service]\n" + more + "ExecStart=/bin/kube-apiserver " + command + "\n";
}
using Texts = std::vector<std::string>;

TEST(ReadSystemd, SplitsAndUnquotesAsSystemdDoes) {
    EXPECT_EQ(values("systemd", started_by("--a=b  \"--c=d e\" '--f=\"g\"' --h=\"i j\"k")),
              (Texts{"--a=b", "--c=d e", "--f=\"g\"", "--h=i jk"}));
    EXPECT_EQ(values("systemd", started_by("--a\\x --b")).size(), 1U);
    EXPECT_EQ(values("systemd", started_by(R"(--a=\s\t\"\\ "")")), (Texts{"--a= \t\"\\", ""}));
    EXPECT_EQ(values("systemd", started_by("--a=100%% --b=%H")), (Texts{"--a=100%", "--b=%H?"}));
    EXPECT_EQ(values("systemd", started_by("--a \\\n  --b \\\n\n--c=d")).size(), 1U);  // `--c=d` stands by itself
    EXPECT_EQ(values("systemd", started_by("--a \\\\")), (Texts{"--a", "\\"}));
}

TEST(ReadSystemd, ReplacesVariablesAsSystemdDoes) {
    const std::string set = "Environment=\"ONE=a b\" 'TWO=--x=\"c d\" --y' EMPTY=\n";
    EXPECT_EQ(values("systemd", started_by("$ONE ${ONE} --z=${ONE} p$ONE $$ONE", set)),
              (Texts{"a", "b", "a b", "--z=a b", "p$ONE", "$ONE"}));
    EXPECT_EQ(values("systemd", started_by("$TWO $EMPTY ${EMPTY} $UNSET ${UNSET}", set)),
              (Texts{"--x=c d", "--y", "", "?"}));
    EXPECT_EQ(values("systemd", "[Service]\nExecStart=:/bin/kube-apiserver $ONE\nEnvironment=ONE=a\n"),
              (Texts{"$ONE"}));
}

TEST(ReadSystemd, TakesTheLastValueAndForgetsAtAnEmptyOne) {
    EXPECT_EQ(values("systemd", started_by("$A", "Environment=A=1\nEnvironment=A=2\n")), (Texts{"2"}));
    EXPECT_EQ(values("systemd", started_by("--v $A", "Environment=A=1\nEnvironment=\n")), (Texts{"--v"}));
    const std::string file = "#### /etc/default/kube\nA=3\nA=4\n";
    EXPECT_EQ(values("systemd", "#### /x/kube-apiserver.service\n" +
                                    started_by("$A", "EnvironmentFile=/etc/default/kube\nEnvironment=A=1\n") + file),
              (Texts{"4"}));
}

TEST(ReadSystemd, ReadsEnvironmentFilesAsSystemdDoes) {
    const auto read = [](const std::string& text) {
        return values("systemd", "#### /x/kube-apiserver.service\n" + started_by("${A}", "EnvironmentFile=/e\n") +
                                     "#### /e\n" + text);
    };
    EXPECT_EQ(read("# x\n; y\nA=b c  \n"), (Texts{"b c"}));
    EXPECT_EQ(read(" A = \"b\" 'c' d \n"), (Texts{"bcd"}));
    EXPECT_EQ(read("A=b\\\nc\\ \n"), (Texts{"bc "}));
    EXPECT_EQ(read("A=\"b\\\nc\\\"\"\r\n"), (Texts{"bc\""}));
    EXPECT_EQ(read("A=b\"c\"\nexport A=d\nno assignment\n"), (Texts{"b\"c\""}));
    EXPECT_EQ(read("A='b\nc'"), (Texts{"b\nc"}));
    EXPECT_EQ(read("A='b\\c'"), (Texts{"/e:1:5: not understood: a backslash whose meaning is not certain"}));
    EXPECT_EQ(read("# b\\\nA=c\n"), (Texts{"/e:1:4: not understood: a comment that ends in a backslash"}));
    EXPECT_EQ(read("A=\"b"), (Texts{"/e:1:3: not understood: a quote that is not closed"}));
}

TEST(ReadKubeadm, JoinsCommandAndArgs) {
    EXPECT_EQ(values("kubeadm",
                     "kind: Pod\nspec:\n  containers:\n  - name: kube-apiserver\n    command: [/usr/local/bin/"
                     "kube-apiserver, --a]\n    args:\n    - '--b=''c'''\n    - \"--d=\\x41\"\n    - >-\n      --e=f\n"
                     "      g\n    - --h=$(POD_IP)\n"),
              (Texts{"--a", "--b='c'", "--d=A", "--e=f g", "--h=$(POD_IP)?"}));
}

}  // namespace
}  // namespace aggmedic::remediate
