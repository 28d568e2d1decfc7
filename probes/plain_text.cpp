#include "probes/plain_text.hpp"

#include <cstdint>

namespace aggmedic::probes {
namespace {

// A code point that the readers of this world read alike. U+0085, U+2028 and U+2029 end a line for some of them only.
bool is_unambiguous(std::uint32_t code) {
    if (code < 0x20) return code == '\t' || code == '\n' || code == '\r';
    if (code >= 0x7F && code < 0xA0) return false;
    return code != 0x2028 && code != 0x2029 && code != 0xFEFF && code != 0xFFFE && code != 0xFFFF;
}

// Decodes the code point at the front of `text` and drops it. False: no valid UTF-8 (overlong forms and surrogates are
// not).
bool take_code_point(std::string_view& text, std::uint32_t& code) {
    const auto lead = static_cast<unsigned char>(text.front());
    const std::size_t length = lead < 0x80   ? 1
                               : lead < 0xC2 ? 0
                               : lead < 0xE0 ? 2
                               : lead < 0xF0 ? 3
                               : lead < 0xF5 ? 4
                                             : 0;
    if (length == 0 || text.size() < length) return false;
    code = length == 1 ? lead : lead & (0x7Fu >> length);
    for (const char byte : text.substr(1, length - 1)) {
        const auto next = static_cast<unsigned char>(byte);
        if ((next & 0xC0u) != 0x80u) return false;
        code = (code << 6) | (next & 0x3Fu);
    }
    constexpr std::uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    if (code < smallest[length] || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF)) return false;
    text.remove_prefix(length);
    return true;
}

}  // namespace

std::optional<TextFault> find_text_fault(std::string_view text) {
    const std::size_t size = text.size();
    while (!text.empty()) {
        const std::size_t offset = size - text.size();
        std::uint32_t code = 0;
        if (!take_code_point(text, code)) return TextFault{.what = "bytes that are not UTF-8", .offset = offset};
        if (!is_unambiguous(code)) return TextFault{.what = "a control character", .offset = offset};
        if (code == '\r' && !text.starts_with('\n'))
            return TextFault{.what = "a carriage return without line feed", .offset = offset};
    }
    return std::nullopt;
}

}  // namespace aggmedic::probes
