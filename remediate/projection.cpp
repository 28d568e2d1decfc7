#include "remediate/projection.hpp"

#include <algorithm>
#include <set>

#include "net/text.hpp"

namespace aggmedic::remediate {
namespace {

class Differences {
  public:
    void expect(bool holds, const std::string& subject, std::string what) {
        if (!holds) found_.push_back({.gate = "projection", .subject = subject, .reason = std::move(what)});
    }
    std::vector<Refusal> take() { return std::move(found_); }

  private:
    std::vector<Refusal> found_;
};

std::string proxy_certificate(const probes::MasterView& view) {
    for (const auto& file : view.files) {
        if (file.flag == "proxy-client-cert-file" && !file.certificates.empty())
            return file.certificates.front().sha256;
    }
    return {};
}

// A master that this run has not touched yet, or never touches.
struct Expected {
    const std::string &name, &resolved, &owner, &group, &mode, &sha256, &arguments_sha256, &proxy_client_sha256,
        &other_files_sha256, &boot_id;
    std::int64_t pid;
    std::uint64_t start_ticks;
};
template <class Master>
Expected expected(const Master& master, const std::string& sha256) {
    return {master.name,
            master.resolved,
            master.owner,
            master.group,
            master.mode,
            sha256,
            master.arguments_sha256,
            master.proxy_client_sha256,
            master.other_files_sha256,
            master.boot_id,
            master.pid,
            master.start_ticks};
}

void expect_as_bound(const Expected& then, const probes::MasterView& view, Differences& differences) {
    const auto& file = view.args_file;
    differences.expect(file.resolved == then.resolved && file.sha256 == then.sha256, then.name,
                       "its arguments file changed");
    differences.expect(file.owner == then.owner && file.group == then.group && file.mode == then.mode, then.name,
                       "owner or mode of its arguments file changed");
    differences.expect(digest_of_others(view) == then.other_files_sha256, then.name,
                       "another file of its unit changed");
    differences.expect(view.boot_id == then.boot_id, then.name, "it was rebooted");
    const bool same_process = view.process && view.process->pid == then.pid &&
                              view.process->start_ticks == then.start_ticks &&
                              view.process->arguments.sha256 == then.arguments_sha256;
    differences.expect(same_process, then.name, "its kube-apiserver is not the process that was planned on");
    differences.expect(proxy_certificate(view) == then.proxy_client_sha256, then.name,
                       "its proxy-client certificate changed");
    differences.expect(view.backups.empty(), then.name, "old bytes of another run lie beside its file");
    differences.expect(all_services_run(view), then.name, "not all jobs of the VM run");
}

void expect_published(const Plan& plan, bool any_repaired, const probes::Seen<probes::PublishedAuth>& published,
                      Differences& differences) {
    const auto& cluster = plan.cluster;
    if (!published || !published->allowed_names)
        return differences.expect(false, cluster, "the ConfigMap cannot be read");
    const auto as_set = [](const std::vector<std::string>& names) { return std::set(names.begin(), names.end()); };
    // A revert takes its name out last. Up to 1.16 the master that started last has done so by itself.
    const bool is_revert = !plan.reverts.empty();
    const bool grows = any_repaired && !is_revert;
    const auto published_names = as_set(*published->allowed_names);
    auto without = as_set(plan.names_before);
    without.erase(plan.common_name);
    const bool went_by_itself = is_revert && any_repaired && published_names == without;
    differences.expect(
        published_names == as_set(grows ? plan.names_after : plan.names_before) || went_by_itself, cluster,
        grows ? "the published names are not the old ones and the new one" : "the published names changed");
    if (!any_repaired) {
        differences.expect(published->resource_version == plan.configmap_resource_version, cluster,
                           "the ConfigMap was written");
    }
    std::set<std::string> cas;
    for (const auto& ca : published->requestheader_ca) cas.insert(ca.sha256);
    differences.expect(cas == as_set(plan.requestheader_ca_sha256), cluster, "the published requestheader CA changed");
}

}  // namespace

const MasterPlan* find_master(const Plan& plan, std::string_view name) {
    const auto found = std::ranges::find(plan.masters, name, &MasterPlan::name);
    return found == plan.masters.end() ? nullptr : &*found;
}

std::string digest_of_others(const probes::MasterView& view) {
    std::string text;
    for (const auto& file : view.other_files) {
        for (const auto* part : {&file.path, &file.resolved, &file.owner, &file.group, &file.mode, &file.sha256})
            text += *part + '\0';
    }
    return text.empty() ? text : sha256_hex(text);
}

const probes::ServiceState* apiserver_service(const probes::MasterView& view) {
    if (!view.supervisor) return nullptr;
    const auto& services = view.supervisor->services;
    const auto found = std::ranges::find(services, "kube-apiserver", &probes::ServiceState::name);
    return found == services.end() ? nullptr : &*found;
}

bool all_services_run(const probes::MasterView& view) {
    return apiserver_service(view) != nullptr && view.supervisor->trouble.empty() &&
           std::ranges::all_of(view.supervisor->services,
                               [](const probes::ServiceState& service) { return service.running && !service.pending; });
}

std::vector<Refusal> differs_from_repaired(const MasterPlan& master, const probes::MasterView& view) {
    Differences differences;
    differences.expect(view.args_file.resolved == master.resolved && view.args_file.sha256 == master.sha256_after,
                       master.name, "its arguments file is not the one that was written");
    differences.expect(view.process && view.process->arguments.sha256 == master.arguments_sha256_after, master.name,
                       "its live process does not run the new arguments");
    differences.expect(all_services_run(view), master.name, "not all jobs of the VM run");
    return differences.take();
}

std::vector<Refusal> differs_from_projection(const Plan& plan, std::span<const std::string> repaired,
                                             const FreshView& seen) {
    Differences differences;
    const auto view_of = [&](const std::string& name) -> const probes::MasterView* {
        const auto found = seen.masters.find(name);
        if (found != seen.masters.end() && found->second) return &*found->second;
        differences.expect(
            false, name,
            "it cannot be read" +
                (found == seen.masters.end() ? std::string() : ": " + printable(found->second.why().detail)));
        return nullptr;
    };
    std::vector<Refusal> found;
    for (const auto& master : plan.masters) {
        const auto* view = view_of(master.name);
        if (view == nullptr) continue;
        if (std::ranges::find(repaired, master.name) == repaired.end()) {
            expect_as_bound(expected(master, master.sha256_before), *view, differences);
        } else {
            for (auto& each : differs_from_repaired(master, *view)) found.push_back(std::move(each));
        }
    }
    for (const auto& master : plan.untouched) {
        if (const auto* view = view_of(master.name))
            expect_as_bound(expected(master, master.sha256), *view, differences);
    }
    for (const auto& [name, answer] : seen.readyz) {
        differences.expect(answer && answer->status == 200, name, "its /readyz does not answer 200");
    }
    expect_published(plan, !repaired.empty(), seen.published, differences);
    for (auto& each : differences.take()) found.push_back(std::move(each));
    return found;
}

}  // namespace aggmedic::remediate
