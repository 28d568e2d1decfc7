#include "remediate/diff.hpp"

#include <algorithm>

#include "probes/yaml_events.hpp"

namespace aggmedic::remediate {
namespace {

constexpr std::string_view ellipsis = "\xE2\x80\xA6";

struct Line {
    std::string text;  // exact, or with ellipses
    bool has_line_feed = false;
};

bool only(std::string_view text, std::string_view bytes) {
    return text.find_first_not_of(bytes) == text.npos;
}

Line shown_line(std::string_view bytes, probes::ByteRange scalar) {
    const std::size_t feed_before = bytes.substr(0, scalar.begin).rfind('\n');
    const std::size_t begin = feed_before == bytes.npos ? 0 : feed_before + 1;
    const std::size_t feed = bytes.find('\n', scalar.end);
    const std::string_view lead = bytes.substr(begin, scalar.begin - begin);
    const std::string_view tail = bytes.substr(scalar.end, std::min(feed, bytes.size()) - scalar.end);
    const std::size_t comment = tail.find_first_not_of(" \t");
    const bool comment_follows = comment != tail.npos && comment > 0 && tail[comment] == '#';

    Line line{.text = {}, .has_line_feed = feed != bytes.npos};
    line.text += only(lead, " \t-[,") ? lead : ellipsis;
    line.text += bytes.substr(scalar.begin, scalar.end - scalar.begin);
    line.text += comment_follows || only(tail, " \t\r],\\") ? tail : ellipsis;
    return line;
}

std::string with_sign(char sign, const Line& line) {
    std::string text = sign + line.text + "\n";
    if (!line.has_line_feed) text += "\\ No newline at end of file\n";
    return text;
}

}  // namespace

std::string show_line_change(std::string_view before, std::string_view after, probes::ByteRange scalar_before,
                             probes::ByteRange scalar_after) {
    const std::string line = std::to_string(probes::line_of(before, scalar_before.begin));
    return "@@ -" + line + " +" + line + " @@\n" + with_sign('-', shown_line(before, scalar_before)) +
           with_sign('+', shown_line(after, scalar_after));
}

std::string show_taken_back(std::string_view line_change) {
    const auto minus = line_change.find("\n-"), plus = line_change.find("\n+");
    if (minus == line_change.npos || plus == line_change.npos || plus < minus) return std::string(line_change);
    // Behind the new line stands the mark of a missing line end, where there is one, then the neighbours.
    auto end = line_change.find('\n', plus + 1);
    if (end != line_change.npos && line_change.substr(end + 1).starts_with('\\')) end = line_change.find('\n', end + 1);
    if (end == line_change.npos) return std::string(line_change);
    const auto old_line = line_change.substr(minus + 2, plus - minus - 1);
    const auto new_line = line_change.substr(plus + 2, end - plus - 1);
    return std::string(line_change.substr(0, minus + 1)) + "-" + std::string(new_line) + "+" + std::string(old_line) +
           std::string(line_change.substr(end + 1));
}

std::string flag_name_only(std::string_view argument) {
    constexpr std::string_view letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
    const std::string_view name = argument.substr(0, argument.find('='));
    return name.starts_with("--") && only(name, letters) ? std::string(name) : "a value that is not shown";
}

}  // namespace aggmedic::remediate
