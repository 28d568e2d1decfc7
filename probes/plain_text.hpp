#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace aggmedic::probes {

struct TextFault {
    std::string_view what;
    std::size_t offset = 0;
};

// The first place of a text that readers take differently, or not at all: no valid UTF-8 (overlong forms and surrogates
// are not), a control character other than tab and line end, a carriage return without line feed.
std::optional<TextFault> find_text_fault(std::string_view text);

}  // namespace aggmedic::probes
