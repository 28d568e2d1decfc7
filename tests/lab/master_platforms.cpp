#include "tests/lab/master_platforms.hpp"

#include <sys/stat.h>
#include <yaml-cpp/yaml.h>

#include <vector>

#include "tests/lab/world.hpp"

namespace aggmedic::lab {
namespace {

namespace fs = std::filesystem;

constexpr const char* program = "/var/vcap/packages/kubernetes/bin/kube-apiserver";

std::vector<std::string> arguments_in(const std::string& bpm) {
    const YAML::Node document = YAML::Load(bpm);
    for (const auto& process : document["processes"]) {
        if (process["name"].as<std::string>() != "kube-apiserver") continue;
        std::vector<std::string> arguments;
        for (const auto& argument : process["args"]) {
            if (!argument.IsNull()) arguments.push_back(argument.as<std::string>());
        }
        return arguments;
    }
    throw std::runtime_error("the bpm.yml has no process kube-apiserver");
}

void put(const fs::path& file, const std::string& text, unsigned mode) {
    fs::create_directories(file.parent_path());
    write_file(file, text);
    ::chmod(file.c_str(), mode);
}

// As kubeadm writes it, a comment by hand in it.
std::string manifest(const std::vector<std::string>& arguments) {
    std::string text =
        "apiVersion: v1\nkind: Pod\nmetadata:\n  creationTimestamp: null\n  labels:\n    component: kube-apiserver\n"
        "    tier: control-plane\n  name: kube-apiserver\n  namespace: kube-system\nspec:\n  containers:\n"
        "  - command:\n    - kube-apiserver\n";
    for (const auto& argument : arguments) {
        const bool plain = argument.find_first_of(" #'\"{}[],&*?|>%@`") == std::string::npos ||
                           argument.starts_with("--requestheader-allowed-names=");
        text += "    - " + (plain ? argument : "'" + argument + "'") + "\n";
    }
    return text +
           "    image: registry.k8s.io/kube-apiserver:v1.20.2  # pinned\n    imagePullPolicy: IfNotPresent\n"
           "    name: kube-apiserver\n    resources:\n      requests:\n        cpu: 250m\n  hostNetwork: true\n"
           "  priorityClassName: system-node-critical\nstatus: {}\n";
}

std::string etcd_manifest() {
    return "apiVersion: v1\nkind: Pod\nmetadata:\n  name: etcd\n  namespace: kube-system\nspec:\n  containers:\n"
           "  - command:\n    - etcd\n    - infinity\n    image: registry.k8s.io/etcd:3.4.13-0\n    name: etcd\n";
}

std::string unit(const std::vector<std::string>& arguments) {
    std::string text =
        std::string("[Unit]\nDescription=Kubernetes API Server\nDefaultDependencies=no\n\n[Service]\nExecStart=") +
        program;
    for (const auto& argument : arguments) {
        const bool plain = argument.find_first_of(" '\"\\;") == std::string::npos;
        text += " \\\n  " + (plain ? argument : "\"" + argument + "\"");
    }
    return text + "\nRestart=on-failure\nRestartSec=2\nType=simple\n\n[Install]\nWantedBy=multi-user.target\n";
}

// Without the default dependencies: what a full boot starts has no place beside them.
std::string bare_unit(const std::string& service) {
    return "[Unit]\nDefaultDependencies=no\n[Service]\n" + service;
}

void write_units(const fs::path& units, const std::vector<std::string>& arguments) {
    put(units / "kube-apiserver.service", unit(arguments), 0644);
    put(units / "kube-apiserver.service.d/10-limits.conf", "[Service]\nLimitNOFILE=65536\n", 0644);
    put(units / "etcd.service", bare_unit("ExecStart=/bin/sleep infinity\n"), 0644);
    put(units / "sshd-lab.service",
        bare_unit("ExecStartPre=/bin/mkdir -p /run/sshd\nExecStart=/usr/sbin/sshd -D -e\nRestart=always\n"
                  "RestartSec=1\n"),
        0644);
    put(units / "lab.target",
        "[Unit]\nDefaultDependencies=no\nWants=sshd-lab.service etcd.service kube-apiserver.service\n", 0644);
}

}  // namespace

void write_platform_files(const LabSpec& spec, std::size_t index, const std::string& bpm) {
    const fs::path own = spec.directory / "masters" / std::to_string(index);
    const auto arguments = arguments_in(bpm);
    if (spec.platform == "kubeadm") {
        put(own / "kubernetes/manifests/kube-apiserver.yaml", manifest(arguments), 0600);
        put(own / "kubernetes/manifests/etcd.yaml", etcd_manifest(), 0600);
        put(own / "kubernetes/kubelet.yaml",
            "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n"
            "staticPodPath: /etc/kubernetes/manifests\n",
            0644);
    } else if (spec.platform == "systemd") {
        write_units(own / "units", arguments);
    }
}

}  // namespace aggmedic::lab
