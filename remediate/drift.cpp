#include "remediate/drift.hpp"

#include <algorithm>
#include <span>

#include "net/text.hpp"

namespace aggmedic::remediate {
namespace {

bool carries(const probes::Arguments& arguments, const std::string& name) {
    const auto names = probes::allowed_names(arguments.flags);
    return std::ranges::find(names, name) != names.end();
}

std::string how_it_came(const std::string& boot_id, const probes::MasterView& view, const std::string& name) {
    const auto lost = " without " + printable(name, 128) + " in its arguments";
    if (view.file_arguments && !carries(*view.file_arguments, name)) {
        if (view.boot_id != boot_id) return "It came back" + lost + ": it was recreated or rebooted since.";
        return "Its arguments file was written again" + lost + ": a template changed, or somebody edited it.";
    }
    if (view.process && !carries(view.process->arguments, name)) {
        return "Its file is right and its process runs" + lost + ": it was started from something else.";
    }
    return {};
}

}  // namespace

std::vector<Drift> find_drift(const Plan& applied, std::size_t repaired, const probes::Observation& observation) {
    std::vector<Drift> drifted;
    if (applied.method != "args" || applied.common_name.empty()) return drifted;  // nothing that a master could lose
    const auto compare = [&](const std::string& master, const std::string& boot_id) {
        const auto view = observation.masters.find(master);
        if (view == observation.masters.end() || !view->second) return;
        auto how = how_it_came(boot_id, *view->second, applied.common_name);
        if (!how.empty()) drifted.push_back({.master = master, .how = std::move(how)});
    };
    for (const auto& master : std::span(applied.masters).first(std::min(repaired, applied.masters.size())))
        compare(master.name, master.boot_id);
    for (const auto& master : applied.untouched) compare(master.name, master.boot_id);
    return drifted;
}

}  // namespace aggmedic::remediate
