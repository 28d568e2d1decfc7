#pragma once

#include <cstdint>

#include "probes/look_draft.hpp"

namespace aggmedic::probes {

// What the kubelet does with the static pods of kubeadm. It tells no state to root's shell, so that is inferred: a
// process that is older than its manifest is either one that the kubelet is about to replace, or, after a minute (it
// looks every 20 s and gives a pod 30 s to end), one whose manifest says the same as before.
SupervisorState kubelet_state(const LookedKubelet& kubelet, const MasterView& view, std::int64_t clock_ms);

}  // namespace aggmedic::probes
