#include "probes/causes/lasting_fix.hpp"

#include <algorithm>

#include "net/time.hpp"
#include "probes/causes/rules.hpp"

// Rendered files of a BOSH job live until a template changes or the VM is recreated, and the agent unpacks them all at
// once: a file that is younger than the others was written by somebody else.
namespace aggmedic::probes {

namespace {

constexpr auto unpacking_max = std::chrono::seconds(60);
constexpr auto rendering_max = std::chrono::seconds(5);

enum class Bytes { unknown, as_unpacked, written_since };

Bytes bytes_of(const MasterView& master) {
    if (!master.unpacked_job || !master.args_file.modified) return Bytes::unknown;
    const auto& job = *master.unpacked_job;
    const auto modified = *master.args_file.modified;
    // The archive's times are those of the rendering, which comes before.
    if (modified > job.oldest_change + unpacking_max) return Bytes::written_since;
    const bool is_inode_as_old = job.file_changed <= job.oldest_change + unpacking_max;
    if (is_inode_as_old && modified <= job.newest_modified + rendering_max) return Bytes::as_unpacked;
    return Bytes::unknown;
}

const MasterView* master_of(const Case& seen, const ProxyClient& proxy) {
    const auto found = seen.observation.masters.find(proxy.master);
    return found != seen.observation.masters.end() && found->second ? &*found->second : nullptr;
}

}  // namespace

LastingFix lasting_fix_on(const Case& seen, const ProxyClient& proxy) {
    const auto* master = master_of(seen, proxy);
    if (master == nullptr || master->platform != "bosh" || proxy.absent) return LastingFix::unknown;
    if (!master->file_arguments || !master->permanent_fix_present) return LastingFix::unknown;
    const auto names = allowed_names(master->file_arguments->flags);
    if (names.empty()) return LastingFix::unknown;
    const bool is_allowed = std::ranges::find(names, proxy.leaf.common_name) != names.end();
    if (is_allowed && names.size() == 1) return LastingFix::not_added;
    if (*master->permanent_fix_present) return LastingFix::lasting;
    if (!is_allowed) return LastingFix::missing;
    switch (bytes_of(*master)) {
        case Bytes::written_since:
            return LastingFix::only_here;
        case Bytes::as_unpacked:
            return LastingFix::lasting;
        case Bytes::unknown:
            break;
    }
    return LastingFix::unknown;
}

std::optional<bool> is_fix_permanent(const Case& seen) {
    if (!all_read(seen)) return std::nullopt;
    bool all_lasting = true;
    for (const auto& proxy : seen.read) {
        const auto fix = lasting_fix_on(seen, proxy);
        if (fix == LastingFix::missing || fix == LastingFix::only_here) return false;
        all_lasting = all_lasting && fix == LastingFix::lasting;
    }
    return all_lasting ? std::optional(true) : std::nullopt;
}

// Which of the file's words was written since, it does not say: that it is the name is likely, not certain.
void judge_lasting_fix(const Case& seen, Assessment& assessment) {
    for (const auto& proxy : seen.read) {
        if (lasting_fix_on(seen, proxy) != LastingFix::only_here) continue;
        const auto& master = *master_of(seen, proxy);
        auto finding = make_finding("fix-only-on-vm", Confidence::probable, AllowList::none);
        finding.finding_class = FindingClass::security;
        finding.master = proxy.master;
        add_evidence(finding,
                     "the arguments file was written at " + to_rfc3339(*master.args_file.modified) +
                         ", after BOSH had unpacked its job (by " + to_rfc3339(master.unpacked_job->oldest_change) +
                         "); it allows " + listed(allowed_names(master.file_arguments->flags)),
                     "ssh", proxy.master);
        add_evidence(finding, "no pre-start script on this VM adds a name again", "ssh", proxy.master);
        assessment.findings.push_back(std::move(finding));
    }
}

}  // namespace aggmedic::probes
