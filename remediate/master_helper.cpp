#include "remediate/master_helper.hpp"

#include <array>

#include "remediate/master_helper_script.hpp"  // generated from master_helper.sh
#include "remediate/sudoers.hpp"

namespace aggmedic::remediate {
namespace {

RemoteVerb verb(std::string_view name, std::size_t arguments, bool takes_input = false) {
    return {.name = name,
            .command = {"sudo", "-n", "/bin/sh", "-c", helper_script(), "aggmedic", name},
            .installed = {"sudo", "-n", installed_helper_path(), name},
            .arguments_max = arguments,
            .takes_input = takes_input};
}

}  // namespace

std::string_view helper_script() {
    return generated::master_helper_script;
}

std::span<const RemoteVerb> remote_verbs() {
    static const std::array verbs{verb("look", 33),   verb("lock", 4),    verb("swap", 7, true),
                                  verb("restart", 8), verb("restore", 7), verb("unlock", 6)};
    return verbs;
}

}  // namespace aggmedic::remediate
