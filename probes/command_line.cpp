#include "probes/command_line.hpp"

#include <algorithm>

namespace aggmedic::probes {

bool CommandLine::explains_count(std::size_t live_argument_count) const {
    const auto with_value = std::ranges::count_if(words, [](const auto& word) { return word.value.has_value(); });
    const auto with_text =
        std::ranges::count_if(words, [](const auto& word) { return word.value.has_value() && !word.value->empty(); });
    return live_argument_count == words.size() || live_argument_count == static_cast<std::size_t>(with_value) ||
           live_argument_count == static_cast<std::size_t>(with_text);
}

std::vector<std::string> CommandLine::arguments() const {
    std::vector<std::string> passed;
    for (const auto& word : words) {
        if (word.value) passed.push_back(*word.value);
    }
    return passed;
}

bool names_flag(std::string_view argument, std::string_view flag) {
    const auto dashes = [](char byte) { return byte == '_' ? '-' : byte; };
    const std::string_view given = argument.substr(0, argument.find('='));
    return given.starts_with("--") && std::ranges::equal(given.substr(2), flag, {}, dashes, dashes);
}

std::optional<std::size_t> file_of_flag(const CommandLine& line, std::string_view flag) {
    for (std::size_t at = 0; at < line.words.size(); ++at) {
        const std::string argument = line.words[at].value.value_or("");
        if (!names_flag(argument, flag)) continue;
        const bool value_follows = !argument.contains('=') && at + 1 < line.words.size();
        return line.words[value_follows ? at + 1 : at].file;
    }
    return std::nullopt;
}

std::string place_of(const SourceFile& file, std::size_t offset) {
    const std::string_view before = std::string_view(file.bytes).substr(0, offset);
    const std::size_t feed = before.rfind('\n');
    const std::size_t column = before.size() - (feed == before.npos ? 0 : feed + 1) + 1;
    const std::string place = std::to_string(1 + std::ranges::count(before, '\n')) + ":" + std::to_string(column);
    return file.path.empty() ? place : file.path + ":" + place;
}

std::string_view file_name_of(std::string_view path) {
    const auto slash = path.rfind('/');
    return slash == path.npos ? path : path.substr(slash + 1);
}

std::size_t apiserver_words(const std::vector<CommandWord>& command) {
    const auto is = [&](std::size_t at, std::string_view wanted) {
        return at < command.size() && command[at].certain && command[at].value &&
               file_name_of(*command[at].value) == wanted;
    };
    if (is(0, "kube-apiserver")) return 1;
    return is(0, "hyperkube") && (is(1, "kube-apiserver") || is(1, "apiserver")) ? 2 : 0;
}

}  // namespace aggmedic::probes
