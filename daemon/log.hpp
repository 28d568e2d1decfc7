#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

namespace aggmedic::daemon {

struct LogField {
    std::string_view key;
    std::string value;
};

// One line a message on stderr, in logfmt: level=info msg="..." cluster=demo. Values are made printable. Secrets are
// never handed to it. Before start_logging() nothing is written: a command line's stderr belongs to the command.
void log_info(std::string_view message, std::initializer_list<LogField> fields = {});
void log_warning(std::string_view message, std::initializer_list<LogField> fields = {});
void log_error(std::string_view message, std::initializer_list<LogField> fields = {});

// The system journal stamps each line itself.
void start_logging(bool with_timestamps);

// The text of one line; a value is quoted where it needs it.
std::string log_line(std::string_view message, std::initializer_list<LogField> fields);

}  // namespace aggmedic::daemon
