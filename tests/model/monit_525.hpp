#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// monit 5.2.5, the version that stemcells carry, as a state machine over time (fixtures/monit/): its texts, exit codes
// and delays. The host runs the programs it asks for and tells it what is alive; the machine reads no clock.
namespace aggmedic::model {

struct MonitTimes {
    double scale = 1.0;
    std::chrono::duration<double> cycle() const { return std::chrono::duration<double>(10 * scale); }
    std::chrono::duration<double> program_timeout() const { return std::chrono::duration<double>(30 * scale); }
    std::chrono::duration<double> poll() const { return std::chrono::duration<double>(1 * scale); }
};

enum class MonitAction { restart, stop, start, monitor, unmonitor };
std::optional<MonitAction> monit_action(std::string_view word);

enum class MonitProgram { start, stop };

struct MonitReply {
    int exit_code = 0;
    std::string error;  // stderr
};

class MonitService {
  public:
    using Time = std::chrono::duration<double>;  // since any fixed instant

    MonitService(std::string name, MonitTimes times, Time now)
        : name_(std::move(name)), times_(times), next_check_(now) {}

    const std::string& name() const { return name_; }
    MonitReply request(MonitAction action);  // accepted at once, done by later ticks
    std::optional<MonitProgram> tick(Time now,
                                     bool process_alive);  // the program that has to be run now, without waiting for it

    std::string status_text() const;      // `running`, `not monitored - restart pending`, ...
    std::string monitoring_text() const;  // `monitored`, `not monitored`, `initializing`
    int status_bits() const;              // 512 does not exist, 4096 execution failed
    int monitor_field() const;            // of the XML: 0, 1, 2
    int pending_field() const;            // of the XML: 0 none, 2 restart, 3 stop, 6 start

  private:
    enum class Monitoring { no, yes, initializing };
    enum class Doing { nothing, stopping, starting };

    std::optional<MonitProgram> begin_pending(Time now, bool process_alive);
    std::optional<MonitProgram> begin_start(Time now);
    std::optional<MonitProgram> continue_stop(Time now, bool process_alive);
    void continue_start(Time now, bool process_alive);
    std::optional<MonitProgram> check(Time now, bool process_alive);
    void finish(Time now, Monitoring monitoring);

    std::string name_;
    MonitTimes times_;
    Monitoring monitoring_ = Monitoring::initializing;
    Doing doing_ = Doing::nothing;
    std::optional<MonitAction> pending_;
    bool by_itself_ = false;  // the start was monit's own, after a check found no process
    bool does_not_exist_ = false, execution_failed_ = false;
    Time next_check_, deadline_{0}, not_before_{0};
};

inline constexpr std::string_view monit_daemon_down_summary =
    "monit: no status available -- the monit daemon is not running\n";
inline constexpr std::string_view monit_unknown_service = "monit: action failed -- There is no service by that name\n";
inline constexpr std::string_view monit_busy =
    "monit: action failed -- Other action already in progress -- please try again later\n";

std::string monit_header(std::chrono::seconds uptime);  // with the space before the line's end
std::string monit_summary_line(std::string_view kind, std::string_view name, std::string_view status);
std::string monit_uptime(std::chrono::seconds uptime);  // `2d 4h 1m `

}  // namespace aggmedic::model
