#pragma once

#include <string>
#include <string_view>

#include "daemon/cli/invocation.hpp"

namespace aggmedic::cli {

// How a result is drawn: decided once from the terminal, then a plain value, so that rendering is pure.
struct Style {
    bool colour = false;
    std::size_t width = 100;  // columns that running text is wrapped at
};

enum class Tone { good, bad, warning, quiet, strong, added, removed };

// The text in its tone; unchanged without colour. `text` must already be printable: nothing is escaped here.
std::string tinted(const Style& style, Tone tone, std::string_view text);

// Columns that a printable text takes on a terminal: one for each code point; our own tints take none.
std::size_t columns(std::string_view text);

// Breaks running text at blanks so that each line fits. The first line begins with `lead`, the others with as many
// blanks.
std::string wrapped(const Style& style, std::string_view lead, std::string_view text);

struct Terminal {
    bool is_terminal = false;
    std::size_t width = 0;  // 0: unknown
    std::string no_color;   // environment NO_COLOR; empty: unset (no-color.org)
    std::string term;       // environment TERM
};
Style choose_style(const GlobalOptions& options, const Terminal& terminal);
// Whether progress may be redrawn in place: a terminal that can, and nobody asked for plain output.
bool can_redraw(const GlobalOptions& options, const Terminal& terminal);

}  // namespace aggmedic::cli
