#include "plannable.hpp"

#include "net/text.hpp"
#include "probes/bpm_file.hpp"
#include "recording.hpp"

namespace aggmedic::probes {

void make_plannable(Observation& observation) {
    observation.started = observation.finished = recording::now();
    ControlPlane around;
    around.webhooks = std::vector<ClosedWebhook>();
    around.endpoints = std::vector<std::string>();
    around.controller_manager = around.scheduler = std::string();
    for (auto& [name, master] : observation.masters) {
        around.etcd[name] = std::vector<EtcdMember>{{"etcd-0", true, "ok"}};
        around.endpoints->push_back("listed as " + name);
    }
    observation.control_plane = std::move(around);
    for (auto& [name, master] : observation.masters) {
        if (!master) continue;
        master->args_file.path = "/var/vcap/jobs/kube-apiserver/config/bpm.yml";
        master->args_file.resolved = master->args_file.path;
        master->args_file.owner = "root";
        master->args_file.group = "vcap";
        master->args_file.mode = "0640";
        master->args_file.sha256 = sha256_hex(file_of(*master));
        master->disk_free_bytes = std::uint64_t{1} << 34;
        master->memory_available_bytes = std::uint64_t{1} << 32;
        master->supervisor = SupervisorState{.dialect = "monit-5.2.5",
                                             .services = {{.name = "kube-apiserver",
                                                           .status = "running",
                                                           .running = true,
                                                           .pending = false,
                                                           .pid = std::nullopt}}};
    }
}

std::string file_of(const MasterView& master) {
    std::string text = "processes:\n- name: kube-apiserver\n  executable: kube-apiserver\n  args:\n";
    for (const auto& [flag, values] : master.process->arguments.flags) {
        for (const auto& value : values) text += "  - --" + flag + "=" + value + "\n";
    }
    return text;
}

std::map<std::string, std::string> files_of(const Observation& observation) {
    std::map<std::string, std::string> files;
    for (const auto& [name, master] : observation.masters) {
        if (master && master->process) files[name] = file_of(*master);
    }
    return files;
}

remediate::Plan plan_for(const Observation& observation, const Assessment& assessment,
                         const std::map<std::string, std::string>& files, bool with_shared_ca) {
    remediate::PlanInput input;
    input.observation = observation;
    input.assessment = assessment;
    for (const auto& [name, bytes] : files) {
        input.sources[name] = {{.path = {}, .bytes = bytes}};
        input.masters.push_back(name);
    }
    input.now = recording::now();
    input.configuration_sha256 = std::string(64, 'c');
    input.accepted = remediate::acceptable_risks(input);
    if (!with_shared_ca) std::erase_if(input.accepted, [](const auto& risk) { return risk.id == "shared-ca"; });
    for (auto& risk : input.accepted) risk.by = "uid=0";
    return make_plan(input);
}

}  // namespace aggmedic::probes
