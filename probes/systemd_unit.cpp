#include "probes/systemd_unit.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "probes/plain_text.hpp"
#include "probes/systemd_words.hpp"

namespace aggmedic::probes {
namespace {

constexpr std::string_view white_space = " \t";

bool is_key(std::string_view text) {
    return !text.empty() && std::ranges::all_of(text, [](char byte) {
        return (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9');
    });
}

bool is_continued(std::string_view line) {
    const std::size_t last = line.find_last_not_of('\\');
    return (line.size() - (last == line.npos ? 0 : last + 1)) % 2 == 1;
}

SourcedText part_of(const SourcedText& whole, std::size_t begin, std::size_t end) {
    using Distance = std::ptrdiff_t;
    return {
        .text = whole.text.substr(begin, end - begin),
        .from = {whole.from.begin() + static_cast<Distance>(begin), whole.from.begin() + static_cast<Distance>(end)}};
}

// Without the white space around it.
SourcedText trimmed(const SourcedText& text) {
    const std::size_t begin = text.text.find_first_not_of(white_space);
    if (begin == std::string::npos) return {};
    return part_of(text, begin, text.text.find_last_not_of(white_space) + 1);
}

class UnitReader {
  public:
    UnitReader(std::span<const SourceFile> files, std::size_t file)
        : files_(files), file_(file), bytes_(files[file].bytes) {}

    Result<std::vector<UnitSetting>> read() {
        if (const auto fault = find_text_fault(bytes_)) return refuse(fault->offset, std::string(fault->what));
        while (at_ < bytes_.size()) {
            const std::size_t begin = at_;
            auto line = take_logical_line();
            if (!line) return std::unexpected(line.error());
            if (auto taken = take_setting(trimmed(*line), begin); !taken) return std::unexpected(taken.error());
        }
        return std::move(settings_);
    }

  private:
    std::unexpected<Error> refuse(std::size_t offset, const std::string& what) const {
        return not_understood(files_, {.file = file_, .offset = offset}, what);
    }
    static bool is_comment(std::string_view line) {
        const std::size_t first = line.find_first_not_of(white_space);
        return first != line.npos && (line[first] == '#' || line[first] == ';');
    }

    // One line of the file without its end.
    std::string_view take_line() {
        const std::size_t feed = std::min(bytes_.find('\n', at_), bytes_.size());
        std::string_view line = bytes_.substr(at_, feed - at_);
        if (line.ends_with('\r')) line.remove_suffix(1);
        at_ = std::min(feed + 1, bytes_.size());
        return line;
    }

    Result<SourcedText> take_logical_line() {
        SourcedText logical;
        for (bool first = true;; first = false) {
            const std::size_t begin = at_;
            const auto line = take_line();
            const bool continued = is_continued(line);
            if (is_comment(line)) {
                if (!first) return refuse(begin, "a comment among continued lines; move it");
                if (continued) return refuse(begin, "a comment that ends in a backslash");
                return SourcedText{};
            }
            for (std::size_t at = 0; at < line.size(); ++at) {
                const bool joins = continued && at + 1 == line.size();
                logical.add(joins ? ' ' : line[at], {.file = file_, .offset = begin + at, .verbatim = !joins});
            }
            if (!continued) return logical;
            if (at_ == bytes_.size()) return refuse(begin, "the last line is continued, and nothing follows");
        }
    }

    Result<void> take_setting(const SourcedText& line, std::size_t begin) {
        const std::string_view text = line.text;
        if (text.empty()) return {};
        if (text.front() == '[') {
            if (!text.ends_with(']')) return refuse(begin, "a section without a closing bracket");
            section_ = text.substr(1, text.size() - 2);
            return {};
        }
        const std::size_t equals = text.find('=');
        const auto key = text.substr(0, text.substr(0, equals).find_last_not_of(white_space) + 1);
        if (equals == text.npos || !is_key(key))
            return refuse(line.from.front().offset, "no setting; perhaps the line before has lost its backslash");
        if (section_.empty()) return refuse(line.from.front().offset, "a setting outside of every section");
        settings_.push_back({.section = section_,
                             .key = std::string(key),
                             .value = trimmed(part_of(line, equals + 1, text.size())),
                             .at = line.from.front()});
        return {};
    }

    std::span<const SourceFile> files_;
    std::size_t file_;
    std::string_view bytes_;
    std::size_t at_ = 0;
    std::string section_;
    std::vector<UnitSetting> settings_;
};

}  // namespace

bool is_unit_path(std::string_view path) {
    if (path.ends_with(".service")) return true;
    const auto folder = path.substr(0, path.rfind('/'));
    return path.ends_with(".conf") && folder.size() < path.size() && folder.ends_with("service.d");
}

Result<std::vector<UnitSetting>> read_unit_file(std::span<const SourceFile> files, std::size_t file) {
    return UnitReader(files, file).read();
}

}  // namespace aggmedic::probes
