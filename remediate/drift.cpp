#include "remediate/drift.hpp"

#include <algorithm>

#include "net/text.hpp"

namespace aggmedic::remediate {
namespace {

bool carries(const probes::Arguments& arguments, const std::string& name) {
    const auto names = probes::allowed_names(arguments.flags);
    return std::ranges::find(names, name) != names.end();
}

std::string how_it_came(const MasterPlan& before, const probes::MasterView& view, const std::string& name) {
    const auto lost = " without " + printable(name, 128) + " in its arguments";
    if (view.file_arguments && !carries(*view.file_arguments, name)) {
        if (view.boot_id != before.boot_id) return "It came back" + lost + ": it was recreated or rebooted since.";
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
    for (const auto& master : applied.masters) {
        if (repaired-- == 0) break;
        const auto view = observation.masters.find(master.name);
        // A plan that takes a name away leaves nothing to lose.
        if (view == observation.masters.end() || !view->second || applied.common_name.empty() ||
            !master.argument_after.contains(applied.common_name))
            continue;
        auto how = how_it_came(master, *view->second, applied.common_name);
        if (!how.empty()) drifted.push_back({.master = master.name, .how = std::move(how)});
    }
    return drifted;
}

}  // namespace aggmedic::remediate
