#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "probes/platform.hpp"

namespace aggmedic::remediate {

enum class EditAnswer {
    changed,                 // one scalar differs, every other byte is kept
    already_right,           // the list holds the name
    not_found,               // the flag is not there: any name is accepted, adding one would narrow access
    refused_empty_list,      // the same meaning, written as an empty value; or the flag stands without a value
    refused_flag_twice,      // the apiserver joins both lists; which one to edit is not ours to choose
    refused_not_a_list,      // quotes, spaces, an empty or a repeated name: CSV that is not guessed at
    refused_argument_count,  // the live process was not started from this file: cut in a write, or changed since
    refused_place,           // understood, and not ours to change where it stands: the reason says what would lift that
    not_understood,          // not one process of one plain document, or bytes that cannot be found again
    refused_name,            // the name to add is not one that may be put on a list (probes/common_name.hpp)
};
std::string_view name(EditAnswer answer) noexcept;  // already-right

// One name more in one flag of the apiserver.
struct ArgumentEdit {
    std::string flag = "requestheader-allowed-names";
    std::string add_name;
    // The length of the live process's argv without argv[0], empty arguments counted or not
    // (CommandLine::explains_count). Without it a file that was cut in the middle of a write cannot be told from a
    // whole one.
    std::optional<std::size_t> live_argument_count;
};

struct EditResult {
    EditAnswer answer = EditAnswer::not_understood;
    std::string reason;  // a sentence that quotes nothing of the file; after path:line:column where one place is meant
    // Only when changed:
    std::size_t file = 0;                         // which of the files changes
    std::string bytes;                            // all of it, new
    std::string argument_before, argument_after;  // decoded: --flag=value, or the value where it is an entry of its own
    std::size_t line = 0;                         // of the scalar, counted from 1
    std::string diff;  // one hunk without context, then a comment line per neighbour (its flag's name only)
};

// Pure. Inserts `,name` at the end of the one list, reads all files again and answers `changed` only when both readings
// say the same but for that argument.
EditResult edit_arguments(const probes::Platform& platform, std::span<const probes::SourceFile> files,
                          const ArgumentEdit& edit);

// Pure. The file that holds the list, without the one name that edit_arguments() put into it: `changed` only when
// edit_arguments() makes of what comes out exactly what is there now. That is the file with the digest `sha256_before`
// or, where somebody changed other bytes since, theirs without the name. `already_right`: it is that file, or the name
// is not there any more.
EditResult take_back_arguments(const probes::Platform& platform, std::span<const probes::SourceFile> files,
                               const ArgumentEdit& edit, std::string_view sha256_before);

}  // namespace aggmedic::remediate
