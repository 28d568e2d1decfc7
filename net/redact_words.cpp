#include "net/redact_words.hpp"

#include <algorithm>
#include <array>

#include "net/text.hpp"

namespace aggmedic::redact_words {
namespace {

constexpr std::size_t random_min = 20;
constexpr std::size_t hex_min = 32;
constexpr std::size_t encoded_min = 16;
constexpr std::size_t uuid_size = 36;

bool is_digit(char character) {
    return character >= '0' && character <= '9';
}
bool is_lower(char character) {
    return character >= 'a' && character <= 'z';
}
bool is_upper(char character) {
    return character >= 'A' && character <= 'Z';
}
bool is_hex(char character) {
    return is_digit(character) || (character >= 'a' && character <= 'f') || (character >= 'A' && character <= 'F');
}

bool is_uuid(std::string_view word) {
    if (word.size() != uuid_size) return false;
    for (std::size_t at = 0; at < word.size(); ++at) {
        const bool is_hyphen_place = at == 8 || at == 13 || at == 18 || at == 23;
        if (is_hyphen_place ? word[at] != '-' : !is_hex(word[at])) return false;
    }
    return true;
}

int kind_of(char character) {
    return is_digit(character) ? 1 : is_lower(character) ? 2 : is_upper(character) ? 3 : 0;
}

// How often a letter follows a digit, an upper-case letter a lower-case one, and so on; other characters do not count.
std::size_t changes_of(std::string_view word) {
    std::size_t changes = 0;
    int before = 0;
    for (const char character : word) {
        const int kind = kind_of(character);
        if (kind != 0 && before != 0 && kind != before) ++changes;
        if (kind != 0) before = kind;
    }
    return changes;
}

int value_of(char character) {
    return is_digit(character) ? character - '0' : (character | 0x20) - 'a' + 10;
}

std::string normal(std::string_view name) {
    auto text = to_lower(name);
    std::erase_if(text, [](char character) { return character == '-' || character == '_' || character == '.'; });
    return text;
}

// Many kinds of characters in turn, or long hexadecimal.
bool is_drawn(std::string_view word) {
    if (word.size() >= hex_min && std::ranges::all_of(word, is_hex)) return true;
    if (word.size() < random_min) return false;
    const auto has = [&](auto kind) { return std::ranges::any_of(word, kind); };
    if (!has(is_digit)) return has(is_lower) && has(is_upper) && changes_of(word) * 3 >= word.size();
    return (has(is_lower) || has(is_upper)) && changes_of(word) * 4 >= word.size();
}

bool decodes_to_text(std::string_view word) {
    if (word.size() < encoded_min) return false;
    std::string padded(word);
    std::ranges::replace(padded, '-', '+');
    std::ranges::replace(padded, '_', '/');
    while (padded.ends_with('=')) padded.pop_back();
    while (padded.size() % 4 != 0) padded += '=';
    std::string bytes;
    return base64_decode(padded, bytes) && std::ranges::all_of(bytes, [](unsigned char byte) {
               return is_space(static_cast<char>(byte)) || (byte >= ' ' && byte < 0x7f);
           });
}

}  // namespace

bool is_space(char character) {
    return character == ' ' || character == '\0' || (character >= '\t' && character <= '\r');
}
bool is_name(char character) {
    return kind_of(character) != 0 || character == '-' || character == '_' || character == '.';
}
bool is_base64(char character) {
    return kind_of(character) != 0 || character == '+' || character == '/' || character == '=' || character == '-' ||
           character == '_';
}

bool names_a_secret(std::string_view name) {
    static constexpr std::array<std::string_view, 15> parts{
        "password",  "passwd",     "passphrase", "secret", "token",     "apikey",    "accesskey", "privatekey",
        "clientkey", "credential", "authoriz",   "cookie", "sessionid", "signature", "jwt"};
    // Flags and keys that only speak of such things: files, sizes, switches, names.
    static constexpr std::array<std::string_view, 9> harmless{
        "file", "path", "mode", "ttl", "url", "bootstraptokenauth", "lookup", "keyfile", "secretname"};
    const auto text = normal(name);
    const auto holds = [&](std::string_view part) { return text.find(part) != std::string::npos; };
    if (text == "pwd" || text == "pass" || text.ends_with("pwd") || text.ends_with("keydata")) return true;
    if (std::ranges::any_of(harmless, [&](std::string_view end) { return text.ends_with(end); })) return false;
    // --authorization-mode, --authorization-webhook-...: only the header itself.
    if (holds("authoriz") && !text.ends_with("authorization")) return false;
    return std::ranges::any_of(parts, holds);
}

bool takes_the_line(std::string_view name) {
    const auto text = normal(name);
    return text.find("pass") != std::string::npos || text.ends_with("authorization") ||
           text.find("cookie") != std::string::npos || text.find("secret") != std::string::npos;
}

bool is_plain_word(std::string_view word) {
    while (!word.empty() && (word.back() == '.' || word.back() == ',' || word.back() == ';')) word.remove_suffix(1);
    return word.size() < 16 && std::ranges::all_of(word, is_lower);
}

bool looks_random(std::string_view word) {
    if (std::ranges::any_of(word, is_upper)) return is_drawn(word);
    // Objects' names: lower case, joined by hyphens, with a hash or a UUID among the parts.
    std::string_view rest = word;
    while (!rest.empty()) {
        if (is_uuid(rest.substr(0, uuid_size)) && rest.size() <= uuid_size + 1) return false;
        const auto part = rest.substr(0, rest.find_first_of("-_/"));
        if (is_drawn(part)) return true;
        rest.remove_prefix(std::min(part.size() + 1, rest.size()));
    }
    return false;
}

bool is_encoded_text(std::string_view word) {
    if (decodes_to_text(word)) return true;
    // An assignment, or a path, may end in it.
    for (const char between : {'=', '/'}) {
        const auto parts = split(word, between);
        if (parts.size() > 1 && std::ranges::any_of(parts, decodes_to_text)) return true;
    }
    return false;
}

std::string percent_decoded(std::string_view word) {
    std::string out;
    for (std::size_t at = 0; at < word.size(); ++at) {
        if (word[at] == '%' && at + 2 < word.size() && is_hex(word[at + 1]) && is_hex(word[at + 2])) {
            out += static_cast<char>(value_of(word[at + 1]) * 16 + value_of(word[at + 2]));
            at += 2;
        } else {
            out += word[at];
        }
    }
    return out;
}

}  // namespace aggmedic::redact_words
