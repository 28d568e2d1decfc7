#include "remediate/yaml_scalar.hpp"

namespace aggmedic::remediate {

std::optional<ByteRange> find_scalar(std::string_view bytes, const probes::YamlEvent& scalar) {
    if (scalar.kind != probes::YamlKind::scalar || scalar.offset >= bytes.size()) return std::nullopt;
    std::size_t end = bytes.npos;
    if (!scalar.plain) {
        const bool quoted = bytes[scalar.offset] == '"' || bytes[scalar.offset] == '\'';
        if (quoted) end = probes::behind_quoted(bytes, scalar.offset);
    } else if (!scalar.value.empty() && bytes.substr(scalar.offset).starts_with(scalar.value)) {
        end = scalar.offset + scalar.value.size();
    }
    if (end == bytes.npos || bytes.substr(scalar.offset, end - scalar.offset).contains('\n')) return std::nullopt;
    return ByteRange{.begin = scalar.offset, .end = end};
}

std::string append_to_scalar(std::string_view scalar_bytes, const probes::YamlEvent& scalar, std::string_view text) {
    std::string changed(scalar_bytes);
    if (!scalar.plain) return changed.insert(changed.size() - 1, text);
    changed += text;
    return scalar.in_flow && text.contains(',') ? '"' + changed + '"' : changed;
}

}  // namespace aggmedic::remediate
