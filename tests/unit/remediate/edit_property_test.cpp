#include "tests/unit/remediate/bpm_files.hpp"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "probes/bpm_file.hpp"
#include "tests/fuzz/edit_claims.hpp"

namespace aggmedic::remediate {
namespace {

// Files of every shape that the dialects know, from a seed: what one generated file holds and where its list stands.
class FileWriter {
  public:
    explicit FileWriter(std::uint32_t seed) : random_(seed) {}

    std::string write() {
        const std::string end = pick({"\n", "\r\n"}), indent = pick({"", "  "}),
                          start = pick({"", "---", "# kube-apiserver"});
        const std::size_t flag_at = number(6);
        text_ = pick({"", "\xEF\xBB\xBF"}) + (start.empty() ? "" : start + end) + "processes:" + end;
        text_ +=
            indent + "- name: " + quote("kube-apiserver") + end + indent + "  executable: /bin/kube-apiserver" + end;
        text_ += indent + "  args:" + pick({"", " ", " # all of them"}) + end;
        for (std::size_t at = 0; at < 6; ++at) {
            if (at == flag_at) write_flag(indent, end);
            text_ += indent + pick({"  - --v=2", "  - ", "  - \"--b=\"", "  - '--it''s'", "  - \"\\u00e4\\\"\"",
                                    "  - \xC3\xA4 # \xC3\xB6"});
            text_ += pick({"", "", "  "}) + end + pick({"", end, "  " + end, "# aggregator" + end});
        }
        text_ += indent + "  env:" + pick({"  ", "", " {A: '1,2'}"});
        text_ += pick({"", end, end + end});
        return text_;
    }

  private:
    std::size_t number(std::size_t limit) { return std::uniform_int_distribution<std::size_t>(0, limit - 1)(random_); }
    std::string pick(const std::vector<std::string>& choices) { return choices[number(choices.size())]; }
    std::string quote(const std::string& value) { return pick({value, '"' + value + '"', '\'' + value + '\''}); }
    void write_flag(const std::string& indent, const std::string& end) {
        const std::string flag = "--requestheader-allowed-names", entry = indent + "  - ";
        const std::string names =
            pick({"aggregator", "aggregator,front-proxy-client", "system:auth-proxy", "b.example.old"});
        text_ += entry;
        text_ += number(2) == 0 ? quote(flag + "=" + names) : quote(flag) + end + entry + quote(names);
        text_ += pick({"", " ", " # by hand"}) + end;
    }

    std::mt19937 random_;
    std::string text_;
};

TEST(EditBpm, ChangesExactlyOneArgumentOfAnyFile) {
    for (std::uint32_t seed = 0; seed < 2000; ++seed) {
        const auto bytes = FileWriter(seed).write();
        const auto result = edit_bpm(bytes, adding("b.example"));
        ASSERT_EQ(result.answer, EditAnswer::changed) << "seed " << seed << ": " << result.reason << "\n" << bytes;
        ASSERT_EQ(result.bytes, with_name_inserted(bytes, "b.example")) << "seed " << seed;
        const auto before = probes::read_bpm(bytes, "kube-apiserver")->passed_by_old_bpm();
        const auto after = probes::read_bpm(result.bytes, "kube-apiserver")->passed_by_old_bpm();
        ASSERT_EQ(before.size(), after.size());
        std::size_t differences = 0;
        for (std::size_t at = 0; at < before.size(); ++at) {
            if (before[at] == after[at]) continue;
            ++differences;
            EXPECT_EQ(before[at], result.argument_before);
            EXPECT_EQ(after[at], before[at] + ",b.example");
        }
        ASSERT_EQ(differences, 1U) << "seed " << seed;
    }
}

std::string_view broken_claim(std::string bytes) {
    const probes::SourceFile file{.path = {}, .bytes = std::move(bytes)};
    return fuzz::broken_edit_claim("bosh", {&file, 1});
}

// What the fuzz target asks, for its corpus and for files that were cut or damaged.
TEST(EditBpm, KeepsItsClaimsForEveryFixture) {
    for (const auto& file : std::filesystem::directory_iterator(fixtures())) {
        EXPECT_EQ(broken_claim(read_file(file.path())), "") << file.path();
    }
}

TEST(EditBpm, KeepsItsClaimsForCutsAndFlippedBits) {
    for (const auto* file : {"edge-plain-comment.yml", "edge-single-quoted.yml", "edge-flow-style-args.yml"}) {
        const auto whole = read_file(fixtures() / file);
        for (std::size_t at = 0; at < whole.size(); at += 5) {
            auto flipped = whole;
            flipped[at] = static_cast<char>(flipped[at] ^ (1 << (at % 7)));
            ASSERT_EQ(broken_claim(whole.substr(0, at)), "") << file << " cut at " << at;
            ASSERT_EQ(broken_claim(flipped), "") << file << " flipped at " << at;
        }
    }
}

}  // namespace
}  // namespace aggmedic::remediate
