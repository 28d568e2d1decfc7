#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "probes/finding.hpp"

namespace aggmedic::probes {

namespace {

const std::filesystem::path pages = std::filesystem::path(AGGMEDIC_DOCS) / "causes";

std::string page_of(std::string_view id) {
    std::ifstream in(pages / (std::string(id) + ".md"));
    std::ostringstream text;
    text << in.rdbuf();
    return text.str();
}

// The text below a heading that begins so.
std::string section_of(const std::string& page, const std::string& heading) {
    const auto begin = page.find("## " + heading);
    if (begin == std::string::npos) return {};
    const auto text = page.find('\n', begin);
    return page.substr(text, page.find("\n## ", text) - text);
}

}  // namespace

TEST(Causes, AreNumberedCompletelyAndNamedOnce) {
    std::set<std::string_view> ids, numbers;
    for (const auto& cause : causes()) {
        EXPECT_TRUE(ids.insert(cause.id).second) << cause.id;
        EXPECT_EQ(find_cause(cause.id), &cause);
        EXPECT_TRUE(cause.meaning.ends_with('.')) << cause.id;
        EXPECT_TRUE(cause.remedy.ends_with('.')) << cause.id;
        if (!cause.number.empty()) numbers.insert(cause.number);
    }
    EXPECT_EQ(numbers.size(), 34U);
    EXPECT_EQ(*numbers.begin(), "AGG-01");
    EXPECT_EQ(*numbers.rbegin(), "AGG-34");
    EXPECT_EQ(find_cause("unreachable"), nullptr);
}

TEST(Causes, EachHasItsPageAndThePageSaysWhatTheTableSays) {
    for (const auto& cause : causes()) {
        const auto page = page_of(cause.id);
        ASSERT_FALSE(page.empty()) << "docs/causes/" << cause.id << ".md is missing";
        const auto title =
            "# " + std::string(cause.id) + (cause.number.empty() ? "" : " (" + std::string(cause.number) + ")") + "\n";
        EXPECT_TRUE(page.starts_with(title)) << cause.id;
        EXPECT_NE(page.find(cause.meaning), std::string::npos)
            << cause.id << ": the page does not say the table's meaning";
        EXPECT_NE(page.find("Severity: " + std::string(name(cause.severity))), std::string::npos) << cause.id;
        for (const auto* section :
             {"How it looks", "How aggmedic tells it", "What rules it out", "What to do", "Allow-listing"}) {
            EXPECT_GT(section_of(page, section).size(), 20U) << cause.id << ": " << section;
        }
    }
}

TEST(Causes, EachPageSaysWhetherAllowListingIsRightWrongOrDangerousAndWhy) {
    for (const auto& cause : causes()) {
        const auto text = section_of(page_of(cause.id), "Allow-listing");
        const auto says = [&](const char* word) { return text.find(word) != std::string::npos; };
        EXPECT_TRUE(says("ight") || says("rong") || says("angerous") || says("Not a question")) << cause.id;
    }
}

TEST(Causes, LinksOfPagesLeadToPages) {
    for (const auto& cause : causes()) {
        const auto page = page_of(cause.id);
        for (auto at = page.find("]("); at != std::string::npos; at = page.find("](", at + 1)) {
            const auto target = page.substr(at + 2, page.find(')', at) - at - 2);
            EXPECT_TRUE(std::filesystem::exists(pages / target)) << cause.id << ": " << target;
        }
    }
}

TEST(Causes, EachPageHasItsCause) {
    for (const auto& entry : std::filesystem::directory_iterator(pages)) {
        if (entry.path().stem() == "README") continue;
        EXPECT_NE(find_cause(entry.path().stem().string()), nullptr) << entry.path();
    }
}

}  // namespace aggmedic::probes
