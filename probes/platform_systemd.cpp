#include <algorithm>
#include <map>
#include <utility>

#include "probes/environment_file.hpp"
#include "probes/platform.hpp"
#include "probes/systemd_unit.hpp"
#include "probes/systemd_words.hpp"

// A unit of systemd with its drop-ins and environment files: systemd.service(5), "Command lines".
namespace aggmedic::probes {
namespace {

using Files = std::span<const SourceFile>;

struct Variable {
    SourcedText value;
    bool certain = true;
    std::size_t times_set = 0;
};
using Variables = std::map<std::string, Variable, std::less<>>;

// The settings of [Service] that are in force after every reset by an empty value.
struct Service {
    std::vector<UnitSetting> commands;        // ExecStart=
    std::vector<UnitSetting> other_commands;  // ExecStartPre= and so on
    std::vector<UnitSetting> environment, environment_files;
    std::vector<std::string> rest;
};

void assign(std::vector<UnitSetting>& list, UnitSetting setting) {
    if (setting.value.text.empty()) {
        list.clear();
    } else {
        list.push_back(std::move(setting));
    }
}

Result<void> sort_setting(Files files, UnitSetting setting, Service& service) {
    const auto& key = setting.key;
    if (setting.section != "Service") {
        service.rest.push_back(setting.section + "." + key + "=" + setting.value.text);
    } else if (key == "ExecStart") {
        assign(service.commands, std::move(setting));
    } else if (key == "Environment") {
        assign(service.environment, std::move(setting));
    } else if (key == "EnvironmentFile") {
        assign(service.environment_files, std::move(setting));
    } else if ((key == "PassEnvironment" || key == "UnsetEnvironment") && !setting.value.text.empty()) {
        return not_understood(files, setting.at, key + "= changes variables in a way that is not followed");
    } else {
        service.rest.push_back(key + "=" + setting.value.text);
        if (key.starts_with("Exec")) service.other_commands.push_back(std::move(setting));
    }
    return {};
}

Result<Service> read_service(Files files) {
    Service service;
    bool has_unit = false;
    for (std::size_t file = 0; file < files.size(); ++file) {
        if (!is_unit_path(files[file].path)) continue;
        has_unit = true;
        auto settings = read_unit_file(files, file);
        if (!settings) return std::unexpected(settings.error());
        for (auto& setting : *settings) {
            if (auto sorted = sort_setting(files, std::move(setting), service); !sorted)
                return std::unexpected(sorted.error());
        }
    }
    if (!has_unit) return fail(Errc::invalid_argument, "the platform systemd needs the unit among its files");
    if (service.commands.empty())
        return fail(Errc::malformed_reply, files.front().path + ": not understood: the unit has no ExecStart=");
    if (service.commands.size() > 1)
        return not_understood(files, service.commands[1].at, "a second ExecStart=; an empty one before it is missing");
    for (const auto* list : {&service.environment_files, &service.other_commands}) {
        for (const auto& setting : *list) service.rest.push_back(setting.key + "=" + setting.value.text);
    }
    return service;
}

// --- variables

void set_variable(Variables& variables, std::string name, SourcedText value, bool certain) {
    auto& variable = variables[std::move(name)];
    variable.value = std::move(value);
    variable.certain = certain;
    ++variable.times_set;
}

Result<void> read_environment(Files files, const UnitSetting& setting, Variables& variables) {
    auto words = split_systemd_words(files, setting.value, Escapes::c_style);
    if (!words) return std::unexpected(words.error());
    for (auto& word : *words) {
        resolve_specifiers(word);
        const std::size_t equals = word.text.text.find('=');
        const std::string name = word.text.text.substr(0, equals);
        if (equals == std::string::npos || !is_variable_name(name))
            return not_understood(files, word.first, "an entry of Environment= that sets no variable");
        SourcedText value;
        for (std::size_t at = equals + 1; at < word.text.text.size(); ++at)
            value.add(word.text.text[at], word.text.from[at]);
        set_variable(variables, name, std::move(value), word.certain);
    }
    return {};
}

Result<void> read_named_file(Files files, const UnitSetting& setting, Variables& variables) {
    const bool optional = setting.value.text.starts_with('-');
    const std::string path = setting.value.text.substr(optional ? 1 : 0);
    if (!path.starts_with('/') || path.find_first_of("*?[%\\\"' ") != std::string::npos)
        return not_understood(files, setting.at, "EnvironmentFile= is no plain absolute path");
    const auto found = std::ranges::find(files, path, &SourceFile::path);
    if (found == files.end()) {
        if (optional) return {};
        return not_understood(files, setting.at, "the environment file that it names was not read");
    }
    auto assignments = read_environment_file(files, static_cast<std::size_t>(found - files.begin()));
    if (!assignments) return std::unexpected(assignments.error());
    for (auto& assignment : *assignments)
        set_variable(variables, std::move(assignment.name), std::move(assignment.value), true);
    return {};
}

// Files win over Environment=, whatever the order of the two.
Result<Variables> read_variables(Files files, const Service& service) {
    Variables variables;
    for (const auto& setting : service.environment) {
        if (auto read = read_environment(files, setting, variables); !read) return std::unexpected(read.error());
    }
    for (const auto& setting : service.environment_files) {
        if (auto read = read_named_file(files, setting, variables); !read) return std::unexpected(read.error());
    }
    return variables;
}

// --- the command line

// A word with the variables that its end may come from.
struct ExpandedWord {
    SystemdWord word;
    std::vector<std::string> variables;
};

// Replaces $NAME words and ${NAME} parts as systemd does when it starts the unit.
class Expansion {
  public:
    Expansion(Files files, const Variables& variables) : files_(files), variables_(variables) {}

    Result<void> expand(const SystemdWord& word) {
        const std::string_view text = word.text.text;
        const bool whole_variable = text.size() > 1 && text[0] == '$' && text[1] != '{' && text[1] != '$';
        return whole_variable ? split_variable(word) : replace_parts(word);
    }
    std::vector<ExpandedWord> words;
    std::map<std::string, std::size_t> uses;

  private:
    // Nothing for a variable that no file sets: systemd puts nothing in then, unless the manager's own settings do.
    const Variable* use(const std::string& name) {
        ++uses[name];
        const auto found = variables_.find(name);
        return found == variables_.end() ? nullptr : &found->second;
    }

    Result<void> split_variable(const SystemdWord& word) {
        const std::string name = word.text.text.substr(1);
        if (!is_variable_name(name)) return not_understood(files_, word.first, "a $ that begins no variable");
        const auto* variable = use(name);
        if (variable == nullptr) return {};
        auto parts = split_systemd_words(files_, variable->value, Escapes::refused);
        if (!parts) return std::unexpected(parts.error());
        for (auto& part : *parts) {
            part.certain = variable->certain;
            words.push_back({.word = std::move(part), .variables = {name}});
        }
        return {};
    }

    Result<void> replace_parts(const SystemdWord& word) {
        ExpandedWord expanded{.word = word, .variables = {}};
        SourcedText text;
        const std::string_view from = word.text.text;
        for (std::size_t at = 0; at < from.size(); ++at) {
            Origin origin = word.text.from[at];
            if (from.substr(at).starts_with("${")) {
                const std::size_t end = from.find('}', at);
                const std::string name(from.substr(at + 2, end == from.npos ? 0 : end - at - 2));
                if (!is_variable_name(name)) return not_understood(files_, origin, "a ${ that begins no variable");
                const auto* variable = use(name);
                expanded.word.certain = expanded.word.certain && variable != nullptr && variable->certain;
                if (variable != nullptr) text.append(variable->value);
                expanded.variables.push_back(name);
                at = end;
                continue;
            }
            if (from.substr(at).starts_with("$$")) {
                origin.verbatim = false;
                ++at;
            }
            text.add(from[at], origin);
        }
        expanded.word.text = std::move(text);
        words.push_back(std::move(expanded));
        return {};
    }

    Files files_;
    const Variables& variables_;
};

// How often a command that is not expanded mentions a variable.
std::size_t mentions(const std::string& command, const std::string& name) {
    std::size_t count = 0;
    for (std::size_t at = command.find('$'); at != std::string::npos; at = command.find('$', at + 1)) {
        const std::size_t begin = at + (command.compare(at, 2, "${") == 0 ? 2 : 1);
        if (command.compare(begin, name.size(), name) != 0) continue;
        const auto behind = begin + name.size();
        if (behind == command.size() || !is_variable_name("_" + command.substr(behind, 1))) ++count;
    }
    return count;
}

std::string objection_to(const ExpandedWord& expanded, const Service& service, const Variables& variables,
                         const std::map<std::string, std::size_t>& uses) {
    const auto& word = expanded.word;
    if (!word.certain) return "systemd puts something in that these files do not tell; write the value itself there";
    if (!std::ranges::all_of(word.text.from, &Origin::verbatim))
        return "it is written with an escape; write the characters themselves";
    for (const auto& name : expanded.variables) {
        std::size_t count = uses.at(name);
        for (const auto& other : service.other_commands) count += mentions(other.value.text, name);
        if (count > 1) return "the variable " + name + " is used in more than one place; give this flag its own";
        if (variables.at(name).times_set > 1)
            return "the variable " + name + " is set more than once; leave only the last one";
    }
    return {};
}

CommandWord placed(const ExpandedWord& expanded) {
    const auto& [text, first, last, certain] = expanded.word;
    CommandWord word;
    word.value = text.text;
    word.certain = certain;
    if (text.text.empty()) {
        word.file = first.file;
        word.bytes = {.begin = first.offset, .end = last.offset + 1};
        return word;
    }
    std::size_t tail = text.from.size() - 1;
    const auto follows = [&](std::size_t at) {
        const auto &before = text.from[at - 1], &after = text.from[at];
        return before.verbatim && after.verbatim && before.file == after.file && before.offset + 1 == after.offset;
    };
    while (tail > 0 && follows(tail)) --tail;
    const auto& end = text.from.back();
    word.file = end.file;
    word.grows_at = end.offset + 1;
    word.verbatim = end.verbatim ? text.from.size() - tail : 0;
    // A variable in the middle leaves only the piece at the end to show.
    const bool in_one_piece =
        tail == 0 && first.file == end.file && first.offset <= text.from.front().offset && last.offset >= end.offset;
    word.bytes = in_one_piece ? ByteRange{.begin = first.offset, .end = last.offset + 1}
                              : ByteRange{.begin = text.from[tail].offset, .end = end.offset + 1};
    return word;
}

// The prefixes of systemd.service(5), table 1. Answers whether variables are replaced.
Result<bool> take_prefixes(Files files, SystemdWord& program) {
    bool replaces = true;
    std::size_t count = 0;
    for (; count < program.text.text.size() && std::string_view("-:+!").contains(program.text.text[count]); ++count) {
        if (program.text.text[count] == ':') replaces = false;
    }
    program.text.text.erase(0, count);
    program.text.from.erase(program.text.from.begin(), program.text.from.begin() + static_cast<std::ptrdiff_t>(count));
    if (!program.text.text.starts_with('/') && !program.text.text.starts_with("kube-apiserver"))
        return not_understood(files, program.first, "the program is no path; give it in full");
    return replaces;
}

Result<std::vector<ExpandedWord>> expand_command(Files files, const SourcedText& command, const Variables& variables,
                                                 std::map<std::string, std::size_t>& uses) {
    auto words = split_systemd_words(files, command, Escapes::c_style);
    if (!words) return std::unexpected(words.error());
    Expansion expansion(files, variables);
    bool replaces = true;
    for (auto& word : *words) {
        if (word.text.text == ";") return not_understood(files, word.first, "several commands in one ExecStart=");
        resolve_specifiers(word);
        if (expansion.words.empty()) {  // the program itself
            const auto answer = take_prefixes(files, word);
            if (!answer) return std::unexpected(answer.error());
            replaces = *answer;
            expansion.words.push_back({.word = word, .variables = {}});
        } else if (!replaces) {
            expansion.words.push_back({.word = word, .variables = {}});
        } else if (auto expanded = expansion.expand(word); !expanded) {
            return std::unexpected(expanded.error());
        }
    }
    uses = std::move(expansion.uses);
    return std::move(expansion.words);
}

}  // namespace

Result<CommandLine> read_systemd(Files files) {
    auto service = read_service(files);
    if (!service) return std::unexpected(service.error());
    const auto variables = read_variables(files, *service);
    if (!variables) return std::unexpected(variables.error());
    const auto& start = service->commands.front();
    std::map<std::string, std::size_t> uses;
    const auto expanded = expand_command(files, start.value, *variables, uses);
    if (!expanded) return std::unexpected(expanded.error());

    std::vector<CommandWord> command;
    for (const auto& each : *expanded) {
        command.push_back(placed(each));
        command.back().objection = objection_to(each, *service, *variables, uses);
    }
    const std::size_t program = apiserver_words(command);
    if (program == 0)
        return not_understood(files, start.at, "it does not start kube-apiserver itself; start it without a wrapper");
    CommandLine line{.executable = *command.front().value, .words = {}, .rest = std::move(service->rest)};
    line.words.assign(command.begin() + static_cast<std::ptrdiff_t>(program), command.end());
    for (const auto& [name, variable] : *variables) {
        if (!uses.contains(name)) line.rest.push_back(name + "=" + variable.value.text);
    }
    return line;
}

}  // namespace aggmedic::probes
