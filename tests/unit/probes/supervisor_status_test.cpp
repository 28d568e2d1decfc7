#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "probes/kubelet_status.hpp"
#include "probes/look.hpp"

// What systemd and the kubelet say of the control plane, and what that means for a restart.
namespace aggmedic::probes {
namespace {

using testing::HasSubstr;
using testing::SizeIs;

std::string unit(const std::string& state, const std::string& more = {}) {
    return "Id=kube-apiserver.service\nLoadState=loaded\nUnitFileState=enabled\nMainPID=4200\nNeedDaemonReload=no\n" +
           state + "\n" + more;
}

struct UnitCase {
    const char* name;
    const char* state;
    bool running, pending;
};
class ParseSystemdStatus : public testing::TestWithParam<UnitCase> {};

TEST_P(ParseSystemdStatus, TellsWhetherItRunsAndWhetherSystemdIsAtIt) {
    const auto state = parse_systemd_status(unit(GetParam().state));
    ASSERT_TRUE(state) << state.error().detail;
    ASSERT_THAT(state->services, SizeIs(1));
    EXPECT_EQ(state->services[0].name, "kube-apiserver");
    EXPECT_EQ(state->services[0].running, GetParam().running);
    EXPECT_EQ(state->services[0].pending, GetParam().pending);
    EXPECT_EQ(state->services[0].pid, 4200);
    EXPECT_EQ(state->trouble, "");
}

INSTANTIATE_TEST_SUITE_P(
    Each, ParseSystemdStatus,
    testing::Values(UnitCase{"Running", "ActiveState=active\nSubState=running\n", true, false},
                    UnitCase{"WithAJob", "ActiveState=active\nSubState=running\nJob=812\n", true, true},
                    UnitCase{"WithNoJob", "ActiveState=active\nSubState=running\nJob=0\n", true, false},
                    UnitCase{"Starting", "ActiveState=activating\nSubState=start\n", false, true},
                    UnitCase{"WaitingToStartAgain", "ActiveState=activating\nSubState=auto-restart\n", false, false},
                    UnitCase{"Stopping", "ActiveState=deactivating\nSubState=stop-sigterm\n", false, true},
                    UnitCase{"Failed", "ActiveState=failed\nSubState=failed\n", false, false},
                    UnitCase{"Exited", "ActiveState=active\nSubState=exited\n", false, false}),
    [](const auto& each) { return each.param.name; });

TEST(ParseSystemdStatuses, AUnitThatNobodyEnabledOrStartedIsNoJobOfTheMachine) {
    const auto text =
        unit("ActiveState=active\nSubState=running\n",
             "Id=etcd.service\nLoadState=loaded\nActiveState=failed\nSubState=failed\nUnitFileState=enabled\n\n"
             "Id=kube-scheduler.service\nLoadState=loaded\nActiveState=inactive\nSubState=dead\n"
             "UnitFileState=disabled\n\n"
             "Id=kube-controller-manager.service\nLoadState=not-found\nActiveState=inactive\n");
    const auto state = parse_systemd_status(text);
    ASSERT_TRUE(state);
    ASSERT_THAT(state->services, SizeIs(2));
    EXPECT_EQ(state->services[1].name, "etcd");
    EXPECT_FALSE(state->services[1].running);
}

TEST(ParseSystemdStatuses, AnAnswerWithoutTheApiserverIsNone) {
    EXPECT_FALSE(parse_systemd_status(""));
    EXPECT_FALSE(parse_systemd_status("Id=etcd.service\nLoadState=loaded\nActiveState=active\nSubState=running\n"));
    EXPECT_FALSE(parse_systemd_status("Id=kube-apiserver.service\nLoadState=not-found\nActiveState=inactive\n"));
}

TEST(ParseSystemdStatuses, AnythingButANoSaysThatTheFilesChanged) {
    for (const char* line : {"NeedDaemonReload=yes\n", ""}) {
        const auto state = parse_systemd_status(
            std::string("Id=kube-apiserver.service\nLoadState=loaded\nActiveState=active\nSubState=running\n") + line);
        ASSERT_TRUE(state);
        EXPECT_THAT(state->trouble, HasSubstr("NeedDaemonReload"));
    }
}

// A master with a process that was started two hours ago, at a clock of one day.
struct KubeletAt {
    LookedKubelet kubelet{.runs = true,
                          .static_pod_path = "/etc/kubernetes/manifests",
                          .changed_seconds_ago = 90'000,
                          .same_file_system = true,
                          .runtime = "containerd"};
    MasterView view;
    static constexpr std::int64_t clock_ms = 86'400'000;

    KubeletAt() {
        view.args_file.resolved = "/etc/kubernetes/manifests/kube-apiserver.yaml";
        view.process = ProcessFacts{.pid = 7,
                                    .start_ticks = 1,
                                    .executable = "kube-apiserver",
                                    .arguments = {},
                                    .started_at = TimePoint(std::chrono::milliseconds(clock_ms - 7'200'000))};
    }
    SupervisorState state() const { return kubelet_state(kubelet, view, clock_ms); }
};

TEST(KubeletState, AProcessThatIsOlderThanItsManifestIsPendingForAMinute) {
    KubeletAt at;
    for (const auto& [ago, pending] : {std::pair{90'000, false}, {61, false}, {59, true}, {0, true}, {-5, true}}) {
        at.kubelet.changed_seconds_ago = ago;
        EXPECT_EQ(at.state().services.at(0).pending, pending) << ago;
    }
    at.kubelet.changed_seconds_ago = 59;
    at.view.process->started_at = TimePoint(std::chrono::milliseconds(KubeletAt::clock_ms - 30'000));
    EXPECT_FALSE(at.state().services.at(0).pending) << "it was started from this manifest";
    at.view.process->started_at = std::nullopt;
    EXPECT_TRUE(at.state().services.at(0).pending) << "not known is not newer";
}

TEST(KubeletState, SaysWhyThePodWouldNotComeBack) {
    EXPECT_EQ(KubeletAt().state().trouble, "");
    KubeletAt at;
    at.kubelet.runs = false;
    EXPECT_THAT(at.state().trouble, HasSubstr("kubelet runs"));
    at = {};
    at.kubelet.runtime.clear();
    EXPECT_THAT(at.state().trouble, HasSubstr("runtime"));
    for (const char* elsewhere : {"", "/etc/kubelet.d"}) {
        at = {};
        at.kubelet.static_pod_path = elsewhere;
        EXPECT_THAT(at.state().trouble, HasSubstr("staticPodPath"));
    }
    at = {};
    at.kubelet.same_file_system = false;
    EXPECT_THAT(at.state().trouble, HasSubstr("file system"));
}

TEST(KubeletState, ThePodsBesideItCount) {
    KubeletAt at;
    at.kubelet.static_pods = {{"etcd", true}, {"kube-scheduler", false}};
    const auto state = at.state();
    ASSERT_THAT(state.services, SizeIs(3));
    EXPECT_TRUE(state.services[1].running);
    EXPECT_FALSE(state.services[2].running);
}

}  // namespace
}  // namespace aggmedic::probes
