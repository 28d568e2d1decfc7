#include "remediate/edit.hpp"

#include <algorithm>
#include <iterator>
#include <utility>
#include <vector>

#include "net/text.hpp"
#include "probes/common_name.hpp"
#include "probes/yaml_events.hpp"
#include "remediate/allowed_names.hpp"
#include "remediate/diff.hpp"

namespace aggmedic::remediate {
namespace {

using probes::CommandLine;
using probes::CommandWord;
using probes::SourceFile;

using Words = std::span<const CommandWord>;

EditResult say(EditAnswer answer, std::string reason) {
    EditResult result;
    result.answer = answer;
    result.reason = std::move(reason);
    return result;
}

// What stands between `--flag` and the list of names; the value may be an entry of its own.
struct FlagUse {
    std::size_t word = 0;        // the word that holds the list
    std::string list;            // decoded
    bool without_value = false;  // `--flag` with nothing behind it that could be a list
};

std::vector<FlagUse> find_flag(Words words, std::string_view flag) {
    std::vector<FlagUse> uses;
    for (std::size_t at = 0; at < words.size(); ++at) {
        const std::string argument = words[at].value.value_or("");
        if (argument == "--") break;  // what follows is read as no flag
        if (!probes::names_flag(argument, flag)) continue;
        if (const std::size_t equals = argument.find('='); equals != argument.npos) {
            uses.push_back({.word = at, .list = argument.substr(equals + 1)});
            continue;
        }
        const bool followed = at + 1 < words.size() && words[at + 1].value && !words[at + 1].value->starts_with('-');
        if (followed) {
            uses.push_back({.word = at + 1, .list = *words[at + 1].value});
            ++at;
        } else {
            uses.push_back({.word = at, .list = {}, .without_value = true});
        }
    }
    return uses;
}

// What is put in at the start may be a flag of any name.
bool may_hide_a_flag(const CommandWord& word) {
    if (word.certain || !word.value) return false;
    const std::string_view name = std::string_view(*word.value).substr(0, word.value->find('='));
    return name == *word.value || name.find_first_of("%$") != name.npos;
}

// Why this use of the flag gets no name more, or nothing.
std::optional<EditResult> decline(std::span<const FlagUse> uses, const ArgumentEdit& edit) {
    const std::string flag = "--" + edit.flag;
    if (uses.empty())
        return say(EditAnswer::not_found,
                   flag + " is not there, so any name is accepted: adding one would narrow access.");
    if (uses.size() > 1)
        return say(EditAnswer::refused_flag_twice,
                   flag + " is there more than once, and its lists are joined; leave one of them.");
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

// Both readings say the same but for the value of one word.
bool differ_only_in(const CommandLine& before, const CommandLine& after, std::size_t changed,
                    const std::string& value) {
    if (before.executable != after.executable || before.rest != after.rest || before.words.size() != after.words.size())
        return false;
    for (std::size_t at = 0; at < before.words.size(); ++at) {
        const auto &was = before.words[at], &is = after.words[at];
        if (is.certain != was.certain || is.file != was.file) return false;
        if (is.value != (at == changed ? std::optional(value) : was.value)) return false;
    }
    return true;
}

std::string describe_neighbours(Words words, std::size_t changed) {
    std::string lines;
    const auto has_value = [](const CommandWord& word) { return word.value.has_value(); };
    const auto at = words.begin() + static_cast<std::ptrdiff_t>(changed);
    const auto before = std::find_if(std::make_reverse_iterator(at), words.rend(), has_value);
    const auto after = std::find_if(at + 1, words.end(), has_value);
    if (before != words.rend()) lines += "# before it: " + flag_name_only(*before->value) + "\n";
    if (after != words.end()) lines += "# after it: " + flag_name_only(*after->value) + "\n";
    return lines;
}

EditResult objected(const CommandWord& word) {
    return say(EditAnswer::refused_place, "The list cannot be changed: " + word.objection + ".");
}

// Why the list cannot grow where it stands, or nothing.
std::optional<EditResult> decline_place(Words words, const FlagUse& use) {
    for (const auto& word : words) {
        if (&word != &words[use.word] && may_hide_a_flag(word))
            return say(EditAnswer::refused_place, "Another argument is put in at the start, and may be this flag too.");
    }
    const auto& word = words[use.word];
    if (!word.objection.empty()) return objected(word);
    if (word.verbatim == 0) {
        return say(EditAnswer::not_understood, "The argument is written over several lines; write it in one.");
    }
    if (word.verbatim < use.list.size())
        return say(EditAnswer::refused_place, "The list is put together from several places; write it in one.");
    return std::nullopt;
}

std::string grown(const std::string& bytes, const CommandWord& word, std::string_view text) {
    const std::string_view whole = bytes;
    const std::string_view quote = word.grows_in_quotes ? "\"" : "";
    std::string result(whole.substr(0, word.bytes.begin));
    result += quote;
    result += whole.substr(word.bytes.begin, word.grows_at - word.bytes.begin);
    result += text;
    result += whole.substr(word.grows_at, word.bytes.end - word.grows_at);
    result += quote;
    result += whole.substr(word.bytes.end);
    return result;
}

EditResult with_place(EditResult result, std::span<const SourceFile> files, const CommandWord& word) {
    const auto& file = files[word.file];
    result.file = word.file;
    result.line = probes::line_of(file.bytes, word.bytes.begin);
    if (!file.path.empty()) result.reason = probes::place_of(file, word.bytes.begin) + ": " + result.reason;
    return result;
}

// What the file may have been before the element that ends at `behind`: without it, and without the quotes that it may
// have needed.
std::vector<std::string> without_element(std::string_view bytes, std::size_t behind, std::string_view element) {
    const std::string_view front = bytes.substr(0, behind), rest = bytes.substr(behind);
    if (!front.ends_with(element)) return {};
    const std::string_view kept = front.substr(0, behind - element.size());
    std::vector<std::string> earlier{std::string(kept) + std::string(rest)};
    const auto opening = kept.find_last_of("\"\n");
    if (opening != kept.npos && kept[opening] == '"' && rest.starts_with('"')) {
        earlier.push_back(std::string(kept.substr(0, opening)) + std::string(kept.substr(opening + 1)) +
                          std::string(rest.substr(1)));
    }
    return earlier;
}

std::vector<std::string> without_name(const CommandLine& line, std::span<const SourceFile> files,
                                      const ArgumentEdit& edit) {
    const auto uses = find_flag(line.words, edit.flag);
    if (uses.size() != 1) return {};
    const auto& word = line.words[uses.front().word];
    return without_element(files[word.file].bytes, word.grows_at, "," + edit.add_name);
}

// Whether the file is known not to hold the name, however its list is written.
bool lacks_name(const CommandLine& line, const ArgumentEdit& edit) {
    const auto uses = find_flag(line.words, edit.flag);
    const auto may_hold = [&](const FlagUse& use) {
        const auto names = read_allowed_names(use.list);
        return names ? std::ranges::find(*names, edit.add_name) != names->end() : use.list.contains(edit.add_name);
    };
    return std::ranges::none_of(line.words, may_hide_a_flag) && std::ranges::none_of(uses, [&](const FlagUse& use) {
               return !line.words[use.word].certain || may_hold(use);
           });
}

EditResult grow(const probes::Platform& platform, std::span<const SourceFile> files, const CommandLine& line,
                std::size_t changed, const ArgumentEdit& edit) {
    const auto& word = line.words[changed];
    const std::string& before = files[word.file].bytes;
    EditResult result = say(EditAnswer::changed, edit.add_name + " is added to --" + edit.flag + ".");
    result.bytes = grown(before, word, "," + edit.add_name);
    result.argument_before = *word.value;
    result.argument_after = *word.value + "," + edit.add_name;

    std::vector<SourceFile> changed_files(files.begin(), files.end());
    changed_files[word.file].bytes = result.bytes;
    const auto again = platform.read(changed_files);
    if (!again || !differ_only_in(line, *again, changed, result.argument_after))
        return say(EditAnswer::not_understood, "The changed file would not differ in this one argument only.");
    const std::size_t growth = result.bytes.size() - before.size();
    result.diff = show_line_change(before, result.bytes, word.bytes,
                                   {.begin = word.bytes.begin, .end = word.bytes.end + growth}) +
                  describe_neighbours(line.words, changed);
    return result;
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
        case EditAnswer::refused_place:
            return "refused-place";
        case EditAnswer::not_understood:
            return "not-understood";
        case EditAnswer::refused_name:
            return "refused-name";
    }
    return "not-understood";
}

EditResult edit_arguments(const probes::Platform& platform, std::span<const SourceFile> files,
                          const ArgumentEdit& edit) {
    if (auto why = probes::common_name_refusal(edit.add_name); !why.empty())
        return say(EditAnswer::refused_name, std::move(why));
    const auto line = platform.read(files);
    if (!line) return say(EditAnswer::not_understood, line.error().detail);
    if (edit.live_argument_count && !line->explains_count(*edit.live_argument_count)) {
        return say(EditAnswer::refused_argument_count,
                   "The live process has " + std::to_string(*edit.live_argument_count) + " arguments, the file " +
                       std::to_string(line->words.size()) + ".");
    }
    const auto uses = find_flag(line->words, edit.flag);
    if (uses.empty()) return *decline(uses, edit);
    const std::size_t changed = uses.back().word;
    const auto& word = line->words[changed];
    // What the list becomes is not known: neither is what it holds.
    if (!word.certain) return with_place(objected(word), files, word);
    if (auto declined = decline(uses, edit)) return with_place(*declined, files, word);
    if (auto declined = decline_place(line->words, uses.front())) return with_place(*declined, files, word);
    return with_place(grow(platform, files, *line, changed, edit), files, word);
}

EditResult take_back_arguments(const probes::Platform& platform, std::span<const SourceFile> files,
                               const ArgumentEdit& edit, std::string_view sha256_before) {
    const auto line = platform.read(files);
    const std::size_t file = line ? probes::file_of_flag(*line, edit.flag).value_or(0) : 0;
    const std::string_view bytes = files[file].bytes;
    if (sha256_hex(bytes) == sha256_before) return say(EditAnswer::already_right, "It is the file that the run found.");
    if (!line) return say(EditAnswer::not_understood, line.error().detail);
    if (lacks_name(*line, edit)) {
        return say(EditAnswer::already_right, "Somebody changed it since, and " + edit.add_name +
                                                  " is not among the names of --" + edit.flag + ".");
    }
    auto earlier = without_name(*line, files, edit);
    std::ranges::stable_partition(earlier, [&](const auto& each) { return sha256_hex(each) == sha256_before; });
    std::vector<SourceFile> before(files.begin(), files.end());
    for (auto& each : earlier) {
        before[file].bytes = std::move(each);
        const auto again = edit_arguments(platform, before, edit);
        if (again.answer != EditAnswer::changed || again.file != file || again.bytes != bytes) continue;
        EditResult result = say(EditAnswer::changed, edit.add_name + " is taken out of --" + edit.flag + " again.");
        result.file = file;
        result.argument_before = again.argument_after;
        result.argument_after = again.argument_before;
        result.line = again.line;
        result.diff = show_taken_back(again.diff);
        result.bytes = std::move(before[file].bytes);
        return result;
    }
    return say(EditAnswer::not_understood, "Somebody changed it since, and " + edit.add_name +
                                               " is not the last of one plain list any more. Take it out by hand, "
                                               "restart kube-apiserver, and revert again.");
}

}  // namespace aggmedic::remediate
