#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>

#include "disturbed.hpp"

// The recordings as another cluster would show them: other groups, other versions, other masters. What is wrong with a
// cluster does not depend on its names.
namespace aggmedic::probes {

namespace {

using recording::As;

void replace_all(std::string& text, const std::string& from, const std::string& to) {
    for (auto at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size()))
        text.replace(at, from.size(), to);
}

// Cause, confidence, verdict on the list and root of each finding, sorted and without repetitions.
std::vector<std::string> verdict_of(const Observation& observation) {
    std::vector<std::string> found;
    for (const auto& finding : judge(observation).findings) {
        found.push_back(finding.cause + " " + std::string(name(finding.confidence)) + " " +
                        std::string(name(finding.allow_list)) + " of " + finding.consequence_of);
    }
    std::ranges::sort(found);
    found.erase(std::ranges::unique(found).begin(), found.end());
    return found;
}

Observation other_groups(const Observation& observation) {
    auto text = to_json(observation).dump();
    replace_all(text, "v1beta1.servicecatalog.k8s.io", "v1beta1.metrics.k8s.io");
    replace_all(text, "servicecatalog.k8s.io", "metrics.k8s.io");
    replace_all(text, "v1alpha1.wardle.example.com", "v3.projectcalico.org");
    replace_all(text, "wardle.example.com", "projectcalico.org");
    auto read = parse_observation(text);
    EXPECT_TRUE(read);
    return read ? *read : observation;
}

Observation other_version(Observation observation, const std::string& version) {
    for (auto& apiserver : observation.apiservers) apiserver.version = version;
    return observation;
}

// Since 1.34 the condition speaks of slices.
Observation with_slices(Observation observation) {
    for (auto& apiserver : observation.apiservers) {
        if (!apiserver.apiservices) continue;
        for (auto& each : *apiserver.apiservices) {
            replace_all(each.message, "endpoints for service", "endpointslices for service");
            if (each.reason == "EndpointsNotFound") each.reason = "EndpointSlicesNotFound";
        }
    }
    return other_version(std::move(observation), "v1.36.1+rke2r1");
}

Observation three_masters(Observation observation) {
    add_master(observation, "m1");
    add_master(observation, "m2");
    return observation;
}

}  // namespace

class Elsewhere : public testing::TestWithParam<std::string> {};

TEST_P(Elsewhere, IsTheSameVerdict) {
    for (const bool ssh : {true, false}) {
        for (const auto as : {As::admin, As::dev}) {
            const auto observation = recording::load(GetParam(), {.ssh = ssh, .as = as});
            const auto expected = verdict_of(observation);
            SCOPED_TRACE(ssh ? "with SSH" : "without SSH");
            EXPECT_EQ(verdict_of(other_groups(observation)), expected);
            EXPECT_EQ(verdict_of(with_slices(observation)), expected);
            EXPECT_EQ(verdict_of(three_masters(observation)), expected);
            for (const std::string version : {"v1.12.8-gke.10", "v1.19.16", "v1.27.3-eks-a5565ad", "v1.35.0"})
                EXPECT_EQ(verdict_of(other_version(observation, version)), expected) << version;
        }
    }
}

INSTANTIATE_TEST_SUITE_P(Recorded, Elsewhere,
                         testing::Values("healthy", "cn-not-allowed", "cn-not-allowed.aggregator-1.11",
                                         "proxy-cert-empty-cn", "proxy-cert-comma-cn", "bad-ca-bundle", "no-endpoints",
                                         "extension-down.window", "cn-not-allowed-separate-client-ca.window",
                                         "cn-not-allowed-separate-client-ca", "proxy-cert-no-masters",
                                         "proxy-cert-other-ca", "proxy-cert-expired", "extension-down",
                                         "ext-no-configmap-access", "allowed-names-empty"),
                         [](const auto& info) {
                             std::string text = info.param;
                             std::ranges::replace_if(
                                 text, [](char c) { return !std::isalnum(static_cast<unsigned char>(c)); }, '_');
                             return text;
                         });

}  // namespace aggmedic::probes
