#include "bosh/pre_start.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string>

#include "net/text.hpp"
#include "remediate/edit.hpp"

namespace aggmedic::bosh {
namespace {

namespace fs = std::filesystem;

std::string read_file(const fs::path& path) {
    std::ifstream stream(path, std::ios::binary);
    std::ostringstream bytes;
    bytes << stream.rdbuf();
    return bytes.str();
}

void write_file(const fs::path& path, std::string_view bytes) {
    std::ofstream(path, std::ios::binary) << bytes;
}

// A directory with a bpm.yml and the script for it, run by a real shell.
class PreStartScript : public testing::TestWithParam<const char*> {
  protected:
    void SetUp() override {
        auto pattern = (fs::temp_directory_path() / "aggmedic-pre-start-XXXXXX").string();
        ASSERT_NE(mkdtemp(pattern.data()), nullptr);
        directory_ = pattern;
        file_ = directory_ / "bpm.yml";
    }
    void TearDown() override { fs::remove_all(directory_); }

    void give(std::string_view bytes) {
        fs::remove(file_);
        write_file(file_, bytes);
        fs::permissions(file_, fs::perms(0640));
    }

    // What the script says last; it must not have failed.
    std::string run(const std::string& name) {
        write_file(directory_ / "script", render_pre_start_script(name, file_.string()).value());
        const auto command = fmt::format("{} {} 2>{}", GetParam(), shell_quote((directory_ / "script").string()),
                                         shell_quote((directory_ / "errors").string()));
        FILE* pipe = popen(command.c_str(), "r");
        std::string output;
        std::array<char, 4096> buffer{};
        while (const auto size = std::fread(buffer.data(), 1, buffer.size(), pipe)) output.append(buffer.data(), size);
        EXPECT_EQ(pclose(pipe), 0) << output;
        errors_ = read_file(directory_ / "errors");
        if (output.ends_with('\n')) output.pop_back();
        return output.substr(output.rfind('\n') + 1);
    }

    fs::path directory_, file_;
    std::string errors_;
};

INSTANTIATE_TEST_SUITE_P(Shells, PreStartScript, testing::Values("bash", "dash"),
                         [](const auto& param) { return param.param; });

// Where the script is more careful than the editor: forms that no template of kubo-release has, and what the editor
// learns from the live process only.
const std::map<std::string, std::string> more_careful{
    {"edge-flow-style-args", "not understood"},
    {"edge-plain-crlf", "not understood"},
    {"edge-truncated", "not understood"},
    {"edge-two-element-flag", "not understood"},
};

std::string expected_answer(const std::string& stem, remediate::EditAnswer answer) {
    if (more_careful.contains(stem)) return more_careful.at(stem);
    if (answer == remediate::EditAnswer::changed) return "changed";
    if (answer == remediate::EditAnswer::already_right) return "already right";
    return answer == remediate::EditAnswer::not_found ? "not found" : "not understood";
}

TEST_P(PreStartScript, AnswersForEveryFixtureAndPatchesAsTheEditorDoes) {
    const std::map<std::string, std::string> names{{"quoted-v0.44.0-cfcr-after-ops-file", "master.cfcr.internal"},
                                                   {"edge-plain-already-patched", "demo.pks.example.com"}};
    std::size_t changed = 0;
    for (const auto& fixture : fs::directory_iterator(fs::path(AGGMEDIC_FIXTURES) / "bpm")) {
        if (fixture.path().extension() != ".yml") continue;
        const auto stem = fixture.path().stem().string();
        SCOPED_TRACE(stem);
        const auto name = names.contains(stem) ? names.at(stem) : "demo.pks.ik.am";
        const auto bytes = read_file(fixture.path());
        remediate::ArgumentEdit edit;
        edit.add_name = name;
        const probes::SourceFile file{.path = {}, .bytes = bytes};
        const auto edited = remediate::edit_arguments(*probes::find_platform("bosh"), {&file, 1}, edit);
        const auto expected = expected_answer(stem, edited.answer);

        give(bytes);
        EXPECT_TRUE(run(name).starts_with(expected)) << errors_;
        EXPECT_EQ(read_file(file_), expected == "changed" ? edited.bytes : bytes);
        EXPECT_EQ(errors_.empty(), expected == "changed" || expected == "already right") << errors_;
        const auto after_first = read_file(file_);
        EXPECT_TRUE(run(name).starts_with(expected == "changed" ? "already right" : expected));
        EXPECT_EQ(read_file(file_), after_first);
        changed += expected == "changed" ? 1 : 0;
    }
    EXPECT_EQ(changed, 23U);
}

TEST_P(PreStartScript, KeepsOwnerAndModeAndLeavesNothingBehind) {
    give(read_file(fs::path(AGGMEDIC_FIXTURES) / "bpm/quoted-v0.44.0-cfcr.yml"));
    const bool root = geteuid() == 0;
    if (root) ASSERT_EQ(chown(file_.c_str(), 0, 1000), 0);
    write_file(directory_ / ".bpm.yml.aggmedic", "left by a run that was killed");
    EXPECT_TRUE(run("demo.pks.ik.am").starts_with("changed"));
    struct stat status{};
    ASSERT_EQ(stat(file_.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 07777U, 0640U);
    if (root) EXPECT_EQ(status.st_gid, 1000U);
    EXPECT_FALSE(fs::exists(directory_ / ".bpm.yml.aggmedic"));
}

TEST_P(PreStartScript, ChangesNothingThatItDoesNotUnderstand) {
    const std::string head = "processes:\n- name: kube-apiserver\n  executable: /x\n  args:\n", tail = "  env:\n";
    const std::string flag = "  - --requestheader-allowed-names=a\n";
    for (const auto& bytes : {head + flag,
                              head + flag + "  - --a: b\n" + tail,
                              head + flag + "    b\n" + tail,
                              head + flag + "---\n" + tail,
                              head + flag + "  - &x b\n" + tail,
                              head + flag + "  - \"a\"b\"\n" + tail,
                              head + flag + "  - |\n" + tail,
                              head + flag + "  args:\n" + tail,
                              head + flag + tail + "    A: 1\n    A: 2\n",
                              head + flag + flag + tail,
                              head + "  - --requestheader_allowed_names=a\n" + tail,
                              head + "  - --requestheader-allowed-names=a,\n" + tail,
                              head + "  - --requestheader-allowed-names=a,a\n" + tail,
                              head + "  - --requestheader-allowed-names=a b\n" + tail,
                              head + "  - --requestheader-allowed-names=a\t\n" + tail,
                              head + "  - --requestheader-allowed-names=\xC3\xA4\n" + tail,
                              head + flag + tail + "- name: kube-apiserver\n  executable: /x\n",
                              head + flag + tail + "  <<: x\n",
                              head + flag + tail + std::string("\0", 1),
                              std::string(),
                              std::string("processes: []\n")}) {
        give(bytes);
        EXPECT_TRUE(run("demo.pks.ik.am").starts_with("not understood")) << bytes;
        EXPECT_EQ(read_file(file_), bytes);
        EXPECT_FALSE(errors_.empty());
    }
}

TEST_P(PreStartScript, LeavesAMissingFileAndALinkAlone) {
    EXPECT_TRUE(run("demo.pks.ik.am").starts_with("not understood"));
    const auto bytes = read_file(fs::path(AGGMEDIC_FIXTURES) / "bpm/quoted-v0.44.0-cfcr.yml");
    write_file(directory_ / "elsewhere", bytes);
    fs::create_symlink(directory_ / "elsewhere", file_);
    EXPECT_TRUE(run("demo.pks.ik.am").starts_with("not understood"));
    EXPECT_EQ(read_file(directory_ / "elsewhere"), bytes);
}

}  // namespace
}  // namespace aggmedic::bosh
