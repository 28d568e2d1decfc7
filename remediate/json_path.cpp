#include "remediate/json_path.hpp"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <utility>

#include "net/text.hpp"

namespace aggmedic::remediate {
namespace {

using nlohmann::json;

constexpr std::size_t parts_max = 16;
constexpr std::size_t text_bytes_max = 512;
constexpr std::size_t index_digits_max = 5;

bool is_plain(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

bool is_control(char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 || byte == 0x7f;
}

}  // namespace

// Takes the text from the left; each function takes what it is named after, or nothing.
class JsonPath::Parser {
  public:
    explicit Parser(std::string_view text) : rest_(text) {}

    bool done() const { return rest_.empty(); }
    std::string_view rest() const { return rest_; }

    std::optional<Part> part() {
        if (take("['")) return member_in_brackets();
        if (take("[?(@.")) return matching();
        if (take("[")) return index();
        if (take(".")) return word();
        return std::nullopt;
    }

  private:
    bool take(std::string_view prefix) {
        if (!rest_.starts_with(prefix)) return false;
        rest_.remove_prefix(prefix.size());
        return true;
    }
    std::optional<std::string> until(char quote) {
        const auto end = rest_.find(quote);
        if (end == std::string_view::npos || end == 0) return std::nullopt;
        std::string text(rest_.substr(0, end));
        if (std::ranges::any_of(text, is_control) || text.contains('\\')) return std::nullopt;
        rest_.remove_prefix(end);
        return text;
    }
    std::optional<std::string> word() {
        const auto end = std::ranges::find_if_not(rest_, is_plain);
        std::string text(rest_.begin(), end);
        rest_.remove_prefix(text.size());
        if (text.empty()) return std::nullopt;
        return text;
    }
    std::optional<Part> member_in_brackets() {
        auto name = until('\'');
        if (!name || !take("']")) return std::nullopt;
        return *std::move(name);
    }
    std::optional<Part> matching() {
        Matching match;
        auto name = word();
        if (!name || !take("==\"")) return std::nullopt;
        auto text = until('"');
        if (!text || !take("\")]")) return std::nullopt;
        return Matching{.name = *std::move(name), .text = *std::move(text)};
    }
    std::optional<Part> index() {
        std::size_t number = 0;
        const auto end = rest_.data() + std::min(rest_.size(), index_digits_max);
        const auto parsed = std::from_chars(rest_.data(), end, number);
        if (parsed.ec != std::errc()) return std::nullopt;
        rest_.remove_prefix(static_cast<std::size_t>(parsed.ptr - rest_.data()));
        if (!take("]")) return std::nullopt;
        return number;
    }

    std::string_view rest_;
};

Result<JsonPath> JsonPath::parse(std::string_view text) {
    const auto refuse = [](const std::string& why) { return fail(Errc::invalid_argument, why); };
    if (text.empty() || text.size() > text_bytes_max) return refuse("it must have 1 to 512 characters");
    JsonPath path;
    Parser parser(text);
    while (!parser.done()) {
        const std::string from(parser.rest());
        auto part = parser.part();
        if (!part) {
            return refuse("`" + printable(from, 64) +
                          R"(` is not understood: there are .NAME, ['NAME'], [N] and [?(@.NAME=="TEXT")])");
        }
        path.parts_.push_back(*std::move(part));
        if (path.parts_.size() > parts_max) return refuse("it has more than 16 parts");
    }
    return path;
}

JsonPath::Found JsonPath::find(const json& document) const {
    const json* at = &document;
    for (const auto& part : parts_) {
        if (const auto* name = std::get_if<std::string>(&part)) {
            if (!at->is_object() || !at->contains(*name)) return {.why = "there is no " + printable(*name, 64)};
            at = &(*at)[*name];
        } else if (const auto* index = std::get_if<std::size_t>(&part)) {
            if (!at->is_array() || *index >= at->size())
                return {.why = "there is no element " + std::to_string(*index)};
            at = &(*at)[*index];
        } else {
            const auto& match = std::get<Matching>(part);
            const auto matches = [&](const json& each) {
                return each.is_object() && each.contains(match.name) && each[match.name] == match.text;
            };
            const auto count = at->is_array() ? std::ranges::count_if(*at, matches) : 0;
            const std::string what = printable(match.name, 64) + " " + printable(match.text, 64);
            if (count == 0) return {.why = "no element has the " + what};
            if (count > 1) return {.why = "several elements have the " + what};
            at = &*std::ranges::find_if(*at, matches);
        }
    }
    return {.value = at, .why = {}};
}

std::optional<std::string> scalar_text(const json& value) {
    if (value.is_string()) return value.get<std::string>();
    if (value.is_number() || value.is_boolean()) return value.dump();
    return std::nullopt;
}

}  // namespace aggmedic::remediate
