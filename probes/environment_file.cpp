#include "probes/environment_file.hpp"

#include <string_view>
#include <utility>

#include "probes/plain_text.hpp"
#include "probes/systemd_words.hpp"

namespace aggmedic::probes {
namespace {

constexpr std::string_view white_space = " \t\r\n", line_ends = "\r\n", escaped_in_quotes = "\"\\`$";

// Follows src/basic/env-file.c of systemd, where a value is made of quoted and unquoted pieces.
class EnvironmentReader {
  public:
    EnvironmentReader(std::span<const SourceFile> files, std::size_t file)
        : files_(files), file_(file), bytes_(files[file].bytes) {}

    Result<std::vector<Assignment>> read() {
        if (const auto fault = find_text_fault(bytes_)) return refuse(fault->offset, std::string(fault->what));
        while ((at_ = bytes_.find_first_not_of(white_space, at_)) != bytes_.npos) {
            const auto read = bytes_[at_] == '#' || bytes_[at_] == ';' ? skip_comment() : read_line();
            if (!read) return std::unexpected(read.error());
        }
        return std::move(assignments_);
    }

  private:
    std::unexpected<Error> refuse(std::size_t offset, const std::string& what) const {
        return not_understood(files_, {.file = file_, .offset = offset}, what);
    }
    bool ended() const { return at_ >= bytes_.size(); }
    bool at_line_end() const { return ended() || line_ends.contains(bytes_[at_]); }
    Origin here() const { return {.file = file_, .offset = at_}; }

    Result<void> skip_comment() {
        const std::size_t end = std::min(bytes_.find_first_of(line_ends, at_), bytes_.size());
        if (bytes_[end - 1] == '\\') return refuse(end - 1, "a comment that ends in a backslash");
        at_ = end;
        return {};
    }

    Result<void> read_line() {
        const std::size_t begin = at_;
        while (!at_line_end() && bytes_[at_] != '=') ++at_;
        if (at_line_end()) return {};  // no assignment: systemd ignores it
        const std::string_view name = bytes_.substr(begin, at_ - begin);
        Assignment assignment{.name = std::string(name.substr(0, name.find_last_not_of(white_space) + 1)),
                              .value = {},
                              .at = {.file = file_, .offset = begin}};
        ++at_;
        if (auto value = read_value(assignment.value); !value) return value;
        if (is_variable_name(assignment.name)) assignments_.push_back(std::move(assignment));
        return {};
    }

    Result<void> read_value(SourcedText& value) {
        while (!at_line_end()) {
            const char byte = bytes_[at_];
            if (byte == '"' || byte == '\'') {
                if (auto quoted = read_quoted(value, byte); !quoted) return quoted;
            } else if (byte == ' ' || byte == '\t') {
                ++at_;
            } else {
                return read_unquoted(value);
            }
        }
        return {};
    }

    Result<void> read_quoted(SourcedText& value, char quote) {
        const std::size_t begin = at_++;
        for (; !ended() && bytes_[at_] != quote; ++at_) {
            if (bytes_[at_] != '\\') {
                value.add(bytes_[at_], here());
                continue;
            }
            const std::size_t backslash = at_++;
            const bool known =
                quote == '"' && !ended() && (bytes_[at_] == '\n' || escaped_in_quotes.contains(bytes_[at_]));
            if (!known) return refuse(backslash, "a backslash whose meaning is not certain");
            if (bytes_[at_] != '\n') value.add(bytes_[at_], {.file = file_, .offset = backslash, .verbatim = false});
        }
        if (ended()) return refuse(begin, "a quote that is not closed");
        ++at_;
        return {};
    }

    // Goes on to the end of the line, whatever quotes come; white space at the end is not part of the value.
    Result<void> read_unquoted(SourcedText& value) {
        std::size_t kept = value.text.size();
        for (; !at_line_end(); ++at_) {
            if (bytes_[at_] != '\\') {
                value.add(bytes_[at_], here());
                if (bytes_[at_] != ' ' && bytes_[at_] != '\t') kept = value.text.size();
                continue;
            }
            const std::size_t backslash = at_++;
            if (ended() || bytes_[at_] == '\r') return refuse(backslash, "a backslash whose meaning is not certain");
            if (bytes_[at_] != '\n') value.add(bytes_[at_], {.file = file_, .offset = backslash, .verbatim = false});
            kept = value.text.size();
        }
        value.text.resize(kept);
        value.from.resize(kept);
        return {};
    }

    std::span<const SourceFile> files_;
    std::size_t file_;
    std::string_view bytes_;
    std::size_t at_ = 0;
    std::vector<Assignment> assignments_;
};

}  // namespace

Result<std::vector<Assignment>> read_environment_file(std::span<const SourceFile> files, std::size_t file) {
    return EnvironmentReader(files, file).read();
}

}  // namespace aggmedic::probes
