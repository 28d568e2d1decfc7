#include "remediate/master_changes.hpp"

namespace aggmedic::remediate {

// What cannot be seen now is compared with what is seen next.
void MasterChanges::compare(std::string& known, const std::string& seen, const std::string& master,
                            std::string_view what, TimePoint now) {
    if (seen.empty() || known == seen) return;
    if (!known.empty()) {
        changed_ = now;
        what_ = master + ": " + std::string(what);
    }
    known = seen;
}

void MasterChanges::fold(const probes::Observation& observation, TimePoint now) {
    if (!watched_since_) watched_since_ = now;
    for (const auto& apiserver : observation.apiservers) {
        if (apiserver.master.empty() || !apiserver.version) continue;
        compare(masters_[apiserver.master].version, *apiserver.version, apiserver.master, "its version", now);
    }
    for (const auto& [master, view] : observation.masters) {
        if (!view) continue;
        auto& known = masters_[master];
        compare(known.boot_id, view->boot_id, master, "it was recreated or rebooted", now);
        compare(known.file_sha256, view->args_file.sha256, master, "its arguments file", now);
        if (view->process) compare(known.executable, view->process->executable, master, "its program", now);
    }
}

}  // namespace aggmedic::remediate
