#pragma once

#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "net/result.hpp"
#include "probes/command_line.hpp"
#include "probes/sourced_text.hpp"

// The quoting of systemd.syntax(7) and the specifiers of systemd.unit(5).
namespace aggmedic::probes {

struct SystemdWord {
    SourcedText text;     // without its quotes
    Origin first, last;   // its first and last byte in the file, quotes included
    bool certain = true;  // false: it holds a specifier other than %%
};

// Command lines and Environment= know C escapes. In the value of a variable versions of systemd differ about a
// backslash, so none is read there.
enum class Escapes { c_style, refused };

// Splits at white space that is in no quotes. Errors: malformed_reply for a quote that is not closed and an escape that
// is not read.
Result<std::vector<SystemdWord>> split_systemd_words(std::span<const SourceFile> files, const SourcedText& line,
                                                     Escapes escapes);

// %% becomes %; any other specifier stays as it is and makes the word uncertain.
void resolve_specifiers(SystemdWord& word);

bool is_variable_name(std::string_view text);

std::unexpected<Error> not_understood(std::span<const SourceFile> files, Origin at, const std::string& what);

}  // namespace aggmedic::probes
