#include "daemon/master_views.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace aggmedic::daemon {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr MasterViews::Timing timing{.interval = 30s, .master_interval = 300s};
const std::vector<std::string> masters = {"m"};

probes::Observation observed(unsigned readyz, const std::string& config_version = "1") {
    probes::ApiserverView view;
    view.master = "m";
    probes::Answer answer;
    answer.status = readyz;
    view.readyz = answer;
    probes::PublishedAuth published;
    published.resource_version = config_version;
    view.published = published;
    probes::Observation observation;
    observation.apiservers = {view};
    return observation;
}

Looks looked() {
    probes::Look look;
    look.view.master = "m";
    Looks looks;
    looks.emplace("m", look);
    return looks;
}

Looks refused() {
    Looks looks;
    looks.emplace("m", fail(Errc::auth_failed, "no"));
    return looks;
}

class MasterViewsTest : public testing::Test {
  protected:
    SteadyTime start{};
    MasterViews views;
};

TEST_F(MasterViewsTest, LooksAtOnceThenRarely) {
    EXPECT_THAT(views.due(observed(200), {}, masters, timing, start), ElementsAre("m"));
    views.store(observed(200), {}, looked(), start);
    EXPECT_THAT(views.due(observed(200), {}, masters, timing, start + 30s), IsEmpty());
    EXPECT_THAT(views.due(observed(200), {}, masters, timing, start + 299s), ElementsAre("m"));
}

TEST_F(MasterViewsTest, LooksAgainAfterAGapInReadinessOrAMovedConfigMap) {
    views.store(observed(200), {}, looked(), start);
    EXPECT_THAT(views.due(observed(500), {}, masters, timing, start + 30s), ElementsAre("m"));
    views.store(observed(500), {}, looked(), start + 30s);
    EXPECT_THAT(views.due(observed(200), {}, masters, timing, start + 60s), ElementsAre("m"));
    views.store(observed(200), {}, looked(), start + 60s);
    EXPECT_THAT(views.due(observed(200, "2"), {}, masters, timing, start + 90s), ElementsAre("m"));
}

TEST_F(MasterViewsTest, AFailedLookIsTriedAgainSoonThenMoreRarely) {
    views.store(observed(200), {}, refused(), start);
    EXPECT_THAT(views.due(observed(200), {}, masters, timing, start + 30s), ElementsAre("m"));
    views.store(observed(200), {}, refused(), start + 30s);
    EXPECT_THAT(views.due(observed(200), {}, masters, timing, start + 60s), IsEmpty());
    EXPECT_THAT(views.due(observed(200), {}, masters, timing, start + 90s), ElementsAre("m"));
}

TEST_F(MasterViewsTest, MergesWhatIsFreshAndNothingElse) {
    auto observation = observed(200);
    views.merge_into(observation, masters, timing, start);
    EXPECT_FALSE(observation.masters.at("m"));
    views.store(observation, {}, looked(), start);
    views.merge_into(observation, masters, timing, start + 300s);
    EXPECT_TRUE(observation.masters.at("m"));
    views.merge_into(observation, masters, timing, start + 601s);
    EXPECT_FALSE(observation.masters.at("m"));
    auto restarted = observed(500);
    views.merge_into(restarted, masters, timing, start + 30s);
    EXPECT_FALSE(restarted.masters.at("m"));
}

TEST_F(MasterViewsTest, AFailureIsShownAsItIs) {
    auto observation = observed(200);
    views.store(observation, {}, refused(), start);
    views.merge_into(observation, masters, timing, start);
    EXPECT_EQ(observation.masters.at("m").why().reason, "auth_failed");
}

const probes::BackendPlace pod{.apiservices = {"v1.g"}, .address = "10.1.0.5:8443", .kind = "pod"};
const probes::BackendPlace other_pod{.apiservices = {"v1.g"}, .address = "10.1.0.6:8443", .kind = "pod"};

Looks dialled() {
    auto looks = looked();
    looks.at("m")->view.backends = std::vector<probes::BackendReach>{
        {.apiservice = "v1.g", .address = pod.address, .kind = "pod", .outcome = "timeout"}};
    return looks;
}

TEST_F(MasterViewsTest, ABackendToDialIsWorthALookAtOnceAndOneThatMovesIsWorthOneSoon) {
    views.store(observed(200), {}, looked(), start);
    EXPECT_THAT(views.due(observed(200), {pod}, masters, timing, start + 30s), ElementsAre("m"));
    views.store(observed(200), {pod}, dialled(), start + 30s);
    EXPECT_THAT(views.due(observed(200), {pod}, masters, timing, start + 60s), IsEmpty());
    EXPECT_THAT(views.due(observed(200), {pod, other_pod}, masters, timing, start + 60s), IsEmpty());
    EXPECT_THAT(views.due(observed(200), {pod, other_pod}, masters, timing, start + 90s), ElementsAre("m"));
}

TEST_F(MasterViewsTest, WhatWasDialledForAFailureThatHasPassedSaysNothingOfTheNext) {
    auto observation = observed(200);
    views.store(observation, {pod}, dialled(), start);
    views.merge_into(observation, masters, timing, start);
    EXPECT_THAT(*observation.masters.at("m")->backends, testing::SizeIs(1));
    EXPECT_THAT(views.due(observation, {}, masters, timing, start + 30s), IsEmpty());
    EXPECT_THAT(views.due(observation, {pod}, masters, timing, start + 60s), ElementsAre("m"));
    views.store(observation, {pod}, refused(), start + 60s);
    views.store(observation, {}, looked(), start + 90s);
    views.merge_into(observation, masters, timing, start + 90s);
    EXPECT_FALSE(observation.masters.at("m")->backends);
}

TEST_F(MasterViewsTest, AForgottenDialIsGoneFromWhatIsMerged) {
    auto observation = observed(200);
    views.store(observation, {pod}, dialled(), start);
    EXPECT_THAT(views.due(observation, {}, masters, timing, start + 30s), IsEmpty());
    views.merge_into(observation, masters, timing, start + 30s);
    EXPECT_THAT(*observation.masters.at("m")->backends, IsEmpty());
}

}  // namespace
}  // namespace aggmedic::daemon
