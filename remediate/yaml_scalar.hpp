#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "probes/yaml_events.hpp"

namespace aggmedic::remediate {

// The bytes of one scalar in its file, quotes included: [begin, end).
struct ByteRange {
    std::size_t begin = 0, end = 0;
    bool operator==(const ByteRange&) const = default;
};

// Where a scalar stands. yaml-cpp marks only the beginning, so the end is looked for; nothing when the scalar is a
// block scalar or goes on in another line.
std::optional<ByteRange> find_scalar(std::string_view bytes, const probes::YamlEvent& scalar);

// The scalar's new bytes with `text` at the end of its value, in the same style; a plain scalar inside [...] gets
// double quotes when `text` holds a comma. Every byte of value and text must be one that no style needs to escape:
// letters, digits and `.-_:@/+=*,`.
std::string append_to_scalar(std::string_view scalar_bytes, const probes::YamlEvent& scalar, std::string_view text);

}  // namespace aggmedic::remediate
