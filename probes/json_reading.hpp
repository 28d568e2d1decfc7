#pragma once

#include <initializer_list>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "net/result.hpp"

// How untrusted JSON is read: only the keys that are wanted are kept, nothing deep, nothing endless, so that a document
// at its cap of 8 MiB costs a small multiple of what it says.
namespace aggmedic::probes {

// Errors: malformed_reply when `text` is no JSON object, too_large beyond 400,000 kept values or 16 levels. Values of
// other keys than `keys` (at any depth) are dropped.
Result<nlohmann::json> read_json_object(std::string_view text, std::initializer_list<std::string_view> keys);

// Likewise with all keys, for documents that are read whole.
Result<nlohmann::json> read_json_object(std::string_view text);

// A member's value when it is there with that type, else nothing: API objects may lack any field.
std::string text_at(const nlohmann::json& object, std::string_view key);
bool flag_at(const nlohmann::json& object, std::string_view key);
// The member when it is an object (or array), else an empty one.
const nlohmann::json& object_at(const nlohmann::json& object, std::string_view key);
const nlohmann::json& array_at(const nlohmann::json& object, std::string_view key);
// Whether the `conditions` of an object's status say True of this type (meta/v1 Condition).
bool condition_is_true(const nlohmann::json& status, std::string_view type);

}  // namespace aggmedic::probes
