#include "remediate/edit.hpp"

#include <algorithm>
#include <iterator>
#include <span>
#include <utility>
#include <vector>

#include "net/text.hpp"
#include "probes/bpm_file.hpp"
#include "probes/common_name.hpp"
#include "remediate/allowed_names.hpp"
#include "remediate/diff.hpp"
#include "remediate/yaml_scalar.hpp"

namespace aggmedic::remediate {
namespace {

using probes::BpmArgument;
using probes::YamlEvent;

EditResult say(EditAnswer answer, std::string reason) {
    EditResult result;
    result.answer = answer;
    result.reason = std::move(reason);
    return result;
}

// What stands between `--flag` and the list of names; the value may be an entry of its own.
struct FlagUse {
    std::size_t entry = 0;       // the entry that holds the list
    std::string list;            // decoded
    bool without_value = false;  // `--flag` with nothing behind it that could be a list
};

// The apiserver reads an underscore in a flag's name as a dash.
bool names_flag(std::string_view argument, std::string_view flag) {
    const auto dashes = [](char byte) { return byte == '_' ? '-' : byte; };
    const std::string_view given = argument.substr(0, argument.find('='));
    return given.starts_with("--") && std::ranges::equal(given.substr(2), flag, {}, dashes, dashes);
}

std::vector<FlagUse> find_flag(std::span<const BpmArgument> entries, std::string_view flag) {
    std::vector<FlagUse> uses;
    for (std::size_t at = 0; at < entries.size(); ++at) {
        const std::string argument = entries[at].value.value_or("");
        if (argument == "--") break;  // what follows is read as no flag
        if (!names_flag(argument, flag)) continue;
        if (const std::size_t equals = argument.find('='); equals != argument.npos) {
            uses.push_back({.entry = at, .list = argument.substr(equals + 1)});
            continue;
        }
        const bool followed =
            at + 1 < entries.size() && entries[at + 1].value && !entries[at + 1].value->starts_with('-');
        if (followed) {
            uses.push_back({.entry = at + 1, .list = *entries[at + 1].value});
            ++at;
        } else {
            uses.push_back({.entry = at, .list = {}, .without_value = true});
        }
    }
    return uses;
}

// Why this use of the flag gets no name more, or nothing.
std::optional<EditResult> decline(std::span<const FlagUse> uses, const BpmEdit& edit) {
    const std::string flag = "--" + edit.flag;
    if (uses.empty())
        return say(EditAnswer::not_found,
                   flag + " is not there, so any name is accepted: adding one would narrow access.");
    if (uses.size() > 1)
        return say(EditAnswer::refused_flag_twice, flag + " is there more than once, and its lists are joined.");
    const auto& use = uses.front();
    if (use.without_value) return say(EditAnswer::refused_empty_list, flag + " stands without a value.");
    if (use.list.empty()) {
        return say(EditAnswer::refused_empty_list,
                   flag + " is empty, so any name is accepted: adding one would narrow access.");
    }
    const auto names = read_allowed_names(use.list);
    if (!names)
        return say(EditAnswer::refused_not_a_list, "The value of " + flag + " is not a plain list of different names.");
    if (std::ranges::find(*names, edit.add_name) != names->end()) {
        return say(EditAnswer::already_right, edit.add_name + " is among the names of " + flag + ".");
    }
    return std::nullopt;
}

// Both files say the same but for the value of one scalar. Offsets behind it have moved by `growth`.
bool differ_only_in(std::span<const YamlEvent> before, std::span<const YamlEvent> after, std::size_t changed,
                    const std::string& value, std::size_t growth) {
    if (before.size() != after.size()) return false;
    for (std::size_t at = 0; at < before.size(); ++at) {
        YamlEvent expected = before[at];
        if (at == changed) {
            expected.value = value;
            expected.plain = after[at].plain;  // quotes may have become necessary
        } else if (expected.offset > before[changed].offset) {
            expected.offset += growth;
        }
        if (expected != after[at]) return false;
    }
    return true;
}

std::string describe_neighbours(std::span<const BpmArgument> entries, std::size_t entry) {
    std::string lines;
    const auto has_value = [](const BpmArgument& argument) { return argument.value.has_value(); };
    const auto before = std::find_if(std::make_reverse_iterator(entries.begin() + static_cast<std::ptrdiff_t>(entry)),
                                     entries.rend(), has_value);
    const auto after = std::find_if(entries.begin() + static_cast<std::ptrdiff_t>(entry) + 1, entries.end(), has_value);
    if (before != entries.rend()) lines += "# before it: " + flag_name_only(*before->value) + "\n";
    if (after != entries.end()) lines += "# after it: " + flag_name_only(*after->value) + "\n";
    return lines;
}

}  // namespace

std::string_view name(EditAnswer answer) noexcept {
    switch (answer) {
        case EditAnswer::changed:
            return "changed";
        case EditAnswer::already_right:
            return "already-right";
        case EditAnswer::not_found:
            return "not-found";
        case EditAnswer::refused_empty_list:
            return "refused-empty-list";
        case EditAnswer::refused_flag_twice:
            return "refused-flag-twice";
        case EditAnswer::refused_not_a_list:
            return "refused-not-a-list";
        case EditAnswer::refused_argument_count:
            return "refused-argument-count";
        case EditAnswer::not_understood:
            return "not-understood";
        case EditAnswer::refused_name:
            return "refused-name";
    }
    return "not-understood";
}

EditResult edit_bpm(std::string_view bytes, const BpmEdit& edit) {
    if (auto why = probes::common_name_refusal(edit.add_name); !why.empty())
        return say(EditAnswer::refused_name, std::move(why));
    const auto events = probes::read_yaml_events(bytes);
    if (!events) return say(EditAnswer::not_understood, events.error().detail);
    const auto arguments = probes::find_bpm_arguments(*events, edit.process);
    if (!arguments) return say(EditAnswer::not_understood, arguments.error().detail);
    if (edit.live_argument_count && !arguments->explains_count(*edit.live_argument_count)) {
        return say(EditAnswer::refused_argument_count,
                   "The live process has " + std::to_string(*edit.live_argument_count) + " arguments, the file " +
                       std::to_string(arguments->entries.size()) + ".");
    }
    const auto uses = find_flag(arguments->entries, edit.flag);
    if (auto declined = decline(uses, edit)) return *declined;

    const auto& argument = arguments->entries[uses.front().entry];
    const auto& scalar = (*events)[argument.event];
    const auto range = find_scalar(bytes, scalar);
    if (!range) return say(EditAnswer::not_understood, "The argument is written over several lines.");
    const auto scalar_bytes = bytes.substr(range->begin, range->end - range->begin);
    const auto new_scalar_bytes = append_to_scalar(scalar_bytes, scalar, "," + edit.add_name);

    EditResult result = say(EditAnswer::changed, edit.add_name + " is added to --" + edit.flag + ".");
    result.bytes =
        std::string(bytes.substr(0, range->begin)) + new_scalar_bytes + std::string(bytes.substr(range->end));
    result.argument_before = scalar.value;
    result.argument_after = scalar.value + "," + edit.add_name;
    const auto new_events = probes::read_yaml_events(result.bytes);
    const std::size_t growth = new_scalar_bytes.size() - scalar_bytes.size();
    if (!new_events || !differ_only_in(*events, *new_events, argument.event, result.argument_after, growth)) {
        return say(EditAnswer::not_understood, "The changed file would not differ in this one argument only.");
    }
    result.line = probes::line_of(bytes, range->begin);
    result.diff = show_line_change(bytes, result.bytes, *range, {.begin = range->begin, .end = range->end + growth}) +
                  describe_neighbours(arguments->entries, uses.front().entry);
    return result;
}

EditResult take_back_bpm(std::string_view bytes, const BpmEdit& edit, std::string_view sha256_before) {
    if (sha256_hex(bytes) == sha256_before) return say(EditAnswer::already_right, "It is the file that the run found.");
    const std::string element = "," + edit.add_name;
    for (auto at = bytes.find(element); at != std::string_view::npos; at = bytes.find(element, at + 1)) {
        std::string without = std::string(bytes.substr(0, at)) + std::string(bytes.substr(at + element.size()));
        if (sha256_hex(without) != sha256_before) continue;
        const auto again = edit_bpm(without, edit);
        if (again.answer != EditAnswer::changed || again.bytes != bytes) break;
        EditResult result = say(EditAnswer::changed, edit.add_name + " is taken out of --" + edit.flag + " again.");
        result.argument_before = again.argument_after;
        result.argument_after = again.argument_before;
        result.line = again.line;
        result.diff = show_taken_back(again.diff);
        result.bytes = std::move(without);
        return result;
    }
    return say(EditAnswer::not_understood,
               "It is neither what the run wrote nor what it found: somebody changed it since. Take the name out by "
               "hand, restart, and revert again.");
}

}  // namespace aggmedic::remediate
