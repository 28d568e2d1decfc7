#pragma once

#include <span>
#include <string_view>

#include "net/result.hpp"
#include "probes/command_line.hpp"

namespace aggmedic::probes {

// How a master's apiserver is configured: which files say what it is started with, and how they are read. Everything
// else, the edit included, works on the CommandLine; another platform is one row more.
struct Platform {
    std::string_view name;       // as in the configuration
    std::string_view main_file;  // where the arguments stand, or the unit that names the other files
    // Errors: malformed_reply, naming file, line and column and quoting nothing, when the files are not understood or
    // start something else than one kube-apiserver; invalid_argument for another number of files than it takes.
    Result<CommandLine> (*read)(std::span<const SourceFile> files);
};

// Asked of a master instead of a platform's name: what its files look like. The answer may be a name that is in no row.
inline constexpr std::string_view detected_platform = "detect";

std::span<const Platform> platforms();
const Platform* find_platform(std::string_view name);  // nullptr: one that is diagnosed and never edited

// bosh: the one bpm.yml.
Result<CommandLine> read_bosh(std::span<const SourceFile> files);
// kubeadm: the one manifest of the static pod.
Result<CommandLine> read_kubeadm(std::span<const SourceFile> files);
// systemd: the unit, its drop-ins in the order in which systemd reads them (`systemctl cat`), and the EnvironmentFile=
// files that exist, under the paths that the units give them.
Result<CommandLine> read_systemd(std::span<const SourceFile> files);

}  // namespace aggmedic::probes
