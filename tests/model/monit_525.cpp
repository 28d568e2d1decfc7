#include "tests/model/monit_525.hpp"

#include <fmt/format.h>

namespace aggmedic::model {

std::optional<MonitAction> monit_action(std::string_view word) {
    static const std::map<std::string_view, MonitAction> actions = {{"restart", MonitAction::restart},
                                                                    {"stop", MonitAction::stop},
                                                                    {"start", MonitAction::start},
                                                                    {"monitor", MonitAction::monitor},
                                                                    {"unmonitor", MonitAction::unmonitor}};
    const auto found = actions.find(word);
    return found == actions.end() ? std::nullopt : std::optional(found->second);
}

MonitReply MonitService::request(MonitAction action) {
    if (pending_ || doing_ != Doing::nothing) return {.exit_code = 1, .error = std::string(monit_busy)};
    if (action == MonitAction::monitor) {
        if (monitoring_ == Monitoring::no) monitoring_ = Monitoring::initializing;
        return {};
    }
    monitoring_ = Monitoring::no;
    if (action != MonitAction::unmonitor) pending_ = action;
    return {};
}

std::optional<MonitProgram> MonitService::tick(Time now, bool process_alive) {
    switch (doing_) {
        case Doing::stopping:
            return continue_stop(now, process_alive);
        case Doing::starting:
            continue_start(now, process_alive);
            return std::nullopt;
        case Doing::nothing:
            break;
    }
    if (pending_) return begin_pending(now, process_alive);
    if (now >= next_check_) return check(now, process_alive);
    return std::nullopt;
}

std::optional<MonitProgram> MonitService::begin_pending(Time now, bool process_alive) {
    by_itself_ = false;
    if (*pending_ == MonitAction::start) {
        if (!process_alive) return begin_start(now);
        finish(now, Monitoring::initializing);
        return std::nullopt;
    }
    doing_ = Doing::stopping;
    deadline_ = now + times_.program_timeout();
    return MonitProgram::stop;
}

std::optional<MonitProgram> MonitService::begin_start(Time now) {
    doing_ = Doing::starting;
    deadline_ = now + times_.program_timeout();
    not_before_ = now + times_.poll();  // it looks for the new pid once a second
    return MonitProgram::start;
}

// A stop that does not end within its timeout gives up: nothing is started, the old process stays and is monitored
// again.
std::optional<MonitProgram> MonitService::continue_stop(Time now, bool process_alive) {
    if (process_alive) {
        if (now < deadline_) return std::nullopt;
        execution_failed_ = true;
        finish(now, Monitoring::yes);
        return std::nullopt;
    }
    if (pending_ == MonitAction::restart) return begin_start(now);
    execution_failed_ = does_not_exist_ = false;
    finish(now, Monitoring::no);
    return std::nullopt;
}

void MonitService::continue_start(Time now, bool process_alive) {
    if (process_alive && now >= not_before_) {
        execution_failed_ = false;
        finish(now, by_itself_ ? Monitoring::yes : Monitoring::initializing);
    } else if (!process_alive && now >= deadline_) {
        execution_failed_ = true;
        finish(now, by_itself_ ? Monitoring::yes : Monitoring::initializing);
    }
}

std::optional<MonitProgram> MonitService::check(Time now, bool process_alive) {
    next_check_ = now + times_.cycle();
    if (monitoring_ == Monitoring::no) return std::nullopt;
    if (process_alive) {
        monitoring_ = Monitoring::yes;
        does_not_exist_ = false;
        return std::nullopt;
    }
    does_not_exist_ = true;
    monitoring_ = Monitoring::no;  // while its own restart is under way it shows as not monitored
    by_itself_ = true;
    return begin_start(now);
}

void MonitService::finish(Time now, Monitoring monitoring) {
    doing_ = Doing::nothing;
    pending_.reset();
    monitoring_ = monitoring;
    next_check_ = now + times_.cycle();
}

std::string MonitService::status_text() const {
    std::string text = "running";
    if (monitoring_ == Monitoring::no) {
        text = "not monitored";
    } else if (monitoring_ == Monitoring::initializing) {
        text = "initializing";
    } else if (execution_failed_) {
        text = "Execution failed";
    } else if (does_not_exist_) {
        text = "Does not exist";
    }
    if (!pending_) return text;
    return text + (*pending_ == MonitAction::restart ? " - restart pending"
                   : *pending_ == MonitAction::stop  ? " - stop pending"
                                                     : " - start pending");
}

std::string MonitService::monitoring_text() const {
    return monitoring_ == Monitoring::yes  ? "monitored"
           : monitoring_ == Monitoring::no ? "not monitored"
                                           : "initializing";
}

int MonitService::status_bits() const {
    return (does_not_exist_ ? 512 : 0) | (execution_failed_ ? 4096 : 0);
}

int MonitService::monitor_field() const {
    return monitoring_ == Monitoring::yes ? 1 : monitoring_ == Monitoring::no ? 0 : 2;
}

int MonitService::pending_field() const {
    if (!pending_) return 0;
    return *pending_ == MonitAction::restart ? 2 : *pending_ == MonitAction::stop ? 3 : 6;
}

std::string monit_uptime(std::chrono::seconds uptime) {
    const auto minutes = std::chrono::duration_cast<std::chrono::minutes>(uptime).count();
    std::string text;
    if (minutes >= 24 * 60) text += fmt::format("{}d ", minutes / (24 * 60));
    if (minutes >= 60) text += fmt::format("{}h ", minutes / 60 % 24);
    return text + fmt::format("{}m ", minutes % 60);
}

std::string monit_header(std::chrono::seconds uptime) {
    return fmt::format("The Monit daemon 5.2.5 uptime: {}\n\n", monit_uptime(uptime));
}

std::string monit_summary_line(std::string_view kind, std::string_view name, std::string_view status) {
    return fmt::format("{:<36}{}\n", fmt::format("{} '{}'", kind, name), status);
}

}  // namespace aggmedic::model
