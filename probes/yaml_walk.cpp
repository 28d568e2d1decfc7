#include "probes/yaml_walk.hpp"

namespace aggmedic::probes {
namespace {

using Events = std::span<const YamlEvent>;

bool opens(YamlKind kind) {
    return kind == YamlKind::sequence_start || kind == YamlKind::map_start;
}
bool closes(YamlKind kind) {
    return kind == YamlKind::sequence_end || kind == YamlKind::map_end;
}

// yaml-cpp marks only where a scalar begins, so its end is looked for; nothing when it goes on in another line.
std::optional<ByteRange> find_scalar(std::string_view bytes, const YamlEvent& scalar) {
    if (scalar.kind != YamlKind::scalar || scalar.offset >= bytes.size()) return std::nullopt;
    std::size_t end = bytes.npos;
    if (!scalar.plain) {
        const bool quoted = bytes[scalar.offset] == '"' || bytes[scalar.offset] == '\'';
        if (quoted) end = behind_quoted(bytes, scalar.offset);
    } else if (!scalar.value.empty() && bytes.substr(scalar.offset).starts_with(scalar.value)) {
        end = scalar.offset + scalar.value.size();
    }
    if (end == bytes.npos || bytes.substr(scalar.offset, end - scalar.offset).contains('\n')) return std::nullopt;
    return ByteRange{.begin = scalar.offset, .end = end};
}

}  // namespace

std::size_t behind_node(Events events, std::size_t index) {
    std::size_t depth = 0;
    do {
        if (opens(events[index].kind)) ++depth;
        if (closes(events[index].kind)) --depth;
        ++index;
    } while (depth > 0);
    return index;
}

// The keys are scalars and unique: read_yaml_events saw to it.
std::optional<std::size_t> value_of(Events events, std::size_t map, std::string_view key) {
    if (map >= events.size() || events[map].kind != YamlKind::map_start) return std::nullopt;
    for (std::size_t at = map + 1; events[at].kind != YamlKind::map_end; at = behind_node(events, at + 1)) {
        if (events[at].value == key) return at + 1;
    }
    return std::nullopt;
}

std::optional<std::string> scalar_of(Events events, std::size_t map, std::string_view key) {
    const auto at = value_of(events, map, key);
    if (!at || events[*at].kind != YamlKind::scalar) return std::nullopt;
    return events[*at].value;
}

CommandWord word_of(std::string_view bytes, const YamlEvent& event) {
    CommandWord word;
    if (event.kind != YamlKind::scalar) return word;
    word.value = event.value;
    const auto range = find_scalar(bytes, event);
    if (!range) {
        word.bytes = {.begin = event.offset, .end = event.offset};
        return word;
    }
    word.bytes = *range;
    word.grows_at = event.plain ? range->end : range->end - 1;
    word.verbatim = event.value.size();
    // In flow style a comma ends a plain scalar.
    word.grows_in_quotes = event.plain && event.in_flow;
    return word;
}

std::string described(const YamlEvent& event) {
    switch (event.kind) {
        case YamlKind::scalar:
            return "=" + event.value;
        case YamlKind::null:
            return "~";
        case YamlKind::sequence_start:
            return "[";
        case YamlKind::sequence_end:
            return "]";
        case YamlKind::map_start:
            return "{";
        case YamlKind::map_end:
            return "}";
    }
    return "";
}

}  // namespace aggmedic::probes
