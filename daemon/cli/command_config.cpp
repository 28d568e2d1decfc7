#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "daemon/cli/commands.hpp"
#include "daemon/cli/fields.hpp"
#include "daemon/cli/output.hpp"
#include "remediate/sudoers.hpp"

namespace aggmedic::cli {
namespace {

nlohmann::json faults_json(const std::vector<daemon::ConfigFault>& faults) {
    auto list = nlohmann::json::array();
    for (const auto& fault : faults) {
        list.push_back({{"file", fault.file}, {"line", fault.line}, {"column", fault.column}, {"text", fault.text}});
    }
    return list;
}

std::string lines(const std::vector<daemon::ConfigFault>& faults) {
    std::string text;
    for (const auto& fault : faults) text += (text.empty() ? "" : "\n") + format(fault);
    return text;
}

std::string render_valid(const nlohmann::json& result) {
    const auto clusters = texts_of(result, "clusters");
    std::string text = text_of(result, "file") + ": valid; " + counted(clusters.size(), "cluster", "clusters");
    if (!clusters.empty()) text += ": " + joined(clusters, ", ");
    return text + "\n";
}

int check_config(const Invocation& invocation) {
    const auto file = invocation.global.config.empty() ? std::string(default_config) : invocation.global.config;
    const auto config = daemon::load_config(file, daemon::RepairCredential::checked);
    nlohmann::json result = {{"file", file}, {"valid", config.has_value()}};
    if (!config) {
        result["faults"] = faults_json(config.error());
        // People read the faults on stderr; scripts that asked for JSON have them on stdout too.
        const bool is_table = invocation.global.format == Format::table;
        const daemon::Reply reply{
            .exit_status = exit_status::usage,
            .error = fmt::format("{}: {}\n{}", file, counted(config.error().size(), "fault", "faults"),
                                 lines(config.error())),
            .result = is_table ? nlohmann::json() : result};
        return finish(reply, invocation, render_valid);
    }
    result["clusters"] = nlohmann::json::array();
    for (const auto& cluster : config->clusters) result["clusters"].push_back(cluster.target.name);
    result["warnings"] = faults_json(config->warnings);
    const daemon::Reply reply{
        .exit_status = exit_status::ok,
        .error = config->warnings.empty() ? std::string() : "warnings:\n" + lines(config->warnings),
        .result = result};
    return finish(reply, invocation, render_valid);
}

// Never over a file that is there, and readable by nobody else: people put secrets into the wrong file.
int write_example(const std::string& file) {
    const int descriptor = ::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
    if (descriptor < 0) {
        const auto why = errno == EEXIST ? std::string(
                                               "is already there; config init never writes over a file. Name "
                                               "another one, or remove it")
                                         : std::generic_category().message(errno);
        complain(typed_word(file) + " " + why + ".");
        return exit_status::usage;
    }
    const bool written = write_all(descriptor, std::string(daemon::example_config()));
    ::close(descriptor);
    if (!written) {
        complain(typed_word(file) + " could not be written to its end.");
        return exit_status::usage;
    }
    const auto word = typed_word(file);
    static_cast<void>(write_all(STDOUT_FILENO, "Wrote " + word +
                                                   ". Fill in the clusters, then: aggmedic config check "
                                                   "--config " +
                                                   word + "\n"));
    return exit_status::ok;
}

}  // namespace

int run_config(const Invocation& invocation, const Console&) {
    if (invocation.command == Command::config_check) return check_config(invocation);
    if (invocation.command == Command::config_sudoers)
        return write_all(STDOUT_FILENO, remediate::sudoers_of(invocation.user)) ? exit_status::ok : exit_status::usage;
    if (invocation.command == Command::config_helper)
        return write_all(STDOUT_FILENO, remediate::installed_helper()) ? exit_status::ok : exit_status::usage;
    if (!invocation.global.config.empty()) return write_example(invocation.global.config);
    return write_all(STDOUT_FILENO, std::string(daemon::example_config())) ? exit_status::ok : exit_status::usage;
}

}  // namespace aggmedic::cli
