#include <algorithm>
#include <charconv>

#include "net/text.hpp"
#include "probes/look.hpp"

namespace aggmedic::probes {

namespace {

std::string_view trim(std::string_view text) {
    const auto first = text.find_first_not_of(" \t\r");
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

// `The Monit daemon 5.2.5 uptime: 0m` (stemcells) or `Monit 5.33.0 uptime: 0m` (Debian 12).
std::string read_dialect(std::string_view line) {
    const auto words = split(trim(line), ' ');
    const auto at = std::ranges::find(words, "uptime:");
    if (at == words.end() || at == words.begin() || !line.contains("Monit")) return {};
    const auto version = *(at - 1);
    const auto minor_end = version.find('.', version.find('.') + 1);
    if (version.find_first_not_of("0123456789.") != std::string_view::npos) return {};
    // 5.2.5 is told from the later ones by all its numbers; 5.33.0 and 5.33.1 speak alike.
    return "monit-" + std::string(version == "5.2.5" ? version : version.substr(0, minor_end));
}

// `Process 'kube-apiserver'`; the System entry describes the host and is no service.
bool read_heading(std::string_view line, std::string& name) {
    if (line.empty() || line.front() == ' ') return false;
    const auto open = line.find(" '");
    const auto close = line.rfind('\'');
    if (open == std::string_view::npos || close <= open + 1) return false;
    name = line.starts_with("System ") ? std::string() : std::string(line.substr(open + 2, close - open - 2));
    return true;
}

struct Entry {
    ServiceState state;
    std::string monitoring;
};

void read_field(std::string_view line, Entry& entry) {
    const auto body = trim(line);
    const auto take = [&](std::string_view key) -> std::string_view {
        if (!body.starts_with(key) || body.size() <= key.size() || body[key.size()] != ' ') return {};
        return trim(body.substr(key.size()));
    };
    if (const auto value = take("monitoring status"); !value.empty()) {
        entry.monitoring = to_lower(value);
    } else if (const auto status = take("status"); !status.empty()) {
        entry.state.status = status;
    } else if (const auto text = take("pid"); !text.empty()) {
        std::int64_t pid = 0;
        const auto parsed = std::from_chars(text.data(), text.data() + text.size(), pid);
        if (parsed.ec == std::errc() && parsed.ptr == text.data() + text.size() && pid > 0) entry.state.pid = pid;
    }
}

// 5.2.5 shows a pending action in `monitoring status` ("not monitored - restart pending"), 5.33 behind `status`
// ("OK - restart pending"), cut with dots where it is long.
void conclude(Entry& entry) {
    const auto status = to_lower(entry.state.status);
    const auto is_pending = [](std::string_view text) { return text.contains("pending") || text.contains(" - "); };
    entry.state.pending = is_pending(status) || is_pending(entry.monitoring);
    const bool fine = status == "running" || status == "ok";
    entry.state.running = fine && !entry.state.pending && entry.monitoring == "monitored";
}

}  // namespace

Result<SupervisorState> parse_monit_status(std::string_view out, std::string_view err, int exit_status) {
    if (out.contains("no status available") || err.contains("no status available") ||
        err.contains("daemon is not running") || out.contains("daemon is not running")) {
        return fail(Errc::malformed_reply, "monit: the daemon is not running");
    }
    if (exit_status != 0) return fail(Errc::malformed_reply, "monit status ended with " + std::to_string(exit_status));
    SupervisorState state;
    std::vector<Entry> entries;
    bool in_service = false;
    for (const auto line : split(out, '\n')) {
        std::string name;
        if (state.dialect.empty() && !(state.dialect = read_dialect(line)).empty()) continue;
        if (read_heading(line, name)) {
            in_service = !name.empty();
            if (in_service) entries.emplace_back().state.name = std::move(name);
        } else if (in_service) {
            read_field(line, entries.back());
        }
    }
    if (state.dialect.empty()) return fail(Errc::malformed_reply, "monit status has no heading with a version");
    for (auto& entry : entries) {
        if (entry.state.status.empty())
            return fail(Errc::malformed_reply, "monit status was cut: " + printable(entry.state.name, 64));
        conclude(entry);
        state.services.push_back(std::move(entry.state));
    }
    return state;
}

}  // namespace aggmedic::probes
