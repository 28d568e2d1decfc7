#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>

#include "probes/bpm_file.hpp"
#include "remediate/edit.hpp"

namespace aggmedic::fuzz {

// What edit_bpm promises for any bytes at all; the first broken promise, or nothing.
inline std::string_view broken_edit_claim(std::string_view bytes) {
    constexpr std::string_view inserted = ",demo.example";
    remediate::BpmEdit edit;
    edit.add_name = inserted.substr(1);
    const auto result = remediate::edit_bpm(bytes, edit);
    if (result.reason.empty()) return "an answer has a reason";
    if (result.answer != remediate::EditAnswer::changed) return result.bytes.empty() ? "" : "no bytes without a change";

    const std::string_view changed = result.bytes;
    const std::size_t growth = changed.size() - bytes.size();
    if (growth != inserted.size() && growth != inserted.size() + 2) return "the name, and quotes where they are needed";
    std::size_t same = 0;
    while (same < bytes.size() && bytes[same] == changed[same]) ++same;
    const std::size_t line_end = std::min(bytes.find('\n', same), bytes.size());
    if (changed.substr(line_end + growth) != bytes.substr(line_end)) return "no other line changes";

    const auto before = probes::read_bpm(bytes, edit.process), after = probes::read_bpm(changed, edit.process);
    if (!before || !after || before->entries.size() != after->entries.size()) return "both files are understood";
    std::size_t differences = 0;
    for (std::size_t at = 0; at < before->entries.size(); ++at) {
        const auto &old_value = before->entries[at].value, &new_value = after->entries[at].value;
        if (old_value == new_value) continue;
        ++differences;
        if (!old_value || new_value != *old_value + std::string(inserted)) return "the argument ends in the name";
    }
    if (differences != 1) return "one argument changes";
    if (remediate::edit_bpm(changed, edit).answer != remediate::EditAnswer::already_right)
        return "the second edit finds the name";
    return "";
}

}  // namespace aggmedic::fuzz
