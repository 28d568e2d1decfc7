#include <set>

#include "probes/platform.hpp"
#include "probes/yaml_walk.hpp"

// The manifest of a static pod, as kubeadm, kubespray and people write it.
namespace aggmedic::probes {
namespace {

using Events = std::span<const YamlEvent>;

constexpr std::string_view container_name = "kube-apiserver";

std::unexpected<Error> not_understood(const SourceFile& file, std::size_t offset, const std::string& what) {
    return fail(Errc::malformed_reply, place_of(file, offset) + ": not understood: " + what);
}

// A manifest never holds these by itself, and what a template becomes is not known here.
std::size_t find_template(std::string_view bytes) {
    return std::min(bytes.find("{{"), bytes.find("<%"));
}

Result<std::size_t> find_container(const SourceFile& file, Events events) {
    if (scalar_of(events, 0, "kind") != "Pod")
        return not_understood(file, 0, "the file is no Pod; give the manifest of the static pod");
    const auto spec = value_of(events, 0, "spec");
    const auto list = spec ? value_of(events, *spec, "containers") : std::nullopt;
    if (!list || events[*list].kind != YamlKind::sequence_start)
        return not_understood(file, 0, "the pod has no list of containers");
    std::optional<std::size_t> found;
    for (std::size_t at = *list + 1; events[at].kind != YamlKind::sequence_end; at = behind_node(events, at)) {
        if (scalar_of(events, at, "name") != container_name) continue;
        if (found) return not_understood(file, events[at].offset, "the container kube-apiserver is there twice");
        found = at;
    }
    if (!found) return not_understood(file, 0, "the pod has no container kube-apiserver");
    return *found;
}

// The kubelet replaces $(NAME) by a variable of the container, and $$ by one $.
bool kubelet_replaces(std::string_view value) {
    return value.contains("$(") || value.contains("$$");
}

// The items of `command` or `args`, where the container at `map` has such a list; `used` collects their events.
Result<std::vector<CommandWord>> read_list(const SourceFile& file, Events events, std::size_t map, std::string_view key,
                                           std::set<std::size_t>& used) {
    std::vector<CommandWord> words;
    const auto list = value_of(events, map, key);
    if (!list || events[*list].kind == YamlKind::null) return words;
    if (events[*list].kind != YamlKind::sequence_start)
        return not_understood(file, events[*list].offset, std::string(key) + " is no list");
    for (std::size_t at = *list + 1; events[at].kind != YamlKind::sequence_end; ++at) {
        const auto& event = events[at];
        if (event.kind != YamlKind::scalar && event.kind != YamlKind::null)
            return not_understood(file, event.offset, "an item of " + std::string(key) + " is a list or a map");
        auto word = word_of(file.bytes, event);
        if (kubelet_replaces(event.value)) {
            word.certain = false;
            word.objection = "the kubelet replaces $(...) and $$ in it; write the value itself there";
        }
        words.push_back(std::move(word));
        used.insert(at);
    }
    return words;
}

}  // namespace

Result<CommandLine> read_kubeadm(std::span<const SourceFile> files) {
    if (files.size() != 1) return fail(Errc::invalid_argument, "the platform kubeadm has one manifest");
    const auto& file = files.front();
    if (const auto at = find_template(file.bytes); at != std::string_view::npos)
        return not_understood(file, at, "a template; give the manifest that was made from it");
    const auto read = read_yaml_events(file.bytes);
    if (!read) return fail(read.error().code, (file.path.empty() ? "" : file.path + ": ") + read.error().detail);
    const Events events = *read;
    const auto container = find_container(file, events);
    if (!container) return std::unexpected(container.error());

    std::set<std::size_t> used;
    auto command = read_list(file, events, *container, "command", used);
    if (!command) return std::unexpected(command.error());
    auto args = read_list(file, events, *container, "args", used);
    if (!args) return std::unexpected(args.error());
    command->insert(command->end(), std::make_move_iterator(args->begin()), std::make_move_iterator(args->end()));
    // Without `command` the image's own entry point runs, which the manifest does not tell.
    const std::size_t program = value_of(events, *container, "command") ? apiserver_words(*command) : 0;
    if (program == 0) {
        return not_understood(file, events[*container].offset,
                              "its command does not start kube-apiserver itself; start it without a wrapper");
    }
    CommandLine line{.executable = *command->front().value, .words = {}, .rest = {}};
    line.words.assign(command->begin() + static_cast<std::ptrdiff_t>(program), command->end());
    for (std::size_t at = 0; at < events.size(); ++at) {
        if (!used.contains(at)) line.rest.push_back(described(events[at]));
    }
    return line;
}

}  // namespace aggmedic::probes
