#include <yaml-cpp/yaml.h>

#include <csignal>
#include <optional>

#include "daemon/cli/ask.hpp"
#include "daemon/cli/control_connection.hpp"
#include "daemon/cli/fields.hpp"
#include "daemon/cli/interrupts.hpp"
#include "net/text.hpp"

namespace aggmedic::cli {
namespace {

using namespace std::chrono_literals;

daemon::Reply failure(int status, std::string error) {
    return {.exit_status = status, .error = std::move(error), .result = nullptr};
}

daemon::Reply no_daemon(const std::string& detail) {
    return failure(exit_status::usage, "no daemon: " + detail +
                                           ". Start it with `systemctl start aggmedicd`, or do without one: add "
                                           "--standalone --config FILE.");
}

daemon::Reply detached(const std::string& run, const std::string& options) {
    if (run.empty()) {
        return failure(exit_status::detached, "detached before the run had a name; `aggmedic runs" + options +
                                                  "` shows whether it was started. The daemon goes on without this "
                                                  "terminal.");
    }
    return failure(exit_status::detached, "detached; the run goes on. `aggmedic runs " + run + " --follow" + options +
                                              "` shows it again, `aggmedic abort " + run + options + "` stops it.");
}

daemon::Reply broken_off(const std::string& what, bool watches_run, const std::string& run) {
    std::string error = what + ". Its log says why: journalctl -u aggmedicd.";
    if (watches_run) {
        error += " A run that had begun is in the journal: `aggmedic runs" + (run.empty() ? "" : " " + run) +
                 "` shows it once the daemon is back.";
    }
    return failure(exit_status::usage, std::move(error));
}

// The reply, or nothing when the line was progress.
std::optional<daemon::Reply> read_line(const std::string& line, ProgressDisplay& display) {
    const auto message = nlohmann::json::parse(line, nullptr, false);
    if (message.is_object() && message.contains("progress")) {
        display.feed(message["progress"]);
        return std::nullopt;
    }
    if (!message.is_object() || !message.contains("reply")) {
        return failure(exit_status::usage, "the daemon answered something else: " + printable(line, 200));
    }
    auto reply = daemon::parse_reply(message["reply"].dump());
    if (!reply) return failure(exit_status::usage, "the daemon answered something else: " + reply.error().detail);
    // Scripts rely on a closed set.
    if (reply->exit_status < 0 || reply->exit_status > exit_status::detached) reply->exit_status = exit_status::usage;
    return *std::move(reply);
}

}  // namespace

std::string repeated_options(const GlobalOptions& global) {
    std::string options;
    if (global.standalone) options += " --standalone";
    if (!global.config.empty()) options += " --config " + typed_word(global.config);
    if (!global.socket.empty()) options += " --socket " + typed_word(global.socket);
    return options;
}

std::string socket_path(const GlobalOptions& global) {
    if (!global.socket.empty()) return global.socket;
    if (global.config.empty()) return default_socket;
    // One key is read leniently: the file may name secrets that only the daemon's account can read.
    try {
        const auto document = YAML::LoadFile(global.config);
        return document["control_socket"].as<std::string>(default_socket);
    } catch (const YAML::Exception&) {
        return default_socket;
    }
}

daemon::Reply ask_daemon(const GlobalOptions& global, const daemon::Request& request, bool watches_run,
                         ProgressDisplay& display) {
    std::optional<Interrupts> interrupts;
    if (watches_run) {
        std::signal(SIGPIPE, SIG_IGN);  // a reader of our progress that goes away detaches nobody
        interrupts.emplace();
    }
    auto connection = ControlConnection::open(socket_path(global), 5s);
    if (!connection) return no_daemon(connection.error().detail);
    const auto sent = connection->send_line(daemon::to_json(request).dump());
    if (!sent) return broken_off(sent.error().detail, false, {});
    const int wake = interrupts ? interrupts->descriptor() : -1;
    for (;;) {
        auto event = connection->next(wake, display.ticks() ? 1000ms : -1ms);
        if (!event) return broken_off(event.error().detail, watches_run, display.run());
        if (std::holds_alternative<ControlConnection::Closed>(*event)) {
            return broken_off("the daemon ended the conversation without an answer", watches_run, display.run());
        }
        if (std::holds_alternative<ControlConnection::Elapsed>(*event)) display.tick();
        if (std::holds_alternative<ControlConnection::Woken>(*event) && interrupts->take()) {
            return detached(display.run(), repeated_options(global));
        }
        if (const auto* line = std::get_if<ControlConnection::Line>(&*event)) {
            if (auto reply = read_line(line->text, display)) return *std::move(reply);
        }
    }
}

daemon::Reply ask(const Invocation& invocation, daemon::Request request, bool watches_run, ProgressDisplay& display) {
    if (!invocation.kubeconfig.empty()) {
        auto cluster = daemon::cluster_from_kubeconfig(invocation.kubeconfig, invocation.context);
        if (!cluster) return failure(exit_status::usage, cluster.error().detail);
        return ask_in_process(daemon::config_for_kubeconfig(*std::move(cluster)), std::move(request), false, display);
    }
    if (!invocation.global.standalone) return ask_daemon(invocation.global, request, watches_run, display);
    const auto& file = invocation.global.config;
    auto config = daemon::load_config(file.empty() ? default_config : file);
    if (config) return ask_in_process(*std::move(config), std::move(request), watches_run, display);
    std::string error = "the configuration cannot be used:";
    for (const auto& fault : config.error()) error += "\n  " + format(fault);
    return failure(exit_status::usage, std::move(error));
}

}  // namespace aggmedic::cli
