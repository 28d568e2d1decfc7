#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "net/result.hpp"
#include "probes/yaml_events.hpp"

namespace aggmedic::probes {

// One entry of a process's `args` in a bpm.yml.
struct BpmArgument {
    std::optional<std::string> value;  // none: an entry without a value (`- `), which the templates leave behind
    std::size_t event = 0;             // its place in the event list
};

struct BpmArguments {
    std::string executable;
    std::vector<BpmArgument> entries;

    // What bpm passes on: before 1.2.5 (mid 2023) an entry without a value became an empty argument, since then it is
    // dropped.
    std::vector<std::string> passed_by_old_bpm() const;
    std::vector<std::string> passed_by_new_bpm() const;
};

// The arguments of one process. Errors: malformed_reply when the file is not understood (read_yaml_events), has no such
// process or has it twice, or an argument is no scalar, where bpm itself refuses.
Result<BpmArguments> read_bpm(std::string_view bytes, std::string_view process);

// The same from the events of a file.
Result<BpmArguments> find_bpm_arguments(std::span<const YamlEvent> events, std::string_view process);

}  // namespace aggmedic::probes
