#include "daemon/cli/style.hpp"

#include <gtest/gtest.h>

#include "daemon/cli/table.hpp"

namespace aggmedic::cli {
namespace {

const Terminal colour_terminal{.is_terminal = true, .width = 90, .no_color = {}, .term = "xterm"};

TEST(Style, IsPlainForPipesDumbTerminalsAndWhoeverAsksForIt) {
    EXPECT_TRUE(choose_style({}, colour_terminal).colour);
    auto pipe = colour_terminal;
    pipe.is_terminal = false;
    auto dumb = colour_terminal;
    dumb.term = "dumb";
    auto asked = colour_terminal;
    asked.no_color = "1";
    for (const auto& terminal : {pipe, dumb, asked}) {
        EXPECT_FALSE(choose_style({}, terminal).colour);
        EXPECT_FALSE(can_redraw({}, terminal));
    }
    GlobalOptions options;
    options.no_color = true;
    EXPECT_FALSE(choose_style(options, colour_terminal).colour);
    EXPECT_FALSE(can_redraw(options, colour_terminal));
}

TEST(Style, TakesTheTerminalsWidthWithinReason) {
    EXPECT_EQ(choose_style({}, colour_terminal).width, 90U);
    auto wide = colour_terminal;
    wide.width = 400;
    EXPECT_EQ(choose_style({}, wide).width, 120U);
    auto unknown = colour_terminal;
    unknown.width = 0;
    EXPECT_EQ(choose_style({}, unknown).width, 100U);
    EXPECT_FALSE(can_redraw({}, unknown));
}

TEST(Wrapped, BreaksAtBlanksAndIndents) {
    EXPECT_EQ(wrapped({.width = 20}, "  - ", "one two three four five six"), "  - one two three\n    four five six\n");
    EXPECT_EQ(wrapped({.width = 10}, "", std::string(30, 'x') + " y"), std::string(30, 'x') + "\ny\n");
    EXPECT_EQ(wrapped({.width = 10}, "a: ", ""), "a:\n");
}

TEST(Columns, CountCodePointsAndNoTints) {
    EXPECT_EQ(columns("m\xC3\xBCnchen"), 7U);
    EXPECT_EQ(columns(tinted({.colour = true}, Tone::bad, "bad")), 3U);
}

TEST(Table, AlignsAndLeavesOutColumnsWithoutContent) {
    Table table({"A", "EMPTY", "B"});
    table.add({{"1"}, {""}, {"x"}});
    table.add({{"long"}, {""}, {""}});
    EXPECT_EQ(table.render({}), "A     B\n1     x\nlong  -\n");
}

}  // namespace
}  // namespace aggmedic::cli
