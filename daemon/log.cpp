#include "daemon/log.hpp"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <memory>

#include "net/redact.hpp"
#include "net/text.hpp"

namespace aggmedic::daemon {
namespace {

constexpr std::size_t value_bytes_max = 2048;

std::shared_ptr<spdlog::logger>& logger() {
    static std::shared_ptr<spdlog::logger> instance;
    return instance;
}

std::string quoted(std::string_view value) {
    const auto text = printable(without_marked_secrets(value), value_bytes_max);
    const auto is_plain = [](char character) { return character > ' ' && character != '"' && character != '='; };
    if (!text.empty() && std::ranges::all_of(text, is_plain)) return text;
    std::string escaped = "\"";
    for (const char character : text) {
        if (character == '"' || character == '\\') escaped += '\\';
        escaped += character;
    }
    return escaped + "\"";
}

void write(spdlog::level::level_enum level, std::string_view message, std::initializer_list<LogField> fields) {
    if (logger()) logger()->log(level, log_line(message, fields));
}

}  // namespace

std::string log_line(std::string_view message, std::initializer_list<LogField> fields) {
    auto line = "msg=" + quoted(message);
    for (const auto& field : fields) line += " " + std::string(field.key) + "=" + quoted(field.value);
    return line;
}

void start_logging(bool with_timestamps) {
    logger() = std::make_shared<spdlog::logger>("aggmedicd", std::make_shared<spdlog::sinks::stderr_sink_st>());
    logger()->set_pattern(with_timestamps ? "ts=%Y-%m-%dT%H:%M:%S.%eZ level=%l %v" : "level=%l %v",
                          spdlog::pattern_time_type::utc);
    logger()->flush_on(spdlog::level::info);
}

void log_info(std::string_view message, std::initializer_list<LogField> fields) {
    write(spdlog::level::info, message, fields);
}
void log_warning(std::string_view message, std::initializer_list<LogField> fields) {
    write(spdlog::level::warn, message, fields);
}
void log_error(std::string_view message, std::initializer_list<LogField> fields) {
    write(spdlog::level::err, message, fields);
}

}  // namespace aggmedic::daemon
