#include <algorithm>
#include <string>
#include <vector>

#include "net/text.hpp"
#include "probes/look.hpp"
#include "tests/fuzz/parsers/claims.hpp"

// What a master says: nothing of it is believed beyond what stands there.
namespace aggmedic::fuzz {
namespace {

using probes::Look;

const TimePoint asked{std::chrono::milliseconds(1'795'393'022'000)}, answered = asked + std::chrono::milliseconds(500);

std::string b64(std::string_view bytes) {
    return "b64:" + base64_encode(bytes);
}

std::string look_with_process(std::string_view cmdline) {
    return "aggmedic-look 1\nboot_id 11-22\nuptime 12.50\nclock 1795393022500000000\nfile.missing not-found\npid 100\n"
           "process 100 1 77 " +
           b64(cmdline) + "\nmonit 1 b64: b64:\nend\n";
}

std::vector<std::string> words_of(std::string_view cmdline) {
    std::vector<std::string> words;
    for (const auto word : split(cmdline, '\0')) words.emplace_back(word);
    return words;
}

}  // namespace

std::string_view broken_look_claim(std::string_view bytes) {
    const auto look = probes::parse_look("master/0", bytes, asked, answered);
    if (!look) return look.error().detail.empty() ? "a refusal says why" : "";
    const auto& file = look->view.args_file;
    const auto is_it = [&](const probes::SourceFile& source) { return sha256_hex(source.bytes) == file.sha256; };
    if (!file.sha256.empty() && std::ranges::none_of(look->sources, is_it))
        return "the file's bytes are those of its digest";
    if (look->view.file_arguments && look->sources.empty()) return "arguments come from a file";
    if (look->view.file_equals_process && (!look->view.file_arguments || !look->view.process))
        return "only what was seen is equal";
    const auto again = probes::parse_look("master/0", bytes, asked, answered);
    if (!again || again->view != look->view) return "the same text says the same";
    const std::string cut(bytes.substr(0, bytes.rfind("end")));
    if (probes::parse_look("master/0", cut, asked, answered)) return "a text that was cut is refused";
    return "";
}

std::string_view broken_cmdline_claim(std::string_view bytes) {
    const auto look = probes::parse_look("master/0", look_with_process(bytes), asked, answered);
    if (!look || !look->view.process) return "";
    const auto words = words_of(bytes);
    // An interpreter may stand before the program.
    std::size_t first = 1;
    const auto& arguments = look->view.process->arguments;
    if (words.empty() || look->view.process->executable != words.front()) return "the executable is the first word";
    for (; first <= std::min<std::size_t>(2, words.size()); ++first) {
        std::string joined;
        std::size_t count = 0;
        for (std::size_t at = first; at < words.size(); ++at) {
            if (words[at].empty()) continue;
            ++count;
            joined.append(words[at]).push_back('\0');
        }
        if (arguments.count == count && arguments.sha256 == sha256_hex(joined)) break;
    }
    if (first > 2) return "every argument is counted and digested";
    for (const auto& [flag, values] : arguments.flags) {
        if (!probes::is_known_flag(flag)) return "only flags that judgements need are kept";
        for (const auto& value : values) {
            const auto holds = [&](const std::string& word) { return word.ends_with(value); };
            if (std::ranges::none_of(words, holds)) return "a flag's value stands in the arguments";
        }
    }
    static_cast<void>(probes::allowed_names(arguments.flags));
    return "";
}

std::string_view broken_monit_claim(std::string_view bytes) {
    const auto state = probes::parse_monit_status(bytes, "", 0);
    if (!state) return state.error().detail.empty() ? "a refusal says why" : "";
    if (!state->dialect.starts_with("monit-")) return "the dialect is named after the version";
    const auto version = state->dialect.substr(6);
    if (version.find_first_not_of("0123456789.") != std::string::npos || !bytes.contains(version))
        return "the version stands in the text";
    for (const auto& service : state->services) {
        if (!bytes.contains("'" + service.name + "'")) return "a service stands in the text";
        if (!bytes.contains(service.status)) return "its status stands in the text";
        if (service.running && service.pending) return "what is pending is not running";
        if (service.running && service.status.empty()) return "what runs has a status";
        if (service.pid && !bytes.contains(std::to_string(*service.pid))) return "its pid stands in the text";
    }
    return "";
}

}  // namespace aggmedic::fuzz
