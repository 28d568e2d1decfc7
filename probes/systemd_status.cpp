#include <map>

#include "net/text.hpp"
#include "probes/look.hpp"
#include "probes/look_facts.hpp"

// `systemctl show`: KEY=VALUE lines, an empty line between two units (systemctl(1)).
namespace aggmedic::probes {
namespace {

constexpr std::string_view apiserver_unit = "kube-apiserver.service";

using Properties = std::map<std::string, std::string, std::less<>>;

std::vector<Properties> read_units(std::string_view text) {
    std::vector<Properties> units(1);
    for (const auto line : split(text, '\n')) {
        if (line.empty() && !units.back().empty()) units.emplace_back();
        const auto equals = line.find('=');
        if (equals != line.npos) units.back()[std::string(line.substr(0, equals))] = line.substr(equals + 1);
    }
    if (units.back().empty()) units.pop_back();
    return units;
}

std::string_view value(const Properties& unit, std::string_view key) {
    const auto found = unit.find(key);
    return found == unit.end() ? std::string_view() : std::string_view(found->second);
}

// Somebody's, and meant to run: a unit that a package brought and nobody enabled says nothing of this machine.
bool counts(const Properties& unit) {
    if (value(unit, "LoadState") != "loaded") return false;
    const auto enabled = value(unit, "UnitFileState");
    return enabled.starts_with("enabled") || value(unit, "ActiveState") != "inactive";
}

ServiceState state_of(const Properties& unit) {
    ServiceState state;
    const auto active = value(unit, "ActiveState"), sub = value(unit, "SubState"), job = value(unit, "Job");
    std::string_view name = value(unit, "Id");
    if (name.ends_with(".service")) name.remove_suffix(std::string_view(".service").size());
    state.name = name;
    state.status = std::string(active) + " (" + std::string(sub) + ")";
    state.running = active == "active" && sub == "running";
    // A unit that systemd will start again by itself waits in activating (auto-restart): nobody asked for that.
    state.pending = (!job.empty() && job != "0") || active == "deactivating" || active == "reloading" ||
                    (active == "activating" && sub != "auto-restart");
    std::int64_t pid = 0;
    if (number(value(unit, "MainPID"), pid) && pid > 0) state.pid = pid;
    return state;
}

}  // namespace

Result<SupervisorState> parse_systemd_status(std::string_view text) {
    SupervisorState state{.dialect = "systemd", .services = {}, .trouble = {}};
    bool has_apiserver = false;
    for (const auto& unit : read_units(text)) {
        const bool is_apiserver = value(unit, "Id") == apiserver_unit;
        if (is_apiserver && value(unit, "LoadState") != "loaded")
            return fail(Errc::malformed_reply, "systemd has not loaded kube-apiserver.service");
        if (!is_apiserver && !counts(unit)) continue;
        has_apiserver |= is_apiserver;
        state.services.push_back(state_of(unit));
        if (is_apiserver && value(unit, "NeedDaemonReload") != "no") {
            state.trouble =
                "its files changed since systemd read them (NeedDaemonReload): a restart would activate that "
                "too. Reload and restart it, or take the edit back first";
        }
    }
    if (!has_apiserver) return fail(Errc::malformed_reply, "systemctl tells nothing of kube-apiserver.service");
    return state;
}

}  // namespace aggmedic::probes
