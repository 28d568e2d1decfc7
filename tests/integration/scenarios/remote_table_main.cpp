// Compares what a master was asked to run with the table of what aggmedic may ask: remote_table FILE, where FILE holds
// the command line of each SSH request as sshd got it (SSH_ORIGINAL_COMMAND), each ended by a NUL byte. Prints how
// often each verb was asked for; a request that is not in the table is printed and makes the status 1.
#include <algorithm>
#include <fstream>
#include <iostream>
#include <iterator>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "remediate/master_helper.hpp"

namespace {

using Words = std::vector<std::string>;

// The words of a command line whose words all stand in single quotes, a quote in one as '\''. None: another line.
std::optional<Words> words_of(const std::string& line) {
    Words words;
    std::string word;
    bool quoted = false;
    for (std::size_t at = 0; at < line.size(); ++at) {
        if (quoted) {
            if (line[at] == '\'') {
                quoted = false;
            } else {
                word += line[at];
            }
        } else if (line[at] == '\'') {
            quoted = true;
        } else if (line.compare(at, 2, "\\'") == 0) {
            word += '\'';
            ++at;
        } else if (line[at] == ' ') {
            words.push_back(std::move(word));
            word.clear();
        } else {
            return std::nullopt;
        }
    }
    if (quoted) return std::nullopt;
    words.push_back(std::move(word));
    return words;
}

bool is_call_of(const Words& words, const std::vector<std::string_view>& command, std::size_t arguments_max) {
    return !command.empty() && words.size() >= command.size() && words.size() <= command.size() + arguments_max &&
           std::equal(command.begin(), command.end(), words.begin());
}

// "swap sent", "look installed"; empty: it is not in the table.
std::string row_of(const Words& words) {
    for (const auto& verb : aggmedic::remediate::remote_verbs()) {
        if (is_call_of(words, verb.command, verb.arguments_max)) return std::string(verb.name) + " sent";
        if (is_call_of(words, verb.installed, verb.arguments_max)) return std::string(verb.name) + " installed";
    }
    return {};
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 2) return 2;
    std::ifstream file(argv[1], std::ios::binary);
    std::map<std::string, int> counts;
    int strangers = 0;
    for (std::string line; std::getline(file, line, '\0');) {
        const auto words = words_of(line);
        const auto row = words ? row_of(*words) : std::string();
        if (row.empty()) {
            ++strangers;
            std::cout << "not in the table: " << line << "\n";
        } else {
            ++counts[row];
        }
    }
    for (const auto& [row, count] : counts) std::cout << row << " " << count << "\n";
    return strangers == 0 && !counts.empty() ? 0 : 1;
}
