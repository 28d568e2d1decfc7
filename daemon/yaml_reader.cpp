#include "daemon/yaml_reader.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <tuple>

#include "net/text.hpp"
#include "net/time.hpp"

namespace aggmedic::daemon {
namespace {

constexpr std::size_t text_length_max = 4096;  // of one fault, which may quote the file

ConfigFault at(const std::string& file, const YAML::Mark& mark, std::string text) {
    return {.file = file, .line = mark.line + 1, .column = mark.column + 1, .text = std::move(text)};
}

bool is_control(char character) {
    const auto byte = static_cast<unsigned char>(character);
    return byte < 0x20 || byte == 0x7F;
}

std::string_view kind_of(const YAML::Node& node) {
    if (node.IsMap()) return "a mapping";
    if (node.IsSequence()) return "a list";
    if (node.IsScalar()) return "a single value";
    return "nothing";
}

}  // namespace

void Faults::add(const YAML::Mark& mark, std::string text) {
    faults_.push_back(at(file_, mark, printable(text, text_length_max)));
}

void Faults::add(std::string text) {
    faults_.push_back({.file = file_, .line = 0, .column = 0, .text = printable(text, text_length_max)});
}

void Faults::warn(const YAML::Mark& mark, std::string text) {
    warnings_.push_back(at(file_, mark, printable(text, text_length_max)));
}

std::vector<ConfigFault> Faults::take_faults() {
    const auto place = [](const ConfigFault& fault) { return std::tie(fault.line, fault.column, fault.text); };
    std::ranges::sort(faults_, {}, place);
    return std::move(faults_);
}

std::vector<ConfigFault> Faults::take_warnings() {
    return std::move(warnings_);
}

MapReader::MapReader(const YAML::Node& node, const YAML::Mark& mark, std::string path, Faults& faults)
    : mark_(mark), path_(std::move(path)), faults_(faults), is_map_(node.IsMap()) {
    if (!is_map_) {
        const auto name = path_.empty() ? std::string("the configuration") : path_;
        faults_.add(mark_, fmt::format("{} must be a mapping (key: value), it is {}", name, kind_of(node)));
        return;
    }
    for (const auto& pair : node) {
        const auto key_mark = pair.first.Mark();
        if (!pair.first.IsScalar()) {
            faults_.add(key_mark, "a key must be a plain word");
            continue;
        }
        const auto& key = pair.first.Scalar();
        if (std::ranges::find(entries_, key, &Entry::key) != entries_.end()) {
            faults_.add(key_mark, fmt::format("{} stands here a second time; keep one", name_of(printable(key))));
            continue;
        }
        // yaml-cpp marks an empty value with the place of whatever comes next.
        const auto value_mark = pair.second.IsNull() ? key_mark : pair.second.Mark();
        entries_.push_back({.key = key,
                            .setting = {.value = pair.second, .mark = value_mark, .path = name_of(key)},
                            .key_mark = key_mark});
    }
}

std::string MapReader::name_of(std::string_view key) const {
    return path_.empty() ? std::string(key) : fmt::format("{}.{}", path_, key);
}

std::optional<Setting> MapReader::find(std::string_view key) {
    known_.emplace_back(key);
    const auto found = std::ranges::find(entries_, key, &Entry::key);
    if (found == entries_.end()) return std::nullopt;
    found->asked = true;
    return found->setting;
}

std::optional<std::string> scalar_text(const Setting& setting, Faults& faults) {
    if (!setting.value.IsScalar()) {
        faults.add(setting.mark, fmt::format("{} must be a text, it is {}", setting.path, kind_of(setting.value)));
        return std::nullopt;
    }
    const auto& text = setting.value.Scalar();
    if (text.empty()) {
        faults.add(setting.mark, setting.path + " is empty");
        return std::nullopt;
    }
    if (std::ranges::any_of(text, is_control)) {
        faults.add(setting.mark, setting.path + " holds a control character");
        return std::nullopt;
    }
    return text;
}

std::optional<std::string> MapReader::text(std::string_view key) {
    const auto setting = find(key);
    return setting ? scalar_text(*setting, faults_) : std::nullopt;
}

std::optional<int> MapReader::integer(std::string_view key, int least, int most) {
    const auto setting = find(key);
    if (!setting) return std::nullopt;
    int number = 0;
    // "?" is yaml-cpp's tag of a plain scalar: "5" in quotes is a text.
    const bool plain = setting->value.IsScalar() && setting->value.Tag() == "?";
    const auto digits = plain ? setting->value.Scalar() : std::string();
    const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    const bool whole = !digits.empty() && parsed.ec == std::errc() && parsed.ptr == digits.data() + digits.size();
    if (whole && number >= least && number <= most) return number;
    faults_.add(setting->mark, fmt::format("{} must be a whole number from {} to {}", setting->path, least, most));
    return std::nullopt;
}

void MapReader::duration(std::string_view key, milliseconds least, milliseconds most, milliseconds& value) {
    const auto setting = find(key);
    if (!setting) return;
    const auto parsed = setting->value.IsScalar() ? parse_duration(setting->value.Scalar()) : std::nullopt;
    if (!parsed) {
        faults_.add(setting->mark, setting->path + " must be a duration such as 250ms, 30s, 5m or 1h");
    } else if (*parsed < least || *parsed > most) {
        faults_.add(setting->mark, fmt::format("{} must lie between {} and {}", setting->path, format_duration(least),
                                               format_duration(most)));
    } else {
        value = *parsed;
    }
}

void MapReader::each(std::string_view key, const std::function<void(const Setting&)>& read) {
    const auto list = find(key);
    if (!list) return;
    if (!list->value.IsSequence()) {
        faults_.add(list->mark, fmt::format("{} must be a list, it is {}", list->path, kind_of(list->value)));
        return;
    }
    std::size_t index = 0;
    for (const auto& item : list->value) {
        const auto item_mark = item.IsNull() ? list->mark : item.Mark();
        read({.value = item, .mark = item_mark, .path = fmt::format("{}[{}]", list->path, index++)});
    }
}

std::optional<std::vector<std::string>> MapReader::texts(std::string_view key) {
    if (std::ranges::find(entries_, key, &Entry::key) == entries_.end()) {
        known_.emplace_back(key);
        return std::nullopt;
    }
    std::vector<std::string> values;
    each(key, [&](const Setting& item) {
        if (auto value = scalar_text(item, faults_)) values.push_back(std::move(*value));
    });
    return values;
}

void MapReader::refuse(std::string_view key, std::string_view why) {
    const auto found = std::ranges::find(entries_, key, &Entry::key);
    if (found == entries_.end()) return;
    found->asked = true;
    faults_.add(found->key_mark, fmt::format("{} {}", name_of(key), why));
}

void MapReader::require(std::string_view key) {
    if (!is_map_ || std::ranges::find(entries_, key, &Entry::key) != entries_.end()) return;
    faults_.add(mark_, fmt::format("{} is missing", name_of(key)));
}

void MapReader::finish() {
    std::ranges::sort(known_);
    const auto repeated = std::ranges::unique(known_);
    known_.erase(repeated.begin(), repeated.end());
    for (const auto& entry : entries_) {
        if (entry.asked) continue;
        faults_.add(entry.key_mark, fmt::format("{} is no key that aggmedic knows; known here: {}",
                                                name_of(printable(entry.key, 64)), fmt::join(known_, ", ")));
    }
}

}  // namespace aggmedic::daemon
