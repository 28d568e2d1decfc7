#pragma once

#include <string>
#include <string_view>

// What single words look like, for redact.cpp.
namespace aggmedic::redact_words {

bool is_space(char character);
bool is_name(char character);    // of a key, flag or variable: letters, digits, - _ .
bool is_base64(char character);  // of either alphabet, padding too

bool names_a_secret(std::string_view name);
// Keys whose value, unquoted after a colon, goes to the end of its line: headers, and phrases with spaces.
bool takes_the_line(std::string_view name);

bool is_plain_word(std::string_view word);    // short, lower-case letters only: prose
bool looks_random(std::string_view word);     // drawn, not written; names of objects stay
bool is_encoded_text(std::string_view word);  // Base64 of printable text
std::string percent_decoded(std::string_view word);

}  // namespace aggmedic::redact_words
