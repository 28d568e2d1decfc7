#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "net/text.hpp"
#include "probes/platform.hpp"
#include "remediate/edit.hpp"

namespace aggmedic::fuzz {

constexpr std::string_view inserted = ",demo.example";

// `after` is `before` with the name put in at one place, and at most a pair of quotes in the same line.
inline bool is_one_insertion(std::string_view before, std::string_view after) {
    const std::size_t growth = after.size() - before.size();
    const auto first = std::ranges::mismatch(before, after);
    const auto same = static_cast<std::size_t>(first.in1 - before.begin());
    if (growth == inserted.size()) {
        for (std::size_t at = same - std::min(same, inserted.size()); at <= same; ++at) {
            if (after.substr(at).starts_with(inserted) && after.substr(at + growth) == before.substr(at)) return true;
        }
        return false;
    }
    const std::size_t line_end = std::min(before.find('\n', same), before.size());
    return growth == inserted.size() + 2 && after.substr(line_end + growth) == before.substr(line_end);
}

// The words differ in one, which has become longer by the name.
inline bool is_one_name_more(const probes::CommandLine& before, const probes::CommandLine& after) {
    if (before.words.size() != after.words.size() || before.rest != after.rest) return false;
    std::size_t differences = 0;
    for (std::size_t at = 0; at < before.words.size(); ++at) {
        const auto &old_value = before.words[at].value, &new_value = after.words[at].value;
        if (old_value == new_value) continue;
        ++differences;
        if (!old_value || new_value != *old_value + std::string(inserted)) return false;
    }
    return differences == 1;
}

// What the editors promise for any bytes at all; the first broken promise, or nothing.
inline std::string_view broken_edit_claim(std::string_view platform_name, std::span<const probes::SourceFile> files) {
    const auto& platform = *probes::find_platform(platform_name);
    remediate::ArgumentEdit edit;
    edit.add_name = inserted.substr(1);
    const auto result = remediate::edit_arguments(platform, files, edit);
    if (result.reason.empty()) return "an answer has a reason";
    if (result.answer != remediate::EditAnswer::changed) return result.bytes.empty() ? "" : "no bytes without a change";

    if (result.file >= files.size() || !is_one_insertion(files[result.file].bytes, result.bytes))
        return "the name is put in at one place, and no other byte changes";
    std::vector<probes::SourceFile> changed(files.begin(), files.end());
    changed[result.file].bytes = result.bytes;
    const auto before = platform.read(files), after = platform.read(changed);
    if (!before || !after) return "both readings succeed";
    if (!is_one_name_more(*before, *after)) return "one argument ends in the name, and no other changes";
    if (remediate::edit_arguments(platform, changed, edit).answer != remediate::EditAnswer::already_right)
        return "the second edit finds the name";
    const auto& old = files[result.file].bytes;
    const auto back = remediate::take_back_arguments(platform, changed, edit, sha256_hex(old));
    if (back.answer != remediate::EditAnswer::changed || back.file != result.file || back.bytes != old)
        return "taken back, the old bytes are there";
    // The quotes that the edit put there are kept where nobody knows that it was the edit.
    const auto unproven = remediate::take_back_arguments(platform, changed, edit, "");
    if (unproven.answer != remediate::EditAnswer::changed || unproven.file != result.file ||
        !is_one_insertion(unproven.bytes, result.bytes))
        return "taken back without a digest, nothing but the name goes";
    return "";
}

}  // namespace aggmedic::fuzz
