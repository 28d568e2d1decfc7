#include <set>

#include "probes/bpm_file.hpp"
#include "probes/platform.hpp"
#include "probes/yaml_walk.hpp"

namespace aggmedic::probes {

Result<CommandLine> read_bosh(std::span<const SourceFile> files) {
    if (files.size() != 1) return fail(Errc::invalid_argument, "the platform bosh has one arguments file");
    const auto& file = files.front();
    const std::string prefix = file.path.empty() ? "" : file.path + ": ";
    const auto events = read_yaml_events(file.bytes);
    if (!events) return fail(events.error().code, prefix + events.error().detail);
    auto arguments = find_bpm_arguments(*events, "kube-apiserver");
    if (!arguments) return fail(arguments.error().code, prefix + arguments.error().detail);
    CommandLine line{.executable = std::move(arguments->executable), .words = {}, .rest = {}};
    std::set<std::size_t> used;
    for (const auto& entry : arguments->entries) {
        line.words.push_back(word_of(file.bytes, (*events)[entry.event]));
        used.insert(entry.event);
    }
    for (std::size_t at = 0; at < events->size(); ++at) {
        if (!used.contains(at)) line.rest.push_back(described((*events)[at]));
    }
    return line;
}

}  // namespace aggmedic::probes
