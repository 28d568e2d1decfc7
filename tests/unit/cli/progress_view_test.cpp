#include "daemon/cli/progress_view.hpp"

#include <gtest/gtest.h>

#include <sstream>

#include "fixture.hpp"

namespace aggmedic::cli {
namespace {

using std::chrono::seconds;

// Feeds the recorded progress, seven seconds apart; escapes are spelled out so that the golden file can be read.
std::string played(bool redraw) {
    ProgressView view({.width = 60}, redraw, "Ctrl-C detaches, the run goes on");
    std::istringstream lines(read_fixture("progress.jsonl"));
    std::string text;
    ProgressView::Time now{};
    for (std::string line; std::getline(lines, line);) {
        text += view.feed(nlohmann::json::parse(line), now);
        now += seconds(7);
        if (redraw) text += view.tick(now);
    }
    text += view.clear();
    std::string readable;
    for (const char byte : text) {
        if (byte == '\x1b') {
            readable += "ESC";
        } else if (byte == '\r') {
            readable += "CR";
        } else {
            readable += byte;
        }
    }
    return readable;
}

TEST(ProgressView, WritesOneLineForEachStepWithoutATerminal) {
    const auto text = played(false);
    EXPECT_EQ(text, golden("progress-lines.txt", text));
    EXPECT_EQ(text.find("ESC"), std::string::npos);
}

TEST(ProgressView, RedrawsOneLineForEachMasterOnATerminal) {
    const auto text = played(true);
    EXPECT_EQ(text, golden("progress-redrawn.txt", text));
}

TEST(ProgressView, NamesTheRunOnceItIsKnown) {
    ProgressView view({}, false, {});
    view.feed({{"text", "observing"}}, {});
    EXPECT_EQ(view.run(), "");
    view.feed({{"run", "7d8f"}, {"state", "note"}, {"text", "x"}}, {});
    EXPECT_EQ(view.run(), "7d8f");
}

TEST(ProgressView, NeverDrawsALineThatATerminalWouldBreak) {
    ProgressView view({.width = 40}, true, std::string(200, 'f'));
    const auto text = view.feed({{"run", "r"},
                                 {"master", std::string(90, 'm')},
                                 {"step", "swap"},
                                 {"state", "started"},
                                 {"text", std::string(90, 't')},
                                 {"left", 5}},
                                {});
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) EXPECT_LT(line.size(), 40U);
}

TEST(ProgressView, CountsTheEstimateDownAndThenSaysThatItWasShort) {
    ProgressView view({}, true, {});
    view.feed({{"run", "r"}, {"master", "m"}, {"step", "swap"}, {"state", "started"}, {"left", 10}}, {});
    EXPECT_NE(view.tick(ProgressView::Time(seconds(4))).find("about 6 s left"), std::string::npos);
    EXPECT_NE(view.tick(ProgressView::Time(seconds(11))).find("longer than estimated"), std::string::npos);
}

}  // namespace
}  // namespace aggmedic::cli
