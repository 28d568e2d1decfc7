#include "daemon/cli/style.hpp"

#include <algorithm>

namespace aggmedic::cli {
namespace {

std::string_view code(Tone tone) {
    switch (tone) {
        case Tone::good:
            return "32";
        case Tone::bad:
            return "1;31";
        case Tone::warning:
            return "33";
        case Tone::quiet:
            return "2";
        case Tone::strong:
            return "1";
        case Tone::added:
            return "32";
        case Tone::removed:
            return "31";
    }
    return "0";
}

bool draws_plain(const GlobalOptions& options, const Terminal& terminal) {
    return options.no_color || !terminal.is_terminal || !terminal.no_color.empty() || terminal.term == "dumb";
}

}  // namespace

std::string tinted(const Style& style, Tone tone, std::string_view text) {
    if (!style.colour || text.empty()) return std::string(text);
    return "\x1b[" + std::string(code(tone)) + "m" + std::string(text) + "\x1b[0m";
}

std::size_t columns(std::string_view text) {
    std::size_t count = 0;
    bool in_tint = false;
    for (const char byte : text) {
        if (byte == '\x1b') in_tint = true;
        if (!in_tint && (static_cast<unsigned char>(byte) & 0xC0) != 0x80) ++count;
        if (byte == 'm') in_tint = false;
    }
    return count;
}

std::string wrapped(const Style& style, std::string_view lead, std::string_view text) {
    const std::string indent(columns(lead), ' ');
    std::string lines(lead);
    std::size_t used = columns(lead);
    bool first_word = true;
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t end = std::min(text.find(' ', at), text.size());
        const auto word = text.substr(at, end - at);
        at = end + 1;
        if (word.empty()) continue;
        if (!first_word && used + 1 + columns(word) > style.width) {
            lines += "\n" + indent;
            used = indent.size();
            first_word = true;
        }
        if (!first_word) {
            lines += ' ';
            ++used;
        }
        lines += word;
        used += columns(word);
        first_word = false;
    }
    lines.erase(lines.find_last_not_of(' ') + 1);
    return lines + "\n";
}

Style choose_style(const GlobalOptions& options, const Terminal& terminal) {
    Style style{.colour = !draws_plain(options, terminal)};
    // Very narrow terminals break words anyway; very wide ones are hard to read.
    if (terminal.is_terminal && terminal.width >= 40) style.width = std::min<std::size_t>(terminal.width, 120);
    return style;
}

bool can_redraw(const GlobalOptions& options, const Terminal& terminal) {
    return !draws_plain(options, terminal) && terminal.width >= 40;  // lines that break cannot be taken back
}

}  // namespace aggmedic::cli
