#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "run_rig.hpp"

// Plans and runs where kube-apiserver is a static pod or a unit: what differs from BOSH.
namespace aggmedic::remediate {
namespace {

using testing::AnyOf;
using testing::Contains;
using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

class OnPlatform : public testing::TestWithParam<const char*> {
  protected:
    OnPlatform() {
        for (auto& master : rig.cluster.masters) master.become(GetParam());
    }
    bool all_are_old() {
        return std::ranges::all_of(rig.cluster.masters, [](const FakeMaster& master) {
            return !master.bytes.contains(demo_cn) && master.names() == std::vector<std::string>{"aggregator"};
        });
    }
    RunRig rig;
};

TEST_P(OnPlatform, PlansTheFileItsDiffAndItsCommands) {
    const auto plan = rig.plan();
    ASSERT_EQ(plan.masters.size(), 3U) << to_json(plan).dump(1);
    const auto& first = plan.masters.front();
    EXPECT_EQ(plan.platform, GetParam());
    EXPECT_EQ(first.file, rig.cluster.masters.front().path());
    EXPECT_THAT(first.diff, HasSubstr("requestheader-allowed-names=aggregator,demo.pks.ik.am"));
    EXPECT_EQ(std::ranges::count(first.diff, '@'), 4);
    EXPECT_THAT(to_json(plan).dump(), Not(HasSubstr("monit")));
    EXPECT_THAT(to_json(plan).dump(), Not(HasSubstr("BOSH")));
    EXPECT_THAT(plan.permanent, Contains(HasSubstr("aggregator,demo.pks.ik.am")));
    const auto read = parse_plan(to_json(plan).dump());
    ASSERT_TRUE(read) << read.error().detail;
    EXPECT_EQ(*read, plan);
}

TEST_P(OnPlatform, RepairsEveryMasterAndNeverTakesTwoDown) {
    const auto plan = rig.plan();
    rig.cluster.before_exchange = [&] {
        const auto down = std::ranges::count_if(rig.cluster.masters, [](const auto& master) { return !master.ready; });
        EXPECT_LE(down, 1);
    };
    const auto result = rig.apply(plan);
    EXPECT_EQ(result.record.outcome, "applied") << to_json(result).dump(1);
    for (const auto& master : rig.cluster.masters) {
        EXPECT_THAT(master.names(), ElementsAre("aggregator", demo_cn));
        EXPECT_EQ(master.lock + master.backup_name, "");
    }
    EXPECT_TRUE(make_plan(rig.input()).empty());
}

TEST_P(OnPlatform, TheOldBytesComeBackWhereTheNewOnesDoNotStart) {
    for (auto& master : rig.cluster.masters) master.never_starts = true;
    const auto result = rig.apply(rig.plan());
    EXPECT_EQ(result.record.outcome, "rolled-back") << to_json(result).dump(1);
    EXPECT_TRUE(all_are_old());
    EXPECT_TRUE(rig.cluster.masters.front().ready);
    EXPECT_EQ(rig.cluster.masters.front().lock + rig.cluster.masters.front().backup_name, "");
}

TEST_P(OnPlatform, TheOldBytesComeBackWhereTheNewOnesAreNeverReady) {
    for (auto& master : rig.cluster.masters) master.never_ready = true;
    const auto result = rig.apply(rig.plan());
    EXPECT_EQ(result.record.outcome, "rolled-back") << to_json(result).dump(1);
    EXPECT_TRUE(all_are_old());
    EXPECT_TRUE(rig.cluster.masters.front().ready);
}

TEST_P(OnPlatform, TheOldBytesComeBackWhereTheSupervisorDoesNothing) {
    for (auto& master : rig.cluster.masters) master.monit_does_nothing = true;
    const auto result = rig.apply(rig.plan());
    EXPECT_EQ(result.record.outcome, "rolled-back") << to_json(result).dump(1);
    EXPECT_TRUE(all_are_old());
    EXPECT_TRUE(rig.cluster.masters.front().runs);
}

// A sample: run_fault_test.cpp fails every exchange of a run.
TEST_P(OnPlatform, AnExchangeMayFailAndNoMasterIsLeftHalfChanged) {
    for (const auto fault : {Fault::refused, Fault::lost_before, Fault::lost_after, Fault::garbage}) {
        for (int at = 3 * static_cast<int>(fault);; at += 17) {
            RunRig each;
            for (auto& master : each.cluster.masters) master.become(GetParam());
            const auto plan = each.plan();
            each.cluster.fault_at = at;
            each.cluster.fault = fault;
            const auto result = each.apply(plan);
            EXPECT_THAT(result.record.outcome, AnyOf("applied", "healed", "rolled-back", "refused", "needs-person"))
                << at;
            for (const auto& master : each.cluster.masters) {
                const bool old = !master.bytes.contains(demo_cn);
                if (result.record.outcome == "applied") EXPECT_FALSE(old) << at;
                if (result.record.outcome == "rolled-back" || result.record.outcome == "refused")
                    EXPECT_TRUE(old) << at;
            }
            if (each.cluster.exchanges <= at) break;
        }
    }
}

TEST_P(OnPlatform, AMasterOfAnotherPlatformRefuses) {
    rig.cluster.masters.back().become(GetParam() == std::string("kubeadm") ? "systemd" : "kubeadm");
    const auto plan = rig.plan();
    EXPECT_THAT(plan.masters, IsEmpty());
    EXPECT_TRUE(std::ranges::any_of(plan.refusals, [](const Refusal& refusal) {
        return refusal.gate == "platform" && refusal.reason.contains("different platforms");
    }));
}

INSTANTIATE_TEST_SUITE_P(Each, OnPlatform, testing::Values("kubeadm", "systemd"),
                         [](const auto& platform) { return std::string(platform.param); });

std::vector<std::string> reasons(const Plan& plan, const std::string& gate) {
    std::vector<std::string> found;
    for (const auto& refusal : plan.refusals) {
        if (refusal.gate == gate) found.push_back(refusal.reason);
    }
    return found;
}

TEST(OnKubeadm, WithoutAKubeletNothingIsPlanned) {
    RunRig rig;
    for (auto& master : rig.cluster.masters) master.become("kubeadm");
    rig.cluster.master("m1").kubelet_runs = false;
    EXPECT_THAT(reasons(rig.plan(), "supervisor"), ElementsAre(HasSubstr("kubelet")));
}

TEST(OnKubeadm, AManifestThatChangedJustNowIsNotPlannedOn) {
    RunRig rig;
    for (auto& master : rig.cluster.masters) master.become("kubeadm");
    rig.cluster.master("m1").changed_at = seconds(-5);
    EXPECT_THAT(reasons(rig.plan(), "supervisor"), ElementsAre(HasSubstr("manifest is newer")));
}

// The kubelet restarts it as soon as its manifest differs.
TEST(OnKubeadm, AnotherMasterNotReadySinceTheCheckKeepsTheSwapBack) {
    RunRig rig;
    for (auto& master : rig.cluster.masters) master.become("kubeadm");
    rig.on_progress = [&](const Progress& told) {
        if (told.step == "swap" && told.state == "started") rig.cluster.master("m2").ready = false;
    };
    const auto result = rig.apply(rig.plan());
    EXPECT_EQ(result.record.outcome, "refused");
    EXPECT_THAT(result.record.why, HasSubstr("swap on m0 failed: it was not sent, as m2 is not ready"));
    EXPECT_THAT(rig.cluster.verbs, Not(Contains("swap m0")));
}

// Its restart is under way then: to take it back would be a second outage.
TEST(OnKubeadm, AnotherMasterNotReadySinceTheSwapTakesNothingBack) {
    RunRig rig;
    for (auto& master : rig.cluster.masters) master.become("kubeadm");
    rig.on_progress = [&](const Progress& told) {
        if (told.step == "swap" && told.state == "ok") rig.cluster.master("m2").ready = false;
    };
    const auto result = rig.apply(rig.plan());
    EXPECT_EQ(result.record.outcome, "needs-person");
    EXPECT_EQ(result.masters.front().second, "repaired");
    EXPECT_THAT(rig.cluster.verbs, Not(Contains("restore m0")));
}

TEST(OnKubeadm, SaysWhatTheNextUpgradeWouldTakeBack) {
    RunRig rig;
    for (auto& master : rig.cluster.masters) master.become("kubeadm");
    const auto plan = rig.plan();
    EXPECT_THAT(plan.permanent, Contains(HasSubstr("ClusterConfiguration")));
    EXPECT_THAT(plan.permanent,
                Contains(HasSubstr("extraArgs: {requestheader-allowed-names: \"aggregator,demo.pks.ik.am\"}")));
    EXPECT_THAT(plan.permanent, Contains(HasSubstr("name: requestheader-allowed-names, value: \"aggregator,")));
}

TEST(OnSystemd, AUnitThatWasEditedButNotReloadedRefuses) {
    RunRig rig;
    for (auto& master : rig.cluster.masters) master.become("systemd");
    rig.cluster.master("m1").needs_reload = true;
    EXPECT_THAT(reasons(rig.plan(), "supervisor"), ElementsAre(HasSubstr("NeedDaemonReload")));
}

TEST(OnSystemd, ADropInThatChangedMakesThePlanStale) {
    RunRig rig;
    for (auto& master : rig.cluster.masters) master.become("systemd");
    const auto plan = rig.plan();
    rig.cluster.master("m2").drop_in += "Nice=-5\n";
    const auto result = rig.apply(plan);
    EXPECT_EQ(result.record.outcome, "refused");
    EXPECT_THAT(result.record.why, HasSubstr("Another file of its unit changed"));
}

TEST(OnOthers, EachIsRefusedByItsName) {
    for (const char* platform : {"rke", "rke2", "k3s", "k0s", "microk8s", "openshift", "managed"}) {
        RunRig rig;
        rig.adjust = [&](PlanInput& input) { input.observation.platform = platform; };
        EXPECT_THAT(reasons(rig.plan(), "platform"),
                    ElementsAre(testing::AllOf(HasSubstr("never edited"), testing::ContainsRegex(platform))));
    }
}

}  // namespace
}  // namespace aggmedic::remediate
