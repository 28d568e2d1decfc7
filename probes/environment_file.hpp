#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "net/result.hpp"
#include "probes/command_line.hpp"
#include "probes/sourced_text.hpp"

namespace aggmedic::probes {

struct Assignment {
    std::string name;
    SourcedText value;
    Origin at;  // of the name
};

// The assignments of an EnvironmentFile= (systemd.exec(5)), later ones of the same name included; lines that systemd
// ignores are left out. Errors: malformed_reply where versions of systemd differ (a comment that ends in a backslash, a
// backslash in single quotes or before a letter), and for a quote that is not closed.
Result<std::vector<Assignment>> read_environment_file(std::span<const SourceFile> files, std::size_t file);

}  // namespace aggmedic::probes
