#include "probes/kubelet_status.hpp"

#include "net/text.hpp"

namespace aggmedic::probes {
namespace {

constexpr std::int64_t decided_after_seconds = 60;

std::string trouble_of(const LookedKubelet& kubelet, const FileFacts& manifest) {
    const auto folder = manifest.resolved.substr(0, manifest.resolved.rfind('/'));
    if (!kubelet.runs) return "not exactly one kubelet runs: nobody would start the pod again";
    if (kubelet.runtime.empty()) return "no container runtime runs: the kubelet could not start the pod again";
    if (manifest.resolved.empty()) return {};  // there is nothing to restart, and another gate says so
    if (kubelet.static_pod_path != folder) {
        return "it is not known that the kubelet takes its manifests from " + printable(folder, 256) +
               " (staticPodPath in the file of its --config)";
    }
    if (!kubelet.same_file_system)
        return printable(folder, 256) + " is a file system of its own: no file can be put there in one step";
    return {};
}

}  // namespace

SupervisorState kubelet_state(const LookedKubelet& kubelet, const MasterView& view, std::int64_t clock_ms) {
    SupervisorState state{.dialect = "kubelet", .services = {}, .trouble = trouble_of(kubelet, view.args_file)};
    ServiceState apiserver{
        .name = "kube-apiserver", .status = "no process", .running = false, .pending = false, .pid = {}};
    if (view.process) {
        apiserver.running = true;
        apiserver.status = "running";
        apiserver.pid = view.process->pid;
        const auto changed = TimePoint(std::chrono::milliseconds(clock_ms - kubelet.changed_seconds_ago * 1000));
        const bool is_older = !view.process->started_at || *view.process->started_at <= changed;
        apiserver.pending = is_older && kubelet.changed_seconds_ago < decided_after_seconds;
        if (apiserver.pending) apiserver.status = "running, its manifest is newer";
    }
    state.services.push_back(std::move(apiserver));
    for (const auto& [name, runs] : kubelet.static_pods) {
        state.services.push_back(
            {.name = name, .status = runs ? "running" : "no process", .running = runs, .pending = false, .pid = {}});
    }
    return state;
}

}  // namespace aggmedic::probes
