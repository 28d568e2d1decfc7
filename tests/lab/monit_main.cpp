// monit 5.2.5 as stemcells carry it: the daemon (-I) and the command, with the texts, exit codes and delays of
// tests/fixtures/monit. What it decides is tests/model/monit_525; this runs the programs and speaks HTTP on port 2822,
// as the real one does.
#include <sys/wait.h>
#include <unistd.h>

#include <ctime>
#include <iostream>
#include <mutex>
#include <nlohmann/json.hpp>

#include "tests/lab/http.hpp"
#include "tests/lab/monit_config.hpp"
#include "tests/lab/process.hpp"
#include "tests/lab/world.hpp"
#include "tests/model/monit_525.hpp"

namespace aggmedic::lab {
namespace {

using Clock = std::chrono::steady_clock;

double time_scale() {
    try {
        const auto place = nlohmann::json::parse(read_file("/run/lab/master.json"));
        return load_world(place.at("lab").get<std::string>()).time_scale;
    } catch (const std::exception&) {
        return 1.0;
    }
}

std::string field(std::string_view key, std::string_view value) {
    std::string line = "  " + std::string(key);
    line.resize(36, ' ');
    return line + std::string(value) + "\n";
}

HttpReply text_reply(int status, std::string body, const char* type = "text/plain") {
    model::Answer answer{.status = status, .headers = {{"Content-Type", type}}, .body = std::move(body)};
    answer.headers.push_back({"Content-Length", std::to_string(answer.body.size())});
    return {.answer = answer};
}

class Daemon {
  public:
    explicit Daemon(MonitConfig config) : config_(std::move(config)), scale_(time_scale()) {
        for (const auto& job : config_.jobs) services_.emplace_back(job.name, model::MonitTimes{scale_}, since_start());
    }

    void tick() {
        while (::waitpid(-1, nullptr, WNOHANG) > 0) {
        }
        const std::lock_guard lock(mutex_);
        for (std::size_t i = 0; i < services_.size(); ++i) {
            const auto& job = config_.jobs[i];
            const auto program = services_[i].tick(since_start(), is_alive(pid_of(job)));
            if (program) {
                spawn({.argv = *program == model::MonitProgram::start ? job.start : job.stop,
                       .environment = {},
                       .output_file = "/dev/null",
                       .in_child = [] { ::setsid(); },
                       .dies_with_parent = false});
            }
        }
    }

    HttpReply handle(const HttpRequest& request) {
        if (request.header("Authorization") != "Basic dmNhcDpyYW5kb20tcGFzc3dvcmQ=") return text_reply(401, "");
        const std::lock_guard lock(mutex_);
        if (request.path() == "/_summary") return text_reply(200, summary());
        if (request.path() == "/_status" || request.path() == "/_status2") {
            return request.query("format") == "xml" ? text_reply(200, xml(), "text/xml") : text_reply(200, status());
        }
        if (request.method != "POST") return text_reply(404, "");
        return act(request.path().substr(1), request.body);
    }

  private:
    model::MonitService::Time since_start() const { return Clock::now() - started_; }
    std::chrono::seconds uptime() const {
        return std::chrono::duration_cast<std::chrono::seconds>(Clock::now() - started_);
    }

    HttpReply act(const std::string& name, const std::string& form) {
        const auto service = std::ranges::find(services_, name, [](const auto& item) { return item.name(); });
        if (service == services_.end()) return text_reply(404, std::string(model::monit_unknown_service));
        const auto action =
            model::monit_action(std::string_view(form).substr(std::min(form.size(), form.find('=') + 1)));
        if (!action) return text_reply(400, "");
        const auto reply = service->request(*action);
        return text_reply(reply.exit_code == 0 ? 200 : 503, reply.error);
    }

    std::string summary() const {
        std::string text = model::monit_header(uptime());
        for (const auto& service : services_)
            text += model::monit_summary_line("Process", service.name(), service.status_text());
        return text + model::monit_summary_line("System", "system_vm", "running");
    }

    std::string status() const {
        std::string text = model::monit_header(uptime());
        for (std::size_t i = 0; i < services_.size(); ++i) {
            const pid_t pid = pid_of(config_.jobs[i]);
            text += "Process '" + services_[i].name() + "'\n" + field("status", services_[i].status_text()) +
                    field("monitoring status", services_[i].monitoring_text());
            if (services_[i].monitor_field() == 1 && is_alive(pid))
                text += process_fields(pid, pid_age(config_.jobs[i]));
            text += field("data collected", collected()) + "\n";
        }
        return text + "System 'system_vm'\n" + field("status", "running") + field("monitoring status", "monitored");
    }

    static std::string process_fields(pid_t pid, std::chrono::seconds age) {
        return field("pid", std::to_string(pid)) + field("parent pid", "1") +
               field("uptime", model::monit_uptime(age)) + field("children", "0") + field("memory kilobytes", "1272") +
               field("memory kilobytes total", "1272") + field("memory percent", "0.0%") +
               field("memory percent total", "0.0%") + field("cpu percent", "0.0%") +
               field("cpu percent total", "0.0%");
    }

    static std::string collected() {
        const std::time_t now = std::time(nullptr);
        std::tm parts{};
        localtime_r(&now, &parts);
        char text[32];
        std::strftime(text, sizeof text, "%a %b %e %H:%M:%S %Y", &parts);
        return text;
    }

    std::string xml() const {
        std::string text =
            R"(<?xml version="1.0" encoding="ISO-8859-1"?><monit id="750e58d53b5ac58c7bdfe68f885e641f" incarnation="1795390744" version="5.2.5"><services>)";
        for (std::size_t i = 0; i < services_.size(); ++i) {
            const auto& service = services_[i];
            const auto element = [](const char* name, const std::string& value) {
                return "<" + std::string(name) + ">" + value + "</" + name + ">";
            };
            text += "<service name=\"" + service.name() + "\"><type>3</type>" +
                    element("collected_sec", std::to_string(std::time(nullptr))) +
                    element("status", std::to_string(service.status_bits())) +
                    element("monitor", std::to_string(service.monitor_field())) +
                    element("pendingaction", std::to_string(service.pending_field()));
            if (is_alive(pid_of(config_.jobs[i])))
                text += element("pid", std::to_string(pid_of(config_.jobs[i]))) + "<ppid>1</ppid>";
            text += "</service>";
        }
        return text + "</services></monit>";
    }

    MonitConfig config_;
    double scale_;
    Clock::time_point started_ = Clock::now();
    std::mutex mutex_;
    std::vector<model::MonitService> services_;
};

int run_daemon(const MonitConfig& config) {
    block_stop_signals();
    Daemon daemon(config);
    HttpServer server({config.address, 2822}, std::nullopt,
                      [&](const HttpRequest& request) { return daemon.handle(request); });
    server.listen();
    server.serve();
    do {
        daemon.tick();
    } while (!wait_for_stop(std::chrono::milliseconds(20)));
    ::_exit(0);
}

// With the daemon down the command does the work itself, in the foreground, and says 0.
int act_alone(const MonitConfig& config, const std::string& action, const std::string& name) {
    for (const auto& job : config.jobs) {
        if (job.name != name) continue;
        if (action == "restart" || action == "stop")
            run({.argv = job.stop, .environment = {}, .output_file = "/dev/null", .in_child = {}});
        if (action == "restart" || action == "start")
            run({.argv = job.start, .environment = {}, .output_file = "/dev/null", .in_child = {}});
        return 0;
    }
    std::cerr << model::monit_unknown_service;
    return 1;
}

int command(const MonitConfig& config, const std::vector<std::string>& words) {
    HttpClient client({config.address, 2822}, std::nullopt);
    HttpRequest request;
    request.headers = {{"Authorization", "Basic dmNhcDpyYW5kb20tcGFzc3dvcmQ="}};
    const std::string& action = words[0];
    const bool looks = action == "summary" || action == "status";
    request.target = looks ? "/_" + action : "/" + (words.size() > 1 ? words[1] : "");
    if (!looks) {
        request.method = "POST";
        request.body = "action=" + action;
    }
    const auto reply = client.exchange(request, std::chrono::seconds(5));
    if (!reply && looks) {
        std::cerr << model::monit_daemon_down_summary;
        return 0;
    }
    if (!reply) return act_alone(config, action, words.size() > 1 ? words[1] : "");
    (reply->status == 200 ? std::cout : std::cerr) << reply->body;
    return reply->status == 200 ? 0 : 1;
}

}  // namespace
}  // namespace aggmedic::lab

int main(int argc, char** argv) {
    using namespace aggmedic::lab;
    std::string file;
    std::vector<std::string> words;
    bool foreground = false;
    for (int i = 1; i < argc; ++i) {
        const std::string_view word = argv[i];
        if (word == "-c" && i + 1 < argc) {
            file = argv[++i];
        } else if (word == "-I") {
            foreground = true;
        } else {
            words.emplace_back(word);
        }
    }
    try {
        const MonitConfig config = read_monit_config(file);
        if (foreground) return run_daemon(config);
        if (!words.empty()) return command(config, words);
        std::cerr << "usage: monit [-I] -c FILE [summary|status|restart NAME|start NAME|stop NAME|monitor "
                     "NAME|unmonitor NAME]\n";
    } catch (const std::exception& error) {
        std::cerr << "monit: " << error.what() << "\n";
    }
    return 1;
}
