#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// The command line that a master's files give its apiserver, whatever the platform, with every word's place in them.
namespace aggmedic::probes {

// One of the files that say how the apiserver is started.
struct SourceFile {
    std::string path;  // as the supervisor names it; a link is not followed
    std::string bytes;
};

struct ByteRange {
    std::size_t begin = 0, end = 0;  // [begin, end)
    bool operator==(const ByteRange&) const = default;
};

struct CommandWord {
    std::optional<std::string> value;  // decoded; none: an entry without a value
    bool certain = true;   // false: the supervisor puts something in that these files do not tell, so value is a guess
    std::size_t file = 0;  // which of the files its end is written in
    ByteRange bytes;       // the word there, or as much of it as stands there in one piece; quotes included
    std::size_t grows_at = 0;      // bytes that are put here stand at the end of the value
    std::size_t verbatim = 0;      // how many bytes at the value's end stand in one piece before grows_at
    bool grows_in_quotes = false;  // a longer value needs double quotes around `bytes`
    std::string objection;         // why it must not be changed where it stands, and what would lift that; or empty
    bool operator==(const CommandWord&) const = default;
};

struct CommandLine {
    std::string executable;
    std::vector<CommandWord> words;  // what the program is called with
    std::vector<std::string> rest;   // whatever else the files say, so that two readings can be compared

    // Whether a live process with this many arguments (argv without argv[0]) can have been started from these files.
    // Supervisors differ in what an entry without a value becomes, and a reader of /proc may drop empty arguments: all
    // of these counts are good. A file that was cut in the middle of a write is often still valid: only this tells.
    bool explains_count(std::size_t live_argument_count) const;
    // What the program is called with, entries without a value left out.
    std::vector<std::string> arguments() const;
};

// Whether an argument is `--flag` or `--flag=...`. The apiserver reads an underscore in a flag's name as a dash.
bool names_flag(std::string_view argument, std::string_view flag);

// Which file holds the value of this flag (its first use); nullopt: the flag is not there.
std::optional<std::size_t> file_of_flag(const CommandLine& line, std::string_view flag);

// path:line:column, both counted from 1; line:column alone where the file has no path.
std::string place_of(const SourceFile& file, std::size_t offset);

// The last part of a path.
std::string_view file_name_of(std::string_view path);

// How many words at the front of a command start kube-apiserver: 1, 2 for `hyperkube apiserver`, 0 when the command is
// something else (a shell or a container runtime, which read the rest in their own way).
std::size_t apiserver_words(const std::vector<CommandWord>& command);

}  // namespace aggmedic::probes
