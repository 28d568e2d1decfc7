#pragma once

#include <string>
#include <string_view>

namespace aggmedic::probes {

// Why a CN may not be put on an allow-list; empty: it may. The grammar is `[A-Za-z0-9][A-Za-z0-9.-]{0,63}` without
// `..`: no byte of it means anything to a shell, YAML or CSV. Reserved are names that other certificates of a cluster
// carry (components, admins, service accounts): listing one would let its holder speak for anybody.
std::string common_name_refusal(std::string_view common_name);
inline bool is_plannable_common_name(std::string_view common_name) {
    return common_name_refusal(common_name).empty();
}

}  // namespace aggmedic::probes
