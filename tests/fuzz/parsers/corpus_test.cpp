#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "tests/fuzz/parsers/claims.hpp"

// The corpora of the fuzz targets, replayed: what a fuzzer once found stays mended.
namespace aggmedic::fuzz {

void PrintTo(const Target& target, std::ostream* out) {
    *out << target.name;
}

namespace {

class Corpus : public testing::TestWithParam<Target> {};

std::string bytes_of(const std::filesystem::path& file) {
    std::ifstream in(file, std::ios::binary);
    std::ostringstream bytes;
    bytes << in.rdbuf();
    return bytes.str();
}

TEST_P(Corpus, BreaksNoClaim) {
    const auto& target = GetParam();
    std::vector<std::filesystem::path> folders{std::filesystem::path(AGGMEDIC_FUZZ_CORPUS) / target.name};
    if (!target.corpus.empty()) folders.push_back(std::filesystem::path(AGGMEDIC_FIXTURES) / target.corpus);
    int files = 0;
    for (const auto& folder : folders) {
        if (!std::filesystem::exists(folder)) continue;
        for (const auto& entry : std::filesystem::directory_iterator(folder)) {
            const auto bytes = bytes_of(entry.path());
            EXPECT_EQ(target.broken_claim(bytes), "") << entry.path();
            // Cut anywhere, as a connection or a disk may cut it.
            const auto pause = std::max<std::size_t>(1, bytes.size() / 64);
            for (std::size_t size = 0; size < bytes.size(); size += pause)
                EXPECT_EQ(target.broken_claim(std::string_view(bytes).substr(0, size)), "")
                    << entry.path() << " cut after " << size << " bytes";
            ++files;
        }
    }
    EXPECT_GT(files, 0) << "there is no corpus";
}
INSTANTIATE_TEST_SUITE_P(Targets, Corpus, testing::ValuesIn(targets().begin(), targets().end()),
                         [](const auto& each) { return std::string(each.param.name); });

}  // namespace
}  // namespace aggmedic::fuzz
