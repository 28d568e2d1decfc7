#pragma once

#include <charconv>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "net/text.hpp"
#include "probes/look_draft.hpp"

// How lines of a look are read, and the keys that came after the first version of the helper: each may be missing.
namespace aggmedic::probes {

using Words = std::vector<std::string_view>;

// A key of the format: how many words its line has (the key included), whether it may come again, how it is read.
struct LookKey {
    std::size_t words;
    bool repeats;
    std::function<bool(const Words&, LookDraft&)> read;
};

const std::map<std::string_view, LookKey>& fact_keys();

template <class T>
bool number(std::string_view word, T& value, int base = 10) {
    const auto parsed = std::from_chars(word.data(), word.data() + word.size(), value, base);
    return parsed.ec == std::errc() && parsed.ptr == word.data() + word.size() && !word.empty();
}

inline bool bytes_of(std::string_view word, std::string& bytes) {
    constexpr std::string_view lead = "b64:";
    return word.starts_with(lead) && base64_decode(word.substr(lead.size()), bytes);
}

}  // namespace aggmedic::probes
