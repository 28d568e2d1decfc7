#include "daemon/config_automatic.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <locale>
#include <sstream>

#include "daemon/config_cluster.hpp"
#include "daemon/server_url.hpp"
#include "net/text.hpp"

namespace aggmedic::daemon {
namespace {

using namespace std::chrono_literals;

constexpr std::array<std::string_view, 7> day_names{"sun", "mon", "tue", "wed", "thu", "fri", "sat"};

// "09:00" to "24:00"; the quotes keep YAML readers from taking it for a number in base 60.
std::optional<std::chrono::minutes> time_of_day(std::string_view text) {
    if (text.size() != 5 || text[2] != ':') return std::nullopt;
    int hours = 0, minutes = 0;
    const auto read = [&](std::size_t at, int& number) {
        const auto* begin = text.data() + at;
        const auto parsed = std::from_chars(begin, begin + 2, number);
        return parsed.ec == std::errc() && parsed.ptr == begin + 2 && number >= 0;
    };
    if (!read(0, hours) || !read(3, minutes) || minutes > 59 || hours > 24 || (hours == 24 && minutes > 0))
        return std::nullopt;
    return std::chrono::hours(hours) + std::chrono::minutes(minutes);
}

std::optional<std::chrono::minutes> read_time(MapReader& map, std::string_view key) {
    map.require(key);
    const auto setting = map.find(key);
    const auto text = setting ? scalar_text(*setting, map.faults()) : std::nullopt;
    if (!text) return std::nullopt;
    const auto time = time_of_day(*text);
    if (!time) map.faults().add(setting->mark, setting->path + R"( must be a time of day such as "09:00")");
    return time;
}

void read_days(MapReader& map, remediate::RepairWindow& window) {
    const auto setting = map.find("days");
    window.days.fill(!setting);
    if (!setting) return;
    const auto names = map.texts("days");
    if (!names) return;
    if (names->empty()) map.faults().add(setting->mark, setting->path + " names no day; leave it out for every day");
    for (const auto& name : *names) {
        const auto* const found = std::ranges::find(day_names, name);
        if (found == day_names.end()) {
            map.faults().add(setting->mark, fmt::format("{}: {} is no day; write mon, tue, wed, thu, fri, sat or sun",
                                                        setting->path, printable(name, 40)));
        } else {
            window.days.at(static_cast<std::size_t>(found - day_names.begin())) = true;
        }
    }
}

void read_window(const Setting& item, Faults& faults, std::vector<remediate::RepairWindow>& windows) {
    MapReader map(item, faults);
    remediate::RepairWindow window;
    read_days(map, window);
    const auto from = read_time(map, "from"), to = read_time(map, "to");
    map.require("timezone");
    const auto zone = map.find("timezone");
    const auto name = zone ? scalar_text(*zone, faults) : std::nullopt;
    map.finish();
    if (from && *from == 24h) map.fault(item.path + R"(.from must be before "24:00")");
    if (from && to && *from == *to)
        map.fault(item.path + R"( opens and closes at the same time; for the whole day write "00:00" to "24:00")");
    if (from) window.from = *from;
    if (to) window.to = *to;
    if (!name) return;
    const auto found = remediate::find_time_zone(*name);
    if (!found) return faults.add(zone->mark, zone->path + ": " + found.error().detail);
    window.zone = *found;
    windows.push_back(window);
}

void read_meltdown(MapReader& remediation_map, remediate::MeltdownLimit& limit) {
    const auto setting = remediation_map.find("meltdown");
    if (!setting) return;
    MapReader map(*setting, remediation_map.faults());
    if (const auto clusters = map.integer("clusters", 1, 100'000)) limit.clusters = *clusters;
    map.duration("window", 1s, 24h, limit.window);
    if (const auto ratio = map.find("ratio")) {
        const auto text = scalar_text(*ratio, map.faults()).value_or("0.5");
        std::istringstream stream(text);
        double value = -1;
        stream.imbue(std::locale::classic());
        if (!(stream >> value) || !stream.eof() || value <= 0 || value > 1) {
            map.faults().add(ratio->mark, ratio->path + " must be a number above 0 and up to 1");
        } else {
            limit.ratio = value;
        }
    }
    map.finish();
}

void read_gate_url(const Setting& setting, Faults& faults, AlertGateConfig& gate) {
    const auto text = scalar_text(setting, faults);
    if (!text) return;
    const auto url = parse_monitoring_url(*text);
    if (!url) return faults.add(setting.mark, setting.path + ": " + url.error().detail);
    gate.url = *text;
    gate.is_tls = url->is_tls;
    gate.host = url->where.host;
    gate.port = url->where.port;
    gate.path = url->path;
}

void read_alert_gate(MapReader& remediation_map, NamedFiles& files, std::optional<AlertGateConfig>& alert_gate) {
    const auto setting = remediation_map.find("alert_gate");
    if (!setting) return;
    auto& faults = remediation_map.faults();
    MapReader map(*setting, faults);
    AlertGateConfig gate;
    const auto prometheus = map.find("prometheus"), alertmanager = map.find("alertmanager");
    if (prometheus.has_value() == alertmanager.has_value())
        map.fault(setting->path + " needs one of prometheus (with query) and alertmanager (with matchers)");
    if (prometheus) {
        gate.server = AlertGateConfig::Server::prometheus;
        read_gate_url(*prometheus, faults, gate);
        map.require("query");
        gate.query = map.text("query").value_or("");
        map.refuse("matchers", "belongs to alertmanager");
    } else if (alertmanager) {
        gate.server = AlertGateConfig::Server::alertmanager;
        read_gate_url(*alertmanager, faults, gate);
        if (auto matchers = map.texts("matchers")) gate.matchers = std::move(*matchers);
        map.refuse("query", "belongs to prometheus");
    }
    const auto ca = map.find("certificate_authority_file"), token = map.find("token_file");
    if (ca) {
        const auto name = scalar_text(*ca, faults);
        if (name) gate.ca_pem = files.read(*name, *ca).value_or("");
    }
    if (token) {
        const auto name = scalar_text(*token, faults);
        if (name) gate.bearer_token = files.read_token(*name, *token).value_or("");
        if (!gate.is_tls) faults.add(token->mark, token->path + " would be sent in the clear: write an https URL");
    }
    refuse_inline_secrets(map);
    map.finish();
    alert_gate = std::move(gate);
}

}  // namespace

void read_automatic(MapReader& map, NamedFiles& files, RemediationConfig& remediation) {
    auto& start = remediation.start;
    map.duration("cooldown", 0s, 168h, start.cooldown);
    if (const auto attempts = map.integer("attempts", 1, 100)) start.attempts = *attempts;
    if (const auto cycles = map.integer("hold_cycles", 2, 1000)) start.hold_cycles = *cycles;
    map.duration("quiet_after_change", 0s, 168h, start.quiet);
    if (auto canary = map.text("canary_cluster")) start.canary_cluster = std::move(*canary);
    map.each("windows", [&](const Setting& item) { read_window(item, map.faults(), start.windows); });
    read_meltdown(map, remediation.meltdown);
    read_alert_gate(map, files, remediation.alert_gate);
    start.has_alert_gate = remediation.alert_gate.has_value();
}

void check_automatic(const Config& config, const std::optional<Setting>& canary, Faults& faults) {
    const auto& name = config.remediation.start.canary_cluster;
    if (!canary || name.empty()) return;
    const auto is_it = [&](const ClusterConfig& cluster) { return cluster.target.name == name; };
    if (std::ranges::none_of(config.clusters, is_it))
        faults.add(canary->mark, fmt::format("{}: there is no cluster {}", canary->path, printable(name, 64)));
}

}  // namespace aggmedic::daemon
