#include "tests/fuzz/parsers/claims.hpp"

#include <array>

namespace aggmedic::fuzz {

std::span<const Target> targets() {
    static constexpr std::array table{
        Target{"look", "", broken_look_claim},       Target{"cmdline", "", broken_cmdline_claim},
        Target{"monit", "", broken_monit_claim},     Target{"certificates", "certificates", broken_certificates_claim},
        Target{"plan", "plans", broken_plan_claim},  Target{"observation", "", broken_observation_claim},
        Target{"history", "", broken_history_claim}, Target{"replay", "", broken_replay_claim},
        Target{"config", "", broken_config_claim},   Target{"kubeconfig", "", broken_kubeconfig_claim},
    };
    return table;
}

}  // namespace aggmedic::fuzz
