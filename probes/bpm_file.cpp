#include "probes/bpm_file.hpp"

#include <algorithm>

namespace aggmedic::probes {
namespace {

using Events = std::span<const YamlEvent>;

bool opens(YamlKind kind) {
    return kind == YamlKind::sequence_start || kind == YamlKind::map_start;
}
bool closes(YamlKind kind) {
    return kind == YamlKind::sequence_end || kind == YamlKind::map_end;
}

// The index just behind the node that begins at `index`.
std::size_t behind(Events events, std::size_t index) {
    std::size_t depth = 0;
    do {
        if (opens(events[index].kind)) ++depth;
        if (closes(events[index].kind)) --depth;
        ++index;
    } while (depth > 0);
    return index;
}

// Where the value of `key` begins in the map at `map`. The keys are scalars and unique: read_yaml_events saw to it.
std::optional<std::size_t> value_of(Events events, std::size_t map, std::string_view key) {
    for (std::size_t at = map + 1; events[at].kind != YamlKind::map_end; at = behind(events, at + 1)) {
        if (events[at].value == key) return at + 1;
    }
    return std::nullopt;
}

std::optional<std::string> scalar_of(Events events, std::size_t map, std::string_view key) {
    const auto at = value_of(events, map, key);
    if (!at || events[*at].kind != YamlKind::scalar) return std::nullopt;
    return events[*at].value;
}

std::unexpected<Error> not_understood(const std::string& what) {
    return fail(Errc::malformed_reply, "not understood: " + what);
}

Result<std::size_t> find_process(Events events, std::string_view process) {
    if (events.empty() || events[0].kind != YamlKind::map_start) return not_understood("the file is no map");
    const auto list = value_of(events, 0, "processes");
    if (!list || events[*list].kind != YamlKind::sequence_start)
        return not_understood("the file has no list of processes");
    std::optional<std::size_t> found;
    for (std::size_t at = *list + 1; events[at].kind != YamlKind::sequence_end; at = behind(events, at)) {
        if (events[at].kind != YamlKind::map_start) return not_understood("an entry of processes is no map");
        const auto name = scalar_of(events, at, "name");
        if (!name || !scalar_of(events, at, "executable"))
            return not_understood("a process has no name or no executable");
        if (*name != process) continue;
        if (found) return not_understood("the process " + std::string(process) + " is there twice");
        found = at;
    }
    if (!found) return not_understood("there is no process " + std::string(process));
    return *found;
}

}  // namespace

std::vector<std::string> BpmArguments::passed_by_old_bpm() const {
    std::vector<std::string> passed;
    for (const auto& entry : entries) passed.push_back(entry.value.value_or(""));
    return passed;
}

std::vector<std::string> BpmArguments::passed_by_new_bpm() const {
    std::vector<std::string> passed;
    for (const auto& entry : entries) {
        if (entry.value) passed.push_back(*entry.value);
    }
    return passed;
}

bool BpmArguments::explains_count(std::size_t live_argument_count) const {
    const auto passed = passed_by_new_bpm();
    const auto empty = static_cast<std::size_t>(std::ranges::count(passed, ""));
    return live_argument_count == entries.size() || live_argument_count == passed.size() ||
           live_argument_count == passed.size() - empty;
}

Result<BpmArguments> find_bpm_arguments(std::span<const YamlEvent> events, std::string_view process) {
    const auto map = find_process(events, process);
    if (!map) return std::unexpected(map.error());
    BpmArguments arguments{.executable = scalar_of(events, *map, "executable").value_or(""), .entries = {}};
    const auto list = value_of(events, *map, "args");
    if (!list || events[*list].kind == YamlKind::null) return arguments;
    if (events[*list].kind != YamlKind::sequence_start) return not_understood("args is no list");
    for (std::size_t at = *list + 1; events[at].kind != YamlKind::sequence_end; ++at) {
        const auto& event = events[at];
        if (event.kind != YamlKind::scalar && event.kind != YamlKind::null)
            return not_understood("an argument is a list or a map");
        const bool has_value = event.kind == YamlKind::scalar;
        arguments.entries.push_back(
            {.value = has_value ? std::optional(event.value) : std::nullopt, .offset = event.offset, .event = at});
    }
    return arguments;
}

Result<BpmArguments> read_bpm(std::string_view bytes, std::string_view process) {
    const auto events = read_yaml_events(bytes);
    if (!events) return std::unexpected(events.error());
    return find_bpm_arguments(*events, process);
}

}  // namespace aggmedic::probes
