#include "remediate/platform_words.hpp"

#include <fmt/format.h>

#include <set>

#include "net/text.hpp"
#include "probes/platform.hpp"
#include "remediate/guard.hpp"

namespace aggmedic::remediate {
namespace {

constexpr int gap_bosh = 25;     // stop, start and warm-up under bpm and monit (recorded/restart: 20 to 25 s)
constexpr int gap_systemd = 25;  // the same process without bpm around it
constexpr int gap_kubeadm = 60;  // the kubelet looks every 20 s at the latest, and gives the old pod up to 30 s to end

constexpr int list_of_arguments_since = 31;  // kubeadm.k8s.io/v1beta4 came with kubeadm 1.31

// The value that each changed master's list gets, without the flag's name.
std::set<std::string> lists_after(const Plan& plan) {
    std::set<std::string> lists;
    for (const auto& master : plan.masters) {
        const auto& argument = master.argument_after;
        lists.insert(argument.starts_with("--") ? argument.substr(argument.find('=') + 1) : argument);
    }
    return lists;
}

std::vector<std::string> permanent_in_kubeadm(const Plan& plan) {
    std::vector<std::string> lines{
        "`kubeadm upgrade` writes the manifest anew from the ClusterConfiguration and would take the name out again: "
        "kubectl -n kube-system edit configmap kubeadm-config, and set there, under apiServer, what follows."};
    const auto minor = kubernetes_minor(plan.kubernetes);
    const bool list_first = minor && *minor >= list_of_arguments_since;
    for (const auto& value : lists_after(plan)) {
        const auto as_list = fmt::format(
            "apiVersion kubeadm.k8s.io/v1beta4: extraArgs: [{{name: requestheader-allowed-names, value: \"{}\"}}]",
            printable(value, 1024));
        const auto as_map = fmt::format(
            "apiVersion kubeadm.k8s.io/v1beta3 and before: extraArgs: {{requestheader-allowed-names: \"{}\"}}",
            printable(value, 1024));
        lines.push_back(list_first ? as_list : as_map);
        lines.push_back(list_first ? as_map : as_list);
    }
    lines.emplace_back("Entries that extraArgs already has stay beside it.");
    return lines;
}

std::string bosh_commands(const Plan& plan) {
    return "aggmedic bosh ops-file " + plan.cluster + ", or aggmedic bosh runtime-config " + plan.cluster + ".";
}

// After a revert.
std::string not_put_back(const Plan& plan) {
    const auto name = printable(plan.common_name, 128);
    if (plan.platform == "kubeadm")
        return "Where the ClusterConfiguration (kubectl -n kube-system get configmap kubeadm-config) holds " + name +
               " too, take it out there: the next `kubeadm upgrade` would put it back.";
    return "Where the masters' unit or its environment file is rendered with " + name +
           ", take it out there: the next rendering would put it back.";
}

}  // namespace

int gap_seconds_of(std::string_view platform) {
    if (platform == "kubeadm") return gap_kubeadm;
    return platform == "systemd" ? gap_systemd : gap_bosh;
}

std::string restart_words(std::string_view platform) {
    if (platform == "kubeadm") return "none: the kubelet restarts the static pod as soon as its manifest differs";
    if (platform == "systemd") return "sudo systemctl daemon-reload && sudo systemctl restart kube-apiserver";
    return "sudo /var/vcap/bosh/bin/monit restart kube-apiserver";
}

std::string process_words(std::string_view platform) {
    if (platform == "kubeadm") return "find the process kube-apiserver; read /proc/PID/cmdline";
    if (platform == "systemd") return "systemctl show kube-apiserver; read /proc/PID/cmdline";
    return "sudo /var/vcap/bosh/bin/monit status; read /proc/PID/cmdline";
}

std::string kept_bytes(std::string_view platform, const std::string& resolved, std::string_view run) {
    const auto slash = resolved.rfind('/');
    std::string folder = resolved.substr(0, slash);
    if (platform == "kubeadm") folder = folder.substr(0, folder.rfind('/'));
    return fmt::format("{}/.{}.aggmedic-{}", folder, resolved.substr(slash + 1), run);
}

std::string lasts_until(const Plan& plan) {
    if (plan.platform == "kubeadm")
        return "The manifest lasts until the next `kubeadm upgrade`, which writes it anew from the "
               "ClusterConfiguration: "
               "see what makes it permanent.";
    if (plan.platform == "systemd")
        return "The file lasts until whoever renders it (Ansible, a package, an image) writes it again: make the same "
               "change there.";
    return "A file on a BOSH VM lives until a template changes or the VM is recreated. Make it permanent: " +
           bosh_commands(plan);
}

std::string make_permanent(const Plan& plan) {
    return "Make it permanent: " + (plan.platform == "bosh"
                                        ? bosh_commands(plan)
                                        : "aggmedic plan " + plan.cluster + ", in a window of your choice.");
}

std::string permanent_command(const Plan& plan) {
    if (plan.platform == "bosh") return "aggmedic bosh ops-file " + plan.cluster + " (or runtime-config)";
    return "aggmedic plan " + plan.cluster + " --method args, in a window of your choice,";
}

std::vector<std::string> describe_permanent(const Plan& plan) {
    if (plan.method == "configmap" || plan.platform == "bosh")
        return {};  // bosh: its risk `temporary` has the commands
    if (!plan.reverts.empty()) return {not_put_back(plan)};
    if (plan.platform == "kubeadm") return permanent_in_kubeadm(plan);
    std::vector<std::string> lines;
    for (const auto& value : lists_after(plan)) {
        lines.push_back(
            "Wherever the masters' unit or its environment file is rendered, give kube-apiserver "
            "--requestheader-allowed-names=" +
            printable(value, 1024) + ".");
    }
    return lines;
}

std::string not_edited(std::string_view platform) {
    const std::string name = printable(platform, 32);
    if (platform.empty() || platform == probes::detected_platform || platform == "none")
        return "It is not known how the masters' apiserver is configured: set `platform` and `ssh` for this cluster.";
    if (platform == "several")
        return "The masters carry the files of more than one platform: set `platform` for this cluster.";
    if (platform == "mixed") return "The masters are of different platforms: list them as clusters of their own.";
    if (platform == "managed")
        return "A managed cluster is diagnosed and never edited: its control plane is the provider's.";
    return name +
           " is diagnosed and never edited: it renders the apiserver's arguments itself, and would write an edit "
           "over. Set --requestheader-allowed-names where " +
           name + " is configured.";
}

}  // namespace aggmedic::remediate
