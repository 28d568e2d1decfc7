#include "remediate/sudoers.hpp"

#include <fmt/format.h>

#include "net/text.hpp"
#include "remediate/master_helper.hpp"

namespace aggmedic::remediate {

std::string_view installed_helper_path() {
    static const std::string path =
        "/usr/local/libexec/aggmedic/helper-" + sha256_hex(installed_helper()).substr(0, 32);
    return path;
}

const std::string& installed_helper() {
    static const std::string text = "#!/bin/sh\n" + std::string(helper_script());
    return text;
}

std::string sudoers_of(std::string_view user) {
    const auto digest = sha256_hex(installed_helper());
    // The arguments' grammar is checked by the helper, verb by verb; sudo's pattern only wants that there are some.
    std::string commands;
    for (const auto& verb : remote_verbs())
        commands += fmt::format("{} \\\n    sha256:{} {} {} *", commands.empty() ? "" : ",", digest,
                                installed_helper_path(), verb.name);
    return fmt::format(
        R"(# All that aggmedic may do as root on a master: six verbs of one script, which sudo knows by its digest.
# On each master, as root:
#   aggmedic config helper > HELPER        (on the jumpbox; then copy HELPER to the master)
#   install -D -o root -g root -m 0755 HELPER {0}
#   visudo -cf THIS && install -o root -g root -m 0440 THIS /etc/sudoers.d/aggmedic
# and in aggmedic.yml, for the cluster: ssh: {{user: {1}, helper: installed, ...}}
# Another version of aggmedic has another helper: install it beside, and replace this file.
Cmnd_Alias AGGMEDIC ={2}
Defaults!AGGMEDIC !requiretty, env_reset, !setenv
{1} ALL=(root) NOPASSWD: AGGMEDIC
)",
        installed_helper_path(), user, commands);
}

}  // namespace aggmedic::remediate
