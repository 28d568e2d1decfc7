#include "probes/json_fields.hpp"

namespace aggmedic::probes::json_fields {

namespace {

// Whether nlohmann would write it: its serialiser throws on anything else.
bool is_utf8(std::string_view text) {
    std::size_t at = 0;
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    while (at < text.size()) {
        const unsigned lead = byte(at);
        const std::size_t size = lead < 0x80 ? 1 : lead >> 5 == 6 ? 2 : lead >> 4 == 14 ? 3 : lead >> 3 == 30 ? 4 : 0;
        if (size == 0 || at + size > text.size()) return false;
        std::uint32_t rune = size == 1 ? lead : lead & (0x7FU >> size);
        for (std::size_t i = 1; i < size; ++i) {
            if (byte(at + i) >> 6 != 2) return false;
            rune = rune << 6 | (byte(at + i) & 0x3FU);
        }
        constexpr std::uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
        if (rune < smallest[size] || rune > 0x10FFFF || (rune >= 0xD800 && rune <= 0xDFFF)) return false;
        at += size;
    }
    return true;
}

}  // namespace

json encode_text(const std::string& text) {
    if (is_utf8(text)) return text;
    return {{"b64", base64_encode(text)}};
}

bool decode_text(const json& value, std::string& text) {
    if (value.is_string()) {
        text = value.get<std::string>();
        return true;
    }
    if (!value.is_object() || value.size() != 1) return false;
    const auto encoded = value.find("b64");
    if (encoded == value.end() || !encoded->is_string()) return false;
    text.clear();
    return base64_decode(encoded->get_ref<const std::string&>(), text);
}

}  // namespace aggmedic::probes::json_fields
