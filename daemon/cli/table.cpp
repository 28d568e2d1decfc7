#include "daemon/cli/table.hpp"

#include <algorithm>

namespace aggmedic::cli {
namespace {

void append_padded(std::string& line, const std::string& drawn, std::size_t used, std::size_t width) {
    line += drawn;
    line.append(width - used + 2, ' ');
}

std::string without_trailing_blanks(std::string line) {
    line.erase(line.find_last_not_of(' ') + 1);
    return line + "\n";
}

}  // namespace

std::string Table::render(const Style& style) const {
    std::vector<std::size_t> shown;
    std::vector<std::size_t> widths(titles_.size(), 0);
    for (std::size_t column = 0; column < titles_.size(); ++column) {
        for (const auto& row : rows_) widths[column] = std::max(widths[column], columns(row[column].text));
        if (widths[column] == 0) continue;
        widths[column] = std::max(widths[column], titles_[column].size());
        shown.push_back(column);
    }
    std::string head;
    for (const auto column : shown) append_padded(head, titles_[column], titles_[column].size(), widths[column]);
    head = without_trailing_blanks(std::move(head));
    head.pop_back();
    std::string text = tinted(style, Tone::quiet, head) + "\n";
    for (const auto& row : rows_) {
        std::string line;
        for (const auto column : shown) {
            const auto& cell = row[column];
            const std::string content = cell.text.empty() ? "-" : cell.text;
            append_padded(line, cell.tone ? tinted(style, *cell.tone, content) : content, columns(content),
                          widths[column]);
        }
        text += without_trailing_blanks(std::move(line));
    }
    return text;
}

}  // namespace aggmedic::cli
