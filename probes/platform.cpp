#include "probes/platform.hpp"

#include <algorithm>
#include <array>

namespace aggmedic::probes {
namespace {

constexpr std::array<Platform, 3> table{{
    {"bosh", "/var/vcap/jobs/kube-apiserver/config/bpm.yml", read_bosh},
    {"kubeadm", "/etc/kubernetes/manifests/kube-apiserver.yaml", read_kubeadm},
    {"systemd", "/etc/systemd/system/kube-apiserver.service", read_systemd},
}};

}  // namespace

std::span<const Platform> platforms() {
    return table;
}

const Platform* find_platform(std::string_view name) {
    const auto found = std::ranges::find(table, name, &Platform::name);
    return found == table.end() ? nullptr : &*found;
}

}  // namespace aggmedic::probes
