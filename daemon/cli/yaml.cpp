#include "daemon/cli/yaml.hpp"

#include <yaml-cpp/emitter.h>
#include <yaml-cpp/emittermanip.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <string_view>

#include "net/text.hpp"

namespace aggmedic::cli {
namespace {

// Whether every YAML reader takes the bare word for this string: a name, and none of the words that YAML 1.1 reads as a
// boolean or null.
bool is_plain(std::string_view text) {
    static constexpr std::array<std::string_view, 9> reserved = {"true", "false", "null", "yes", "no",
                                                                 "on",   "off",   "y",    "n"};
    const auto is_letter = [](char byte) { return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z'); };
    if (text.empty() || !is_letter(text.front())) return false;
    if (std::ranges::find(reserved, to_lower(text)) != reserved.end()) return false;
    return std::ranges::all_of(text, [&](char byte) {
        return is_letter(byte) || (byte >= '0' && byte <= '9') || std::string_view("_-./").contains(byte);
    });
}

void emit_text(YAML::Emitter& out, const std::string& text) {
    if (is_plain(text)) {
        out << text;
    } else {
        out << YAML::DoubleQuoted << text;
    }
}

void emit(YAML::Emitter& out, const nlohmann::json& value) {
    switch (value.type()) {
        case nlohmann::json::value_t::object:
            if (value.empty()) out << YAML::Flow;
            out << YAML::BeginMap;
            for (const auto& [key, element] : value.items()) {
                out << YAML::Key;
                emit_text(out, key);
                out << YAML::Value;
                emit(out, element);
            }
            out << YAML::EndMap;
            return;
        case nlohmann::json::value_t::array:
            if (value.empty()) out << YAML::Flow;
            out << YAML::BeginSeq;
            for (const auto& element : value) emit(out, element);
            out << YAML::EndSeq;
            return;
        case nlohmann::json::value_t::string:
            emit_text(out, value.get_ref<const std::string&>());
            return;
        case nlohmann::json::value_t::null:
            out << YAML::Null;
            return;
        default:
            out << value.dump();  // booleans and numbers are written alike
            return;
    }
}

}  // namespace

std::string to_yaml(const nlohmann::json& document) {
    YAML::Emitter out;
    out.SetNullFormat(YAML::LowerNull);
    out.SetOutputCharset(YAML::EscapeNonAscii);  // nothing that reorders or hides text reaches a terminal
    emit(out, document);
    return std::string(out.c_str(), out.size()) + "\n";
}

}  // namespace aggmedic::cli
