#include "probes/systemd_words.hpp"

#include <algorithm>
#include <utility>

namespace aggmedic::probes {
namespace {

constexpr std::string_view white_space = " \t\r\n";

// What a one-letter escape stands for; nothing for the numeric ones, which nobody needs in such a line.
std::optional<char> unescaped(char letter) {
    switch (letter) {
        case 'a':
            return '\a';
        case 'b':
            return '\b';
        case 'f':
            return '\f';
        case 'n':
            return '\n';
        case 'r':
            return '\r';
        case 't':
            return '\t';
        case 'v':
            return '\v';
        case 's':
            return ' ';
        case '\\':
        case '"':
        case '\'':
            return letter;
        default:
            return std::nullopt;
    }
}

// Takes one word off a line, beginning at its first byte.
class WordReader {
  public:
    WordReader(std::span<const SourceFile> files, const SourcedText& line, Escapes escapes, std::size_t at)
        : files_(files), line_(line), escapes_(escapes), at_(at) {}

    Result<SystemdWord> read() {
        SystemdWord word{.text = {}, .first = line_.from[at_], .last = line_.from[at_]};
        for (; at_ < line_.text.size(); ++at_) {
            const char byte = line_.text[at_];
            if (quote_ == 0 && white_space.contains(byte)) break;
            word.last = line_.from[at_];
            if (quote_ != 0 && byte == quote_) {
                quote_ = 0;
            } else if (quote_ == 0 && (byte == '"' || byte == '\'')) {
                quote_ = byte;
                quoted_from_ = line_.from[at_];
            } else if (byte == '\\') {
                if (auto escape = take_escape(word); !escape) return std::unexpected(escape.error());
            } else {
                word.text.add(byte, line_.from[at_]);
            }
        }
        if (quote_ != 0) return not_understood(files_, quoted_from_, "a quote that is not closed");
        return word;
    }
    std::size_t at() const { return at_; }

  private:
    Result<void> take_escape(SystemdWord& word) {
        const Origin origin = line_.from[at_];
        const auto letter =
            escapes_ == Escapes::c_style && at_ + 1 < line_.text.size() ? unescaped(line_.text[at_ + 1]) : std::nullopt;
        if (!letter) return not_understood(files_, origin, "a backslash whose meaning is not certain");
        ++at_;
        word.last = line_.from[at_];
        word.text.add(*letter, {.file = origin.file, .offset = origin.offset, .verbatim = false});
        return {};
    }

    std::span<const SourceFile> files_;
    const SourcedText& line_;
    Escapes escapes_;
    std::size_t at_;
    char quote_ = 0;
    Origin quoted_from_;
};

}  // namespace

std::unexpected<Error> not_understood(std::span<const SourceFile> files, Origin at, const std::string& what) {
    return fail(Errc::malformed_reply, place_of(files[at.file], at.offset) + ": not understood: " + what);
}

Result<std::vector<SystemdWord>> split_systemd_words(std::span<const SourceFile> files, const SourcedText& line,
                                                     Escapes escapes) {
    std::vector<SystemdWord> words;
    for (std::size_t at = line.text.find_first_not_of(white_space); at != std::string::npos;
         at = line.text.find_first_not_of(white_space, at)) {
        WordReader reader(files, line, escapes, at);
        auto word = reader.read();
        if (!word) return std::unexpected(word.error());
        words.push_back(std::move(*word));
        at = reader.at();
    }
    return words;
}

void resolve_specifiers(SystemdWord& word) {
    SourcedText resolved;
    const auto& text = word.text;
    for (std::size_t at = 0; at < text.text.size(); ++at) {
        Origin origin = text.from[at];
        if (text.text[at] == '%') {
            if (at + 1 < text.text.size() && text.text[at + 1] == '%') {
                origin.verbatim = false;
                ++at;
            } else {
                word.certain = false;
            }
        }
        resolved.add(text.text[at], origin);
    }
    word.text = std::move(resolved);
}

bool is_variable_name(std::string_view text) {
    constexpr std::string_view letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_";
    return !text.empty() && letters.contains(text.front()) &&
           std::ranges::all_of(text, [&](char byte) { return letters.contains(byte) || (byte >= '0' && byte <= '9'); });
}

}  // namespace aggmedic::probes
