#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "tests/fuzz/edit_claims.hpp"
#include "tests/fuzz/source_files.hpp"

namespace aggmedic::remediate {
namespace {

using probes::SourceFile;

// Stands in a generated text where the name has to come.
constexpr char mark = '\x01';

class Writer {
  public:
    explicit Writer(std::uint32_t seed) : random_(seed) {}
    virtual ~Writer() = default;
    virtual std::string write() = 0;

  protected:
    std::size_t number(std::size_t limit) { return std::uniform_int_distribution<std::size_t>(0, limit - 1)(random_); }
    std::string pick(const std::vector<std::string>& choices) { return choices[number(choices.size())]; }
    std::string names() {
        return pick({"aggregator", "front-proxy-client,aggregator", "system:auth-proxy", "a.b-c"}) + mark;
    }
    std::string quoted(const std::string& text, const std::vector<std::string>& quotes) {
        const auto quote = pick(quotes);
        return quote + text + quote;
    }

    static constexpr const char* flag = "--requestheader-allowed-names";

  private:
    std::mt19937 random_;
};

class ManifestWriter : public Writer {
  public:
    using Writer::Writer;
    std::string write() override {
        const std::string end = pick({"\n", "\r\n"}), dent = pick({"", "  "});
        std::string text = pick({"", "# made by kubeadm" + end, "---" + end}) + "apiVersion: v1" + end + "kind: Pod" +
                           end + "spec:" + end + "  hostNetwork: true" + end + "  containers:" + end;
        if (number(3) == 0) text += "  - {name: other, command: [x, " + std::string(flag) + "=other]}" + end;
        text += "  - name: " + quoted("kube-apiserver", {"", "'", "\""}) + end + "    command:" + end;
        text += item(dent, quoted(pick({"kube-apiserver", "/usr/local/bin/kube-apiserver"}), {"", "\""}), end);
        if (number(2) == 0) text += "    args: # all of them" + end;
        const std::size_t flag_at = number(5);
        for (std::size_t at = 0; at < 5; ++at) {
            if (at == flag_at) text += flag_items(dent, end);
            text += item(dent,
                         pick({"--v=2", "\"--b=\"", "'--it''s'", "\"\\u00e4\\\"\"", "--h=$(POD_IP)", "--c=a,b",
                               ">-" + end + "          --f=1," + end + "          2"}),
                         end);
        }
        text += "    image: x" + pick({"", end, end + "status: {}" + end});
        return text;
    }

  private:
    std::string item(const std::string& dent, const std::string& text, const std::string& end) {
        return "    " + dent + "- " + text + (text.starts_with('>') ? "" : pick({"", "", " ", " # --c"})) + end +
               pick({"", "", end, "  # between" + end});
    }
    std::string flag_items(const std::string& dent, const std::string& end) {
        const std::vector<std::string> quotes{"", "'", "\""};
        if (number(2) == 0) return item(dent, quoted(flag + ("=" + names()), quotes), end);
        return item(dent, quoted(flag, quotes), end) + item(dent, quoted(names(), quotes), end);
    }
};

class UnitWriter : public Writer {
  public:
    using Writer::Writer;
    std::string write() override {
        end_ = pick({"\n", "\r\n"});
        std::string command = "ExecStart" + pick({"=", " = "}) + pick({"", "-", "+"}) + "/bin/kube-apiserver";
        const std::size_t flag_at = number(5);
        for (std::size_t at = 0; at < 5; ++at) {
            if (at == flag_at) command += flag_words();
            command += gap() + pick({"--v=2", "\"--b= c\"", "'--d=\"e\"'", "--f=\"g h\"", "--i=100%%", "--j=%H",
                                     "$OTHER", "--k=${OTHER}", "--l=$$x", "--m=\\s"});
        }
        std::string unit =
            pick({"", "# a unit" + end_}) + "[Unit]" + end_ + "Description=x" + end_ + "[Service]" + end_;
        unit += "Environment=" + quoted("OTHER=o p", {"\"", "'"}) + own_ + end_ + command + end_ +
                pick({"", "Restart=always" + end_, end_ + "[Install]" + end_ + "WantedBy=x" + end_});
        std::string text = "#### /lib/systemd/system/kube-apiserver.service\n";
        if (number(3) == 0) {  // everything else stands in a drop-in that starts afresh
            text += "[Service]\nExecStart=/bin/kube-apiserver " + std::string(flag) + "=dead\n";
            text += "#### /etc/systemd/system/kube-apiserver.service.d/1.conf\n";
            unit.replace(unit.find("ExecStart"), 0, "ExecStart=" + end_);
        }
        text += unit + (unit.ends_with('\n') ? "" : "\n");
        return text + file_;
    }

  private:
    std::string gap() { return pick({" ", "  ", " \\" + end_ + "  ", "\t"}); }
    std::string flag_words() {
        switch (number(5)) {
            case 0:
                return gap() + quoted(flag + ("=" + names()), {"", "\"", "'"});
            case 1:
                return gap() + flag + gap() + quoted(names(), {"", "\"", "'"});
            case 2:
                own_ = " " + quoted("NAMES=" + names(), {"", "\"", "'"});
                return gap() + flag + "=${NAMES}";
            case 3:
                write_file("NAMES=" + quoted(names(), {"", "\"", "'"}));
                return gap() + flag + pick({"=${NAMES}", " $NAMES"});
            default:
                write_file("ARGS=" + quoted("--n=1 " + pick({"", "\\\n"}) + flag + "=" + names() + " --o=2", {"\""}));
                return gap() + "$ARGS";
        }
    }
    void write_file(const std::string& line) {
        own_ = end_ + "EnvironmentFile=" + pick({"", "-"}) + "/etc/default/kube-apiserver";
        file_ = "#### /etc/default/kube-apiserver\n" + pick({"", "# x\n", "A=b\n\n"}) + line + pick({"", "\n", "  \n"});
    }

    std::string end_, own_, file_;
};

template <class Kind>
void expect_one_token(const std::string& platform, std::uint32_t seeds) {
    for (std::uint32_t seed = 0; seed < seeds; ++seed) {
        const std::string marked = Kind(seed).write();
        const auto expected = fuzz::split_source_files(marked, probes::find_platform(platform)->main_file);
        auto files = expected;
        std::size_t at = 0, holder = 0;
        for (std::size_t file = 0; file < files.size(); ++file) {
            const std::size_t found = files[file].bytes.find(mark);
            if (found == std::string::npos) continue;
            at = found;
            holder = file;
            files[file].bytes.erase(found, 1);
        }
        ArgumentEdit wish;
        wish.add_name = "demo.example";
        const auto result = edit_arguments(*probes::find_platform(platform), files, wish);
        ASSERT_EQ(name(result.answer), "changed") << "seed " << seed << ": " << result.reason << "\n" << marked;
        std::string wanted = files[holder].bytes;
        wanted.insert(at, ",demo.example");
        ASSERT_EQ(result.file, holder) << "seed " << seed;
        ASSERT_EQ(result.bytes, wanted) << "seed " << seed;
        ASSERT_EQ(fuzz::broken_edit_claim(platform, files), "") << "seed " << seed << "\n" << marked;
    }
}

TEST(EditKubeadm, ChangesExactlyOneTokenOfAnyManifest) {
    expect_one_token<ManifestWriter>("kubeadm", 300);
}

TEST(EditSystemd, ChangesExactlyOneTokenOfAnyUnit) {
    expect_one_token<UnitWriter>("systemd", 400);
}

// Files that were cut or damaged on the way.
template <class Kind>
void expect_claims_of_damaged(const std::string& platform, std::size_t step) {
    for (std::uint32_t seed = 0; seed < 6; ++seed) {
        std::string whole = Kind(seed).write();
        std::erase(whole, mark);
        for (std::size_t at = 0; at < whole.size(); at += step) {
            auto flipped = whole;
            flipped[at] = static_cast<char>(flipped[at] ^ (1 << (at % 7)));
            for (const auto& damaged : {whole.substr(0, at), flipped}) {
                const auto files = fuzz::split_source_files(damaged, probes::find_platform(platform)->main_file);
                ASSERT_EQ(fuzz::broken_edit_claim(platform, files), "") << "seed " << seed << " at " << at;
            }
        }
    }
}

TEST(EditKubeadm, KeepsItsClaimsForCutsAndFlippedBits) {
    expect_claims_of_damaged<ManifestWriter>("kubeadm", 7);
}

TEST(EditSystemd, KeepsItsClaimsForCutsAndFlippedBits) {
    expect_claims_of_damaged<UnitWriter>("systemd", 3);
}

}  // namespace
}  // namespace aggmedic::remediate
