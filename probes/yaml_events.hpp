#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "net/result.hpp"

namespace aggmedic::probes {

enum class YamlKind { scalar, null, sequence_start, sequence_end, map_start, map_end };

// One step through a YAML document, with its place in the file.
struct YamlEvent {
    YamlKind kind = YamlKind::null;
    std::size_t offset =
        0;                 // of a scalar's or collection's first byte, an opening quote included; 0 for the other kinds
    bool plain = false;    // a scalar without quotes that is no block scalar
    bool in_flow = false;  // inside [...] or {...}, where a comma ends a plain scalar
    std::string value;     // of a scalar, decoded
    bool operator==(const YamlEvent&) const = default;
};

// Reads the one document of a file that may have to be edited byte by byte. Refuses (malformed_reply) whatever could
// mean something else to another YAML library than to this one, or whose bytes cannot be found again: more than 1 MiB,
// text that is not UTF-8, NUL and other control characters, a CR without LF, several documents, tags, anchors, aliases,
// merge keys, a key given twice, a key that is no scalar. The reason names line and column and quotes nothing of the
// file, which may hold secrets.
Result<std::vector<YamlEvent>> read_yaml_events(std::string_view bytes);

// The index behind the quote that closes the scalar whose opening quote is at `begin`; npos when there is none.
std::size_t behind_quoted(std::string_view bytes, std::size_t begin);

// The line of a byte, counted from 1.
std::size_t line_of(std::string_view bytes, std::size_t offset);

}  // namespace aggmedic::probes
