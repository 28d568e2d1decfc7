#include "tests/model/monit_525.hpp"

#include <gtest/gtest.h>

#include "tests/unit/model/recorded.hpp"

// Each test plays a step of fixtures/monit/5.2.5*.txt under virtual time and asks for the status at the recorded
// seconds.
namespace aggmedic::model {
namespace {

using Time = MonitService::Time;

// A VM with one process: its stop takes a while, its start may fail, and monit runs in front of it.
class Vm {
  public:
    Vm() { pass(25); }  // monit finds nothing, starts it, and sees it run two cycles later

    void pass(double seconds) {
        for (const double end = now_ + seconds; now_ < end; now_ += 0.1) {
            if (stopping_at_ > 0 && now_ >= stopping_at_) {
                alive = false;
                stopping_at_ = 0;
            }
            const auto program = service.tick(Time(now_), alive);
            if (program == MonitProgram::stop && stop_works) stopping_at_ = now_ + stop_seconds;
            if (program == MonitProgram::start && start_works) {
                alive = true;
                ++pid;
            }
        }
    }
    MonitReply request(MonitAction action) { return service.request(action); }
    std::string status() const { return service.status_text(); }

    MonitService service{"kube-apiserver", {}, Time(0)};
    bool alive = false, stop_works = true, start_works = true;
    double stop_seconds = 0.1;
    int pid = 100;

  private:
    double now_ = 0, stopping_at_ = 0;
};

TEST(Monit525, RestartIsAcceptedAtOnceAndRunsTwoCyclesLater) {
    Vm vm;
    const int before = vm.pid;
    EXPECT_EQ(vm.status(), "running");
    EXPECT_EQ(vm.request(MonitAction::restart).exit_code, 0);
    EXPECT_EQ(vm.pid, before);
    EXPECT_EQ(vm.status(), "not monitored - restart pending");
    vm.pass(2);
    EXPECT_EQ(vm.pid, before + 1);
    EXPECT_EQ(vm.status(), "initializing");
    vm.pass(15);
    EXPECT_EQ(vm.status(), "running");
}

TEST(Monit525, SlowStopKeepsTheRestartPending) {
    Vm vm;
    vm.stop_seconds = 10.5;
    vm.request(MonitAction::restart);
    vm.pass(1);
    EXPECT_EQ(vm.status(), "not monitored - restart pending");
    EXPECT_EQ(vm.service.monitor_field(), 0);
    EXPECT_EQ(vm.service.pending_field(), 2);
    vm.pass(11);  // t+12
    EXPECT_EQ(vm.status(), "initializing");
    EXPECT_EQ(vm.service.monitor_field(), 2);
    vm.pass(10);  // t+22
    EXPECT_EQ(vm.status(), "running");
}

TEST(Monit525, FailingStartIsPendingForItsTimeoutAndThenComesBackByItself) {
    Vm vm;
    vm.stop_seconds = 11;
    vm.start_works = false;
    vm.request(MonitAction::restart);
    vm.pass(13);
    EXPECT_FALSE(vm.alive);
    EXPECT_EQ(vm.status(), "not monitored - restart pending");
    vm.pass(29);  // t+42
    EXPECT_EQ(vm.status(), "initializing");
    EXPECT_EQ(vm.service.status_bits(), 4096);
    vm.pass(10);  // t+52
    EXPECT_EQ(vm.status(), "not monitored");
    EXPECT_EQ(vm.service.status_bits(), 4608);
    vm.pass(31);  // its own start has failed too
    EXPECT_EQ(vm.status(), "Execution failed");
    vm.start_works = true;
    vm.pass(12);
    EXPECT_EQ(vm.status(), "Does not exist");
    EXPECT_EQ(vm.service.status_bits(), 512);
    vm.pass(10);
    EXPECT_EQ(vm.status(), "running");
}

TEST(Monit525, FailingStopStartsNothingAndLeavesTheOldProcess) {
    Vm vm;
    const int before = vm.pid;
    vm.stop_works = false;
    vm.request(MonitAction::restart);
    vm.pass(1);
    EXPECT_EQ(vm.status(), "not monitored - restart pending");
    vm.pass(30);
    EXPECT_EQ(vm.status(), "Execution failed");
    EXPECT_EQ(vm.service.monitor_field(), 1);
    EXPECT_TRUE(vm.alive);
    EXPECT_EQ(vm.pid, before);
}

TEST(Monit525, ASecondActionIsRefused) {
    Vm vm;
    vm.request(MonitAction::restart);
    const auto second = vm.request(MonitAction::restart);
    EXPECT_EQ(second.exit_code, 1);
    EXPECT_EQ(second.error, "monit: action failed -- Other action already in progress -- please try again later\n");
}

TEST(Monit525, StopStaysStoppedAndStartInitializes) {
    Vm vm;
    vm.request(MonitAction::stop);
    EXPECT_EQ(vm.status(), "not monitored - stop pending");
    vm.pass(1);
    EXPECT_EQ(vm.status(), "not monitored");
    vm.pass(60);
    EXPECT_EQ(vm.status(), "not monitored");
    EXPECT_FALSE(vm.alive);
    vm.request(MonitAction::start);
    vm.pass(2);
    EXPECT_EQ(vm.status(), "initializing");
    vm.pass(14);
    EXPECT_EQ(vm.status(), "running");
}

TEST(Monit525, RestartOfAnUnmonitoredServiceSwitchesMonitoringOn) {
    Vm vm;
    vm.request(MonitAction::unmonitor);
    vm.pass(1);
    EXPECT_EQ(vm.status(), "not monitored");
    vm.request(MonitAction::restart);
    vm.pass(17);
    EXPECT_EQ(vm.status(), "running");
}

TEST(Monit525, AKilledProcessIsNoticedAtTheNextCycle) {
    Vm vm;
    vm.pass(1);
    vm.alive = false;
    vm.pass(0.5);
    EXPECT_EQ(vm.status(), "running");
    vm.pass(10);
    EXPECT_TRUE(vm.status() == "not monitored" || vm.status() == "Does not exist") << vm.status();
    vm.pass(14);
    EXPECT_EQ(vm.status(), "running");
}

TEST(Monit525, SummaryLooksLikeTheTranscript) {
    const std::string transcript = recorded::text("monit/5.2.5-transcript.txt");
    EXPECT_NE(transcript.find(monit_summary_line("Process", "kube-apiserver", "running")), std::string::npos);
    EXPECT_NE(transcript.find(monit_summary_line("Process", "badstart", "Execution failed")), std::string::npos);
    EXPECT_NE(transcript.find(monit_summary_line("System", "system_vm", "running")), std::string::npos);
    EXPECT_NE(transcript.find(monit_header(std::chrono::seconds(7))), std::string::npos);
    EXPECT_NE(transcript.find(std::string(monit_busy)), std::string::npos);
    EXPECT_NE(transcript.find(std::string(monit_unknown_service)), std::string::npos);
    EXPECT_EQ(monit_uptime(std::chrono::hours(52) + std::chrono::minutes(1)), "2d 4h 1m ");
}

}  // namespace
}  // namespace aggmedic::model
