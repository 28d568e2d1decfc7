#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "helper_master.hpp"
#include "net/text.hpp"
#include "probes/look.hpp"
#include "remediate/master_helper.hpp"

// The helper where kube-apiserver is a static pod or a unit of systemd.
namespace aggmedic::remediate {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

constexpr const char* holder = "8d2b6a1e-3f0c-4f57-9a1e-0d4b5c6e7f80";
const std::string manifest = "/etc/kubernetes/manifests/kube-apiserver.yaml";
const std::string unit = "/etc/systemd/system/kube-apiserver.service";
const std::string environment_file = "/var/lib/kube-apiserver.env";
const std::string drop_in = "/etc/systemd/system/kube-apiserver.service.d/10-limits.conf";

class HelperOnPlatform : public testing::TestWithParam<const char*> {
  protected:
    void SetUp() override {
        if (const auto why = HelperMaster::why_not(); !why.empty()) GTEST_SKIP() << "NOT RUN: " << why;
        master_ = std::make_unique<HelperMaster>(GetParam());
    }
    void make_unit() {
        master_->inside("mkdir -p /run/systemd/system " + drop_in.substr(0, drop_in.rfind('/')));
        master_->write(unit, "[Service]\nEnvironmentFile=" + environment_file +
                                 "\nExecStart=/usr/bin/kube-apiserver \\\n  --requestheader-allowed-names=${NAMES}\n");
        master_->write(drop_in, "[Service]\nLimitNOFILE=65536\n");
        master_->write(environment_file, old_bytes);
        master_->write("/var/systemctl/kube-apiserver.service",
                       "Id=kube-apiserver.service\nLoadState=loaded\nActiveState=active\nSubState=running\n"
                       "UnitFileState=enabled\nMainPID=0\nNeedDaemonReload=no\nFragmentPath=" +
                           unit + "\nDropInPaths=" + drop_in + "\nEnvironmentFiles=" + environment_file +
                           " (ignore_errors=no)\n");
    }
    std::string lock(const std::string& platform) {
        return master_->call("lock", {platform, holder, "run-1", "1"}).output;
    }
    std::string swap(const std::string& platform, const std::string& file) {
        return master_
            ->call("swap", {platform, holder, "run-1", "1", file, sha256_hex(old_bytes), sha256_hex(new_bytes)},
                   new_bytes)
            .output;
    }
    std::string restore(const std::string& platform, const std::string& file) {
        return master_
            ->call("restore", {platform, holder, "run-1", "1", file, sha256_hex(old_bytes), sha256_hex(new_bytes)})
            .output;
    }
    std::string unlock(const std::string& platform, const std::string& file) {
        return master_->call("unlock", {platform, holder, "run-1", "1", file, sha256_hex(old_bytes)}).output;
    }
    std::string files_below(const std::string& folder) {
        return master_->inside("cd " + folder + " && find . -type f | sort | tr '\\n' ' '").output;
    }
    std::string asked() { return master_->inside("grep -v '^show' /var/systemctl.asked").output; }
    probes::Look look(const std::string& platform) {
        const auto seen = master_->call("look", {platform});
        EXPECT_EQ(seen.error_output, "");
        const auto now = TimePoint(std::chrono::milliseconds(0));
        auto parsed = probes::parse_look("m0", seen.output, now, now);
        EXPECT_TRUE(parsed.has_value()) << (parsed ? "" : parsed.error().detail) << seen.output;
        return parsed ? std::move(*parsed) : probes::Look();
    }

    const std::string old_bytes = "NAMES=aggregator\n";
    const std::string new_bytes = "NAMES=aggregator,demo\n";
    std::unique_ptr<HelperMaster> master_;
};

TEST_P(HelperOnPlatform, LeavesNothingButTheManifestToTheKubelet) {
    master_->write(manifest, old_bytes);
    EXPECT_EQ(lock("kubeadm"), "ok locked\n");
    EXPECT_EQ(swap("kubeadm", manifest), "ok swapped\n");
    EXPECT_EQ(master_->read(manifest), new_bytes);
    EXPECT_EQ(files_below("/etc/kubernetes"), "./.kube-apiserver.yaml.aggmedic-run-1 ./manifests/kube-apiserver.yaml ");
    EXPECT_EQ(restore("kubeadm", manifest), "ok restored\n");
    EXPECT_EQ(unlock("kubeadm", manifest), "ok unlocked\n");
    EXPECT_EQ(master_->read(manifest), old_bytes);
    EXPECT_EQ(files_below("/etc/kubernetes"), "./manifests/kube-apiserver.yaml ");
}

TEST_P(HelperOnPlatform, WritesNoManifestWhereItCouldNotBeRenamed) {
    master_->inside("mount -t tmpfs tmpfs /etc/kubernetes/manifests");
    const auto written = master_->inside("printf 'NAMES=aggregator\\n' >" + manifest);
    ASSERT_EQ(written.status, 0);
    lock("kubeadm");
    EXPECT_THAT(swap("kubeadm", manifest), HasSubstr("two file systems"));
    EXPECT_EQ(files_below("/etc/kubernetes"), "./manifests/kube-apiserver.yaml ");
}

TEST_P(HelperOnPlatform, AManifestOfAnotherRunsOldBytesCallsAPerson) {
    master_->write(manifest, old_bytes);
    master_->write("/etc/kubernetes/.kube-apiserver.yaml.aggmedic-run-0", old_bytes);
    EXPECT_THAT(lock("kubeadm"), StartsWith("no person /etc/kubernetes/.kube-apiserver.yaml.aggmedic-run-0"));
}

TEST_P(HelperOnPlatform, LooksAtEveryFileOfAUnitAndFindsTheListInTheEnvironmentFile) {
    make_unit();
    const auto seen = look("systemd");
    EXPECT_EQ(seen.view.platform, "systemd");
    EXPECT_EQ(seen.sources.size(), 3U);
    EXPECT_EQ(seen.view.args_file.path, environment_file);
    EXPECT_EQ(seen.view.args_file.sha256, sha256_hex(old_bytes));
    ASSERT_TRUE(seen.view.file_arguments);
    EXPECT_THAT(probes::allowed_names(seen.view.file_arguments->flags), ElementsAre("aggregator"));
    ASSERT_TRUE(seen.view.supervisor);
    EXPECT_EQ(seen.view.supervisor->dialect, "systemd");
    EXPECT_TRUE(seen.view.supervisor->services.at(0).running);
    EXPECT_EQ(seen.view.supervisor->trouble, "");
}

TEST_P(HelperOnPlatform, ChangesAFileOfTheUnitAndNoOther) {
    make_unit();
    lock("systemd");
    EXPECT_EQ(swap("systemd", environment_file), "ok swapped\n");
    EXPECT_EQ(master_->read(environment_file), new_bytes);
    EXPECT_EQ(swap("systemd", "/etc/passwd"), "no moved\n");
    EXPECT_EQ(swap("kubeadm", environment_file), "no missing\n");
}

TEST_P(HelperOnPlatform, SystemdForgetsTheNewBytesWithTheFile) {
    make_unit();
    lock("systemd");
    swap("systemd", environment_file);
    EXPECT_EQ(restore("systemd", environment_file), "ok restored\n");
    EXPECT_EQ(master_->read(environment_file), old_bytes);
    EXPECT_EQ(asked(), "daemon-reload\n");
    EXPECT_EQ(restore("systemd", environment_file), "ok already\n");
    EXPECT_EQ(asked(), "daemon-reload\ndaemon-reload\n");
    EXPECT_EQ(unlock("systemd", environment_file), "ok unlocked\n");
    EXPECT_EQ(files_below("/var/lib"), "./kube-apiserver.env ");
}

TEST_P(HelperOnPlatform, ReloadsSystemdBeforeItRestartsTheUnit) {
    make_unit();
    lock("systemd");
    const std::vector<std::string> restart{"systemd", holder, "run-1", "1", environment_file, sha256_hex(old_bytes),
                                           "0",       "0"};
    EXPECT_EQ(master_->call("restart", restart).output, "ok asked\n");
    EXPECT_EQ(asked(),
              "daemon-reload\nreset-failed -- kube-apiserver.service\n"
              "--no-block restart -- kube-apiserver.service\n");
    master_->write("/var/systemctl.exit", "1");
    EXPECT_THAT(master_->call("restart", restart).output, StartsWith("no supervisor daemon-reload"));
}

TEST_P(HelperOnPlatform, OldBytesBesideAnyFileOfTheUnitCallAPerson) {
    make_unit();
    const std::string left = drop_in.substr(0, drop_in.rfind('/')) + "/.10-limits.conf.aggmedic-run-0";
    master_->write(left, "x");
    EXPECT_EQ(lock("systemd"), "no person " + left + "\n");
    EXPECT_THAT(look("systemd").view.backups, ElementsAre(left));
}

TEST_P(HelperOnPlatform, FindsThePlatformByItsFiles) {
    EXPECT_EQ(look("detect").view.platform, "none");
    make_unit();
    EXPECT_EQ(look("detect").view.platform, "systemd");
    master_->write(manifest, old_bytes);
    EXPECT_EQ(look("detect").view.platform, "several");
    master_->inside("rm /var/systemctl/kube-apiserver.service");
    EXPECT_EQ(look("detect").view.platform, "kubeadm");
    master_->inside("mkdir -p /var/lib/rancher/k3s/server");
    const auto seen = look("detect");
    EXPECT_EQ(seen.view.platform, "k3s");
    EXPECT_FALSE(seen.view.file_arguments);
    EXPECT_THAT(seen.sources, IsEmpty());
}

TEST_P(HelperOnPlatform, AsksASystemdAgainThatIsSilentForAMoment) {
    make_unit();
    master_->write("/var/systemctl.silent", "2");
    EXPECT_EQ(look("systemd").sources.size(), 3U);
    master_->write("/var/systemctl.silent", "1");
    EXPECT_EQ(look("detect").view.platform, "systemd");
    lock("systemd");
    swap("systemd", environment_file);
    master_->write("/var/systemctl.silent", "1");
    EXPECT_EQ(restore("systemd", environment_file), "ok restored\n");
}

// Whether there is a unit is not known then: not the same as none.
TEST_P(HelperOnPlatform, ASystemdThatStaysSilentIsUnknown) {
    if (GetParam() != std::string("dash")) GTEST_SKIP() << "it takes the helper's whole patience: once is enough";
    make_unit();
    master_->write("/var/systemctl.silent", "1000");
    const auto seen = master_->call("look", {"detect"});
    EXPECT_THAT(seen.output, StartsWith("no supervisor systemctl tells nothing"));
    EXPECT_EQ(seen.status, 28);
}

TEST_P(HelperOnPlatform, TakesNoWriteForAPlatformThatIsDetected) {
    EXPECT_EQ(lock("detect"), "no grammar platform\n");
    EXPECT_EQ(lock("k3s"), "no grammar platform\n");
}

INSTANTIATE_TEST_SUITE_P(Shells, HelperOnPlatform, testing::Values("dash", "bash", "busybox"));

}  // namespace
}  // namespace aggmedic::remediate
