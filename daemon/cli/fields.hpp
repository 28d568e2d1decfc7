#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace aggmedic::cli {

// Reading a result for drawing. It comes from our own daemon, but what it carries was written by others (a CN, a body,
// a monit text), so every text passes printable() once more on its way to the terminal; what is missing or of another
// type reads as empty.
std::string text_of(const nlohmann::json& object, std::string_view key, std::size_t limit = 512);
// A text of several lines (a diff): each line made printable by itself.
std::vector<std::string> lines_of(const nlohmann::json& object, std::string_view key);
std::vector<std::string> texts_of(const nlohmann::json& object, std::string_view key);
bool truth_of(const nlohmann::json& object, std::string_view key);
std::optional<std::int64_t> number_of(const nlohmann::json& object, std::string_view key);
// A time as people read it: RFC 3339 without the fraction.
std::string time_of(const nlohmann::json& object, std::string_view key);
// A duration in seconds as people say it in a list: "0.4s", "41s"; empty where there is none.
std::string short_seconds_of(const nlohmann::json& object, std::string_view key);
// The elements of an array; empty for anything else.
const nlohmann::json& list_of(const nlohmann::json& object, std::string_view key);

std::string joined(const std::vector<std::string>& texts, std::string_view separator);
// "1 master", "3 masters".
std::string counted(std::size_t count, std::string_view singular, std::string_view plural);
// 45 -> "45 s", 130 -> "2 min 10 s".
std::string seconds_text(std::int64_t seconds);
// A shell word as a person would type it: quoted only where it must be.
std::string typed_word(std::string_view word);

}  // namespace aggmedic::cli
