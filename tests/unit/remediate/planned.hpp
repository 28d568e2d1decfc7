#pragma once

#include <string>
#include <vector>

#include "fake_cluster.hpp"
#include "remediate/plan.hpp"

namespace aggmedic::remediate {

inline std::vector<std::string> gates(const std::vector<Refusal>& refusals) {
    std::vector<std::string> names;
    for (const auto& refusal : refusals) names.push_back(refusal.gate + " " + refusal.subject);
    return names;
}
inline std::string all_text(const std::vector<Refusal>& refusals) {
    std::string text;
    for (const auto& refusal : refusals) text += refusal.gate + " " + refusal.subject + ": " + refusal.reason + "\n";
    return text;
}

// A person has accepted that its CA is shared.
inline PlanInput accepted(const FakeCluster& cluster) {
    auto input = cluster.input();
    input.accepted = {accepted_shared_ca(input)};
    return input;
}
inline Plan planned(const FakeCluster& cluster) {
    return make_plan(accepted(cluster));
}

}  // namespace aggmedic::remediate
