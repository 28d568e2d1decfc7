#include "probes/bpm_file.hpp"

#include "probes/yaml_walk.hpp"

namespace aggmedic::probes {
namespace {

using Events = std::span<const YamlEvent>;

std::unexpected<Error> not_understood(const std::string& what) {
    return fail(Errc::malformed_reply, "not understood: " + what);
}

Result<std::size_t> find_process(Events events, std::string_view process) {
    if (events.empty() || events[0].kind != YamlKind::map_start) return not_understood("the file is no map");
    const auto list = value_of(events, 0, "processes");
    if (!list || events[*list].kind != YamlKind::sequence_start)
        return not_understood("the file has no list of processes");
    std::optional<std::size_t> found;
    for (std::size_t at = *list + 1; events[at].kind != YamlKind::sequence_end; at = behind_node(events, at)) {
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
        arguments.entries.push_back({.value = has_value ? std::optional(event.value) : std::nullopt, .event = at});
    }
    return arguments;
}

Result<BpmArguments> read_bpm(std::string_view bytes, std::string_view process) {
    const auto events = read_yaml_events(bytes);
    if (!events) return std::unexpected(events.error());
    return find_bpm_arguments(*events, process);
}

}  // namespace aggmedic::probes
