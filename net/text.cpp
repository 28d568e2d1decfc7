#include "net/text.hpp"

#include <fmt/format.h>
#include <openssl/evp.h>
#include <openssl/sha.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <iterator>

namespace aggmedic {
namespace {

// One UTF-8 sequence at the front of `text`: its length, and the code point. Length 0: no valid sequence (RFC 3629: no
// overlong forms, no surrogates, nothing above U+10FFFF).
struct Character {
    std::size_t length = 0;
    std::uint32_t code_point = 0;
};

Character first_character(std::string_view text) {
    const auto byte = [&](std::size_t index) { return static_cast<unsigned char>(text[index]); };
    const unsigned char lead = byte(0);
    if (lead < 0x80) return {1, lead};
    const std::size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    if (lead < 0xC2 || lead > 0xF4 || text.size() < length) return {};
    std::uint32_t code_point = lead & (0xFFU >> (length + 1));
    for (std::size_t index = 1; index < length; ++index) {
        if ((byte(index) & 0xC0) != 0x80) return {};
        code_point = (code_point << 6) | (byte(index) & 0x3FU);
    }
    static constexpr std::array<std::uint32_t, 5> smallest = {0, 0, 0x80, 0x800, 0x10000};
    const bool surrogate = code_point >= 0xD800 && code_point <= 0xDFFF;
    if (code_point < smallest[length] || code_point > 0x10FFFF || surrogate) return {};
    return {length, code_point};
}

// Marks that reorder or break a line for the reader without being seen.
bool is_deceptive(std::uint32_t code_point) {
    return code_point == 0x061C || code_point == 0x200E || code_point == 0x200F ||
           (code_point >= 0x2028 && code_point <= 0x202E) || (code_point >= 0x2066 && code_point <= 0x2069) ||
           code_point == 0xFEFF;
}

int base64_value(char digit) {
    if (digit >= 'A' && digit <= 'Z') return digit - 'A';
    if (digit >= 'a' && digit <= 'z') return digit - 'a' + 26;
    if (digit >= '0' && digit <= '9') return digit - '0' + 52;
    return digit == '+' ? 62 : digit == '/' ? 63 : -1;
}

}  // namespace

std::string printable(std::string_view bytes, std::size_t limit) {
    std::string text;
    auto out = std::back_inserter(text);
    std::size_t at = 0;
    while (at < bytes.size()) {
        const auto character = first_character(bytes.substr(at));
        const std::size_t length = character.length == 0 ? 1 : character.length;
        if (at + length > limit) return text + "...";
        const auto code_point = character.code_point;
        if (character.length == 0 || code_point < 0x20 || code_point == 0x7F) {
            fmt::format_to(out, "\\x{:02x}", static_cast<unsigned char>(bytes[at]));
        } else if ((code_point >= 0x80 && code_point < 0xA0) || is_deceptive(code_point)) {
            fmt::format_to(out, "\\u{{{:04x}}}", code_point);
        } else {
            text += bytes.substr(at, length);
        }
        at += length;
    }
    return text;
}

std::string shell_quote(std::string_view word) {
    std::string quoted = "'";
    for (const char character : word) {
        if (character == '\'') {
            quoted += "'\\''";
        } else {
            quoted += character;
        }
    }
    return quoted + "'";
}

std::string base64_encode(std::string_view bytes) {
    static constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string text;
    text.reserve((bytes.size() + 2) / 3 * 4);
    for (std::size_t at = 0; at < bytes.size(); at += 3) {
        const std::size_t count = std::min<std::size_t>(3, bytes.size() - at);
        std::uint32_t group = 0;
        for (std::size_t index = 0; index < 3; ++index) {
            group = (group << 8) | (index < count ? static_cast<unsigned char>(bytes[at + index]) : 0U);
        }
        for (std::size_t index = 0; index < 4; ++index) {
            text += index <= count ? digits[(group >> (18 - 6 * index)) & 0x3F] : '=';
        }
    }
    return text;
}

bool base64_decode(std::string_view text, std::string& bytes) {
    std::string decoded;
    decoded.reserve(text.size() / 4 * 3);
    std::uint32_t group = 0;
    int digits = 0;
    int padding = 0;
    for (const char character : text) {
        if (character == '\n') continue;
        if (character == '=') {
            if (++padding > 2) return false;
            continue;
        }
        const int value = base64_value(character);
        if (value < 0 || padding > 0) return false;
        group = (group << 6) | static_cast<std::uint32_t>(value);
        if (++digits < 4) continue;
        for (const int shift : {16, 8, 0}) decoded += static_cast<char>((group >> shift) & 0xFF);
        group = 0;
        digits = 0;
    }
    if (digits == 1 || (digits == 0 ? padding != 0 : digits + padding != 4)) return false;
    // The bits that the padding leaves over must be zero, else two texts would stand for the same bytes.
    if ((digits == 2 && (group & 0xF) != 0) || (digits == 3 && (group & 0x3) != 0)) return false;
    if (digits == 2) decoded += static_cast<char>(group >> 4);
    if (digits == 3) {
        decoded += static_cast<char>((group >> 10) & 0xFF);
        decoded += static_cast<char>((group >> 2) & 0xFF);
    }
    bytes = std::move(decoded);
    return true;
}

std::string sha256_hex(std::string_view bytes) {
    std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
    EVP_Digest(bytes.data(), bytes.size(), digest.data(), nullptr, EVP_sha256(), nullptr);
    std::string text;
    for (const unsigned char byte : digest) fmt::format_to(std::back_inserter(text), "{:02x}", byte);
    return text;
}

std::string to_lower(std::string_view text) {
    std::string lowered(text);
    for (char& character : lowered) {
        if (character >= 'A' && character <= 'Z') character = static_cast<char>(character + ('a' - 'A'));
    }
    return lowered;
}

std::vector<std::string_view> split(std::string_view text, char separator) {
    std::vector<std::string_view> parts;
    for (;;) {
        const auto at = text.find(separator);
        parts.push_back(text.substr(0, at));
        if (at == std::string_view::npos) return parts;
        text.remove_prefix(at + 1);
    }
}

}  // namespace aggmedic
