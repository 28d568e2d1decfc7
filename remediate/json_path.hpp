#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "net/result.hpp"

namespace aggmedic::remediate {

// One value in a JSON document, by a small part of what kubectl calls JSONPath:
//
//   .NAME                 a member whose name has letters, digits, `_` and `-` alone
//   ['NAME']              a member of any other name without quotes and control characters
//   [N]                   an element of a list, counted from 0
//   [?(@.NAME=="TEXT")]   the one element of a list whose member NAME is the text TEXT
//
// as in `.status.conditions[?(@.type=="Ready")].status`. Whatever else kubectl knows (`..`, `*`, slices, several
// values, other comparisons) is refused: what is asked for is one value.
class JsonPath {
  public:
    // Errors: invalid_argument; the detail says which part is not understood.
    static Result<JsonPath> parse(std::string_view text);

    struct Found {
        const nlohmann::json* value = nullptr;  // within the document; nullptr: it is not there
        std::string why;                        // it is not there, in words
    };
    Found find(const nlohmann::json& document) const;

  private:
    struct Matching {  // of the elements of a list
        std::string name, text;
    };
    using Part = std::variant<std::string, std::size_t, Matching>;
    class Parser;

    std::vector<Part> parts_;
};

// A text as it is, a number or a boolean as JSON writes it; nullopt: anything else.
std::optional<std::string> scalar_text(const nlohmann::json& value);

}  // namespace aggmedic::remediate
