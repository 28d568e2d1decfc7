#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "probes/command_line.hpp"

namespace aggmedic::fuzz {

// Several files in one text: each begins behind a line `#### PATH`. A text without such a first line is one file that
// is named `path`.
inline std::vector<probes::SourceFile> split_source_files(std::string_view text, std::string_view path) {
    constexpr std::string_view heading = "#### ";
    std::vector<probes::SourceFile> files;
    if (!text.starts_with(heading)) return {{.path = std::string(path), .bytes = std::string(text)}};
    while (!text.empty()) {
        const std::size_t line_end = std::min(text.find('\n'), text.size() - 1);
        std::size_t end = text.find("\n#### ", line_end);
        end = end == text.npos ? text.size() : end + 1;
        const auto name = text.substr(heading.size(), line_end - std::min(line_end, heading.size()));
        files.push_back(
            {.path = std::string(name), .bytes = std::string(text.substr(line_end + 1, end - line_end - 1))});
        text.remove_prefix(end);
    }
    return files;
}

}  // namespace aggmedic::fuzz
