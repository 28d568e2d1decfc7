#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace aggmedic {

// Makes bytes from the network safe for a terminal or a log line: control characters (C0, DEL, C1), invalid UTF-8 and
// the bidirectional overrides become \xNN or \u{NNNN}; cut after `limit` bytes of input with "...".
std::string printable(std::string_view bytes, std::size_t limit = 512);

// One POSIX shell word that stands for exactly `word`: single-quoted, a quote inside becomes '\''.
// A NUL byte cannot be part of an argument; callers refuse it before.
std::string shell_quote(std::string_view word);

std::string base64_encode(std::string_view bytes);
// Strict RFC 4648 with padding; line feeds are skipped. False when `text` is anything else.
bool base64_decode(std::string_view text, std::string& bytes);

// Lower-case hexadecimal SHA-256.
std::string sha256_hex(std::string_view bytes);

// ASCII letters only: host and header names know no other case.
std::string to_lower(std::string_view text);

std::vector<std::string_view> split(std::string_view text, char separator);

}  // namespace aggmedic
