#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "probes/command_line.hpp"
#include "probes/yaml_events.hpp"

// Ways through the events of one YAML document.
namespace aggmedic::probes {

// The index just behind the node that begins at `index`.
std::size_t behind_node(std::span<const YamlEvent> events, std::size_t index);

// Where the value of `key` begins in the map at `map`; also nothing where there is no map.
std::optional<std::size_t> value_of(std::span<const YamlEvent> events, std::size_t map, std::string_view key);
std::optional<std::string> scalar_of(std::span<const YamlEvent> events, std::size_t map, std::string_view key);

// A scalar or an entry without a value as a word of a command line. One that is written over several lines (a block
// scalar or a folded one) is read and cannot grow.
CommandWord word_of(std::string_view bytes, const YamlEvent& event);

// One event in words, for CommandLine::rest.
std::string described(const YamlEvent& event);

}  // namespace aggmedic::probes
