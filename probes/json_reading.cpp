#include "probes/json_reading.hpp"

#include <algorithm>
#include <vector>

namespace aggmedic::probes {

namespace {

constexpr int depth_max = 16;
constexpr std::size_t values_max = 400'000;  // of what is kept: far above any real list, far below what hurts

template <class Keep>
Result<nlohmann::json> read_kept(std::string_view text, Keep keeps_key) {
    using nlohmann::json;
    std::size_t kept = 0;
    bool is_cut = false;  // a document in part would pass for all there is
    const json::parser_callback_t keep = [&](int depth, json::parse_event_t event, json& value) {
        switch (event) {
            case json::parse_event_t::key:
                return keeps_key(value.get_ref<const std::string&>());
            case json::parse_event_t::object_start:
            case json::parse_event_t::array_start:
            case json::parse_event_t::value:
                is_cut = is_cut || depth > depth_max || ++kept > values_max;
                return !is_cut;
            default:
                return true;
        }
    };
    auto document = json::parse(text, keep, false);
    if (is_cut) return fail(Errc::too_large, "the answer holds too many values, or nests too deeply");
    if (document.is_discarded() || !document.is_object())
        return fail(Errc::malformed_reply, "the answer is no JSON object");
    return document;
}

}  // namespace

Result<nlohmann::json> read_json_object(std::string_view text, std::initializer_list<std::string_view> keys) {
    return read_kept(text, [&](const std::string& key) { return std::ranges::find(keys, key) != keys.end(); });
}

Result<nlohmann::json> read_json_object(std::string_view text) {
    return read_kept(text, [](const std::string&) { return true; });
}

std::string text_at(const nlohmann::json& object, std::string_view key) {
    if (!object.is_object()) return {};
    const auto found = object.find(key);
    return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

bool flag_at(const nlohmann::json& object, std::string_view key) {
    if (!object.is_object()) return false;
    const auto found = object.find(key);
    return found != object.end() && found->is_boolean() && found->get<bool>();
}

const nlohmann::json& object_at(const nlohmann::json& object, std::string_view key) {
    static const nlohmann::json none = nlohmann::json::object();
    if (!object.is_object()) return none;
    const auto found = object.find(key);
    return found != object.end() && found->is_object() ? *found : none;
}

const nlohmann::json& array_at(const nlohmann::json& object, std::string_view key) {
    static const nlohmann::json none = nlohmann::json::array();
    if (!object.is_object()) return none;
    const auto found = object.find(key);
    return found != object.end() && found->is_array() ? *found : none;
}

bool condition_is_true(const nlohmann::json& status, std::string_view type) {
    return std::ranges::any_of(array_at(status, "conditions"), [&](const nlohmann::json& condition) {
        return text_at(condition, "type") == type && text_at(condition, "status") == "True";
    });
}

}  // namespace aggmedic::probes
