#include "daemon/cli/fields.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "net/text.hpp"

namespace aggmedic::cli {
namespace {

constexpr std::size_t diff_lines_max = 400;

const nlohmann::json* find(const nlohmann::json& object, std::string_view key) {
    if (!object.is_object()) return nullptr;
    const auto found = object.find(key);
    return found == object.end() ? nullptr : &*found;
}

}  // namespace

std::string text_of(const nlohmann::json& object, std::string_view key, std::size_t limit) {
    const auto* value = find(object, key);
    if (value == nullptr || !value->is_string()) return {};
    return printable(value->get_ref<const std::string&>(), limit);
}

std::vector<std::string> lines_of(const nlohmann::json& object, std::string_view key) {
    const auto* value = find(object, key);
    std::vector<std::string> lines;
    if (value == nullptr || !value->is_string()) return lines;
    std::string_view text = value->get_ref<const std::string&>();
    if (text.ends_with('\n')) text.remove_suffix(1);
    for (const auto line : split(text, '\n')) {
        if (lines.size() == diff_lines_max) break;
        lines.push_back(printable(line, 4096));
    }
    return lines;
}

std::vector<std::string> texts_of(const nlohmann::json& object, std::string_view key) {
    std::vector<std::string> texts;
    for (const auto& element : list_of(object, key)) {
        if (element.is_string()) texts.push_back(printable(element.get_ref<const std::string&>(), 1024));
    }
    return texts;
}

bool truth_of(const nlohmann::json& object, std::string_view key) {
    const auto* value = find(object, key);
    return value != nullptr && value->is_boolean() && value->get<bool>();
}

std::optional<std::int64_t> number_of(const nlohmann::json& object, std::string_view key) {
    const auto* value = find(object, key);
    if (value == nullptr || !value->is_number()) return std::nullopt;
    if (value->is_number_float()) return static_cast<std::int64_t>(std::clamp(value->get<double>(), -1e15, 1e15));
    return value->get<std::int64_t>();
}

std::string time_of(const nlohmann::json& object, std::string_view key) {
    auto time = text_of(object, key);
    const auto fraction = time.find('.');
    if (fraction != std::string::npos && time.ends_with('Z')) time.erase(fraction, time.size() - 1 - fraction);
    return time;
}

std::string short_seconds_of(const nlohmann::json& object, std::string_view key) {
    const auto* value = find(object, key);
    if (value == nullptr || !value->is_number()) return {};
    const double seconds = std::clamp(value->get<double>(), 0.0, 1e9);
    return seconds < 9.95 && value->is_number_float() ? fmt::format("{:.1f}s", seconds)
                                                      : fmt::format("{:.0f}s", seconds);
}

const nlohmann::json& list_of(const nlohmann::json& object, std::string_view key) {
    static const nlohmann::json nothing = nlohmann::json::array();
    const auto* value = find(object, key);
    return value == nullptr || !value->is_array() ? nothing : *value;
}

std::string joined(const std::vector<std::string>& texts, std::string_view separator) {
    return fmt::format("{}", fmt::join(texts, separator));
}

std::string counted(std::size_t count, std::string_view singular, std::string_view plural) {
    return fmt::format("{} {}", count, count == 1 ? singular : plural);
}

std::string seconds_text(std::int64_t seconds) {
    if (seconds < 0) seconds = 0;
    if (seconds < 60) return fmt::format("{} s", seconds);
    if (seconds % 60 == 0) return fmt::format("{} min", seconds / 60);
    return fmt::format("{} min {} s", seconds / 60, seconds % 60);
}

std::string typed_word(std::string_view word) {
    const bool plain = !word.empty() && std::ranges::all_of(word, [](char byte) {
        return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || (byte >= '0' && byte <= '9') ||
               std::string_view("-_./:=@%+,").contains(byte);
    });
    return plain ? std::string(word) : shell_quote(word);
}

}  // namespace aggmedic::cli
