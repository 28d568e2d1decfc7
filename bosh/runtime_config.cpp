#include "bosh/runtime_config.hpp"

#include <fmt/format.h>

#include <set>

#include "bosh/pre_start.hpp"
#include "net/text.hpp"

namespace aggmedic::bosh {
namespace {

constexpr std::string_view word_bytes = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";

bool is_word(std::string_view text) {
    return !text.empty() && text.find_first_not_of(word_bytes) == text.npos && text.front() != '-';
}

// os-conf has the job from version 19 on; Directors refuse `latest` in a runtime config.
bool has_pre_start_job(std::string_view version) {
    if (version.find_first_not_of("0123456789.") != version.npos) return false;
    const auto parts = split(version, '.');
    for (const auto part : parts) {
        if (part.empty() || part.size() > 6) return false;
    }
    return std::stoi(std::string(parts.front())) >= 19;
}

// A PKS deployment is named after its cluster's UUID.
std::string_view addon_suffix(std::string_view deployment) {
    constexpr std::string_view prefix = "service-instance_";
    return deployment.starts_with(prefix) && deployment.size() > prefix.size() ? deployment.substr(prefix.size())
                                                                               : deployment;
}

std::string indented(std::string_view text, std::string_view indent) {
    std::string lines;
    for (const auto line : split(text.substr(0, text.find_last_not_of('\n') + 1), '\n')) {
        if (!line.empty()) lines.append(indent).append(line);
        lines += '\n';
    }
    return lines;
}

std::string render_addon(const DeploymentName& deployment, const RuntimeConfigOptions& options,
                         std::string_view script) {
    return fmt::format(
        "- name: \"aggregator-names-{}\"\n"
        "  include:\n"
        "    deployments: [\"{}\"]\n"
        "    jobs: [{{name: kube-apiserver, release: \"{}\"}}]\n"
        "  jobs:\n"
        "  - name: pre-start-script\n"
        "    release: os-conf\n"
        "    properties:\n"
        "      script: |\n"
        "{}",
        addon_suffix(deployment.deployment), deployment.deployment, options.kubo_release, indented(script, "        "));
}

}  // namespace

Result<std::string> render_runtime_config(std::span<const DeploymentName> deployments,
                                          const RuntimeConfigOptions& options) {
    if (deployments.empty())
        return fail(Errc::invalid_argument, "a runtime config without a deployment would reach all of them");
    if (!has_pre_start_job(options.os_conf_version)) {
        return fail(Errc::invalid_argument,
                    "os-conf needs an exact version from 19 on: " + printable(options.os_conf_version));
    }
    if (!is_word(options.kubo_release))
        return fail(Errc::invalid_argument, "no release name: " + printable(options.kubo_release));

    std::string config = fmt::format(
        "# The permanent fix where the manifest belongs to somebody else (PKS). The release must be on the Director; "
        "nothing changes\n"
        "# before a deployment's next deploy. A second addon with the job pre-start-script on the same instances fails "
        "that deploy.\n"
        "releases:\n"
        "- name: os-conf\n"
        "  version: \"{}\"\n"
        "addons:\n",
        options.os_conf_version);
    std::set<std::string_view> seen;
    for (const auto& deployment : deployments) {
        if (!is_word(deployment.deployment))
            return fail(Errc::invalid_argument, "no deployment name: " + printable(deployment.deployment));
        if (!seen.insert(addon_suffix(deployment.deployment)).second) {
            return fail(Errc::invalid_argument, "the deployment is there twice: " + deployment.deployment);
        }
        const auto script = render_pre_start_script(deployment.name);
        if (!script) return std::unexpected(script.error());
        config += render_addon(deployment, options, *script);
    }
    return config;
}

}  // namespace aggmedic::bosh
