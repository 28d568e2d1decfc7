#include "remediate/master_helper.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "helper_master.hpp"
#include "net/text.hpp"
#include "probes/look.hpp"
#include "remediate/sudoers.hpp"

namespace aggmedic::remediate {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

constexpr const char* holder = "8d2b6a1e-3f0c-4f57-9a1e-0d4b5c6e7f80";
const std::string config = HelperMaster::config;
const std::string file = config + "/bpm.yml";
const std::string old_bytes =
    "processes:\n- name: kube-apiserver\n  executable: /bin/kube-apiserver\n  args:\n  - "
    "--requestheader-allowed-names=aggregator\n";
const std::string new_bytes =
    "processes:\n- name: kube-apiserver\n  executable: /bin/kube-apiserver\n  args:\n  - "
    "--requestheader-allowed-names=aggregator,demo\n";

class MasterHelper : public testing::TestWithParam<const char*> {
  protected:
    void SetUp() override {
        if (const auto why = HelperMaster::why_not(); !why.empty()) GTEST_SKIP() << "NOT RUN: " << why;
        master_ = std::make_unique<HelperMaster>(GetParam());
        master_->write(file, old_bytes);
        master_->inside("chown 0:33 " + file + "; chmod 0640 " + file);
    }
    std::string lock(const std::string& run = "run-1", const std::string& token = "1", const char* by = holder) {
        return master_->call("lock", {"bosh", by, run, token}).output;
    }
    std::string swap(const std::string& bytes = new_bytes, const std::string& token = "1") {
        return master_
            ->call("swap", {"bosh", holder, "run-1", token, file, sha256_hex(old_bytes), sha256_hex(new_bytes)}, bytes)
            .output;
    }
    std::string restore() {
        return master_
            ->call("restore", {"bosh", holder, "run-1", "1", file, sha256_hex(old_bytes), sha256_hex(new_bytes)})
            .output;
    }
    std::string unlock(const std::string& expected) {
        return master_->call("unlock", {"bosh", holder, "run-1", "1", file, sha256_hex(expected)}).output;
    }
    std::string restart(const std::string& start_ticks = {}, const std::string& bytes = old_bytes) {
        const std::string start = start_ticks.empty() ? master_->start_ticks() : start_ticks;
        return master_
            ->call("restart",
                   {"bosh", holder, "run-1", "1", file, sha256_hex(bytes), std::to_string(master_->process()), start})
            .output;
    }
    // The lock as another daemon, another boot or a long time ago would have left it.
    void write_lock(const std::string& by, const std::string& run, const std::string& boot, const std::string& expiry) {
        master_->inside("mkdir -p /run/aggmedic; echo '" + by + " " + run + " 7 '" + boot + "' " + expiry +
                        "' >/run/aggmedic/lock");
    }
    static constexpr const char* this_boot = "$(cat /proc/sys/kernel/random/boot_id)";

    std::unique_ptr<HelperMaster> master_;
};

TEST_P(MasterHelper, SwapsTheBytesAndKeepsTheOldOnesWithOwnerAndMode) {
    EXPECT_EQ(lock(), "ok locked\n");
    EXPECT_EQ(swap(), "ok swapped\n");
    EXPECT_EQ(master_->read(file), new_bytes);
    EXPECT_EQ(master_->read(config + "/.bpm.yml.aggmedic-run-1"), old_bytes);
    EXPECT_EQ(master_->inside("stat -c '%u %g %a' " + file).output, "0 33 640\n");
    EXPECT_EQ(swap(), "ok already\n");
    EXPECT_THAT(master_->config_files(), ElementsAre(".bpm.yml.aggmedic-run-1", "bpm.yml"));
}

TEST_P(MasterHelper, RestoresTheSameFile) {
    const auto inode = master_->inside("stat -c %u:%g:%a " + file).output;
    lock();
    swap();
    EXPECT_EQ(restore(), "ok restored\n");
    EXPECT_EQ(master_->read(file), old_bytes);
    EXPECT_EQ(master_->inside("stat -c %u:%g:%a " + file).output, inode);
    EXPECT_EQ(restore(), "ok already\n");
    EXPECT_EQ(unlock(old_bytes), "ok unlocked\n");
    EXPECT_THAT(master_->config_files(), ElementsAre("bpm.yml"));
    EXPECT_FALSE(master_->exists("/run/aggmedic/lock"));
    EXPECT_EQ(unlock(old_bytes), "ok unlocked\n");
}

TEST_P(MasterHelper, UnlockRemovesTheOldBytesOnlyBesideTheExpectedFile) {
    lock();
    swap();
    EXPECT_THAT(unlock(old_bytes), StartsWith("no changed "));
    EXPECT_TRUE(master_->exists("/run/aggmedic/lock"));
    EXPECT_EQ(unlock(new_bytes), "ok unlocked\n");
    EXPECT_THAT(master_->config_files(), ElementsAre("bpm.yml"));
}

TEST_P(MasterHelper, RefusesAFileThatChangedMeanwhile) {
    lock();
    master_->write(file, old_bytes + " ");
    EXPECT_EQ(swap(), "no changed " + sha256_hex(old_bytes + " ") + "\n");
    EXPECT_EQ(master_->read(file), old_bytes + " ");
    EXPECT_THAT(master_->config_files(), ElementsAre("bpm.yml"));
}

TEST_P(MasterHelper, RefusesBytesThatWereCutOnTheWay) {
    lock();
    EXPECT_EQ(swap(new_bytes.substr(0, 20)), "no input\n");
    EXPECT_EQ(swap(""), "no input\n");
    EXPECT_EQ(master_->read(file), old_bytes);
    EXPECT_THAT(master_->config_files(), ElementsAre("bpm.yml"));
}

TEST_P(MasterHelper, RefusesALinkThatLeadsElsewhere) {
    lock();
    master_->inside(
        "cp -a /var/vcap/data/jobs/kube-apiserver/1 /var/vcap/data/jobs/kube-apiserver/2; "
        "ln -sfn /var/vcap/data/jobs/kube-apiserver/2 /var/vcap/jobs/kube-apiserver");
    EXPECT_EQ(swap(), "no moved\n");
    EXPECT_EQ(master_->read(file), old_bytes);
}

TEST_P(MasterHelper, AFullDiskChangesNothing) {
    const auto answer = master_->inside("mkdir /var/small; mount -t tmpfs -o size=8k tmpfs /var/small");
    ASSERT_EQ(answer.status, 0) << answer.error_output;
    master_->inside("mkdir -p /var/small/config; ln -sfn /var/small /var/vcap/jobs/kube-apiserver; cp -p " + file +
                    " /var/small/config/; head -c 99999 /dev/zero >/var/small/config/filler; true");
    lock();
    const auto small = master_->call(
        "swap",
        {"bosh", holder, "run-1", "1", "/var/small/config/bpm.yml", sha256_hex(old_bytes), sha256_hex(new_bytes)},
        new_bytes);
    EXPECT_EQ(small.output, "no disk-full\n") << small.error_output;
    EXPECT_EQ(master_->inside("cat /var/small/config/bpm.yml").output, old_bytes);
    EXPECT_EQ(master_->inside("ls -A /var/small/config").output, "bpm.yml\nfiller\n");
}

TEST_P(MasterHelper, RestoresOnAFullDisk) {
    master_->inside(
        "mkdir /var/small; mount -t tmpfs -o size=16k tmpfs /var/small; mkdir -p /var/small/config; ln -sfn "
        "/var/small /var/vcap/jobs/kube-apiserver; cp -p " +
        file + " /var/small/config/");
    lock();
    const std::vector<std::string> arguments{
        "bosh", holder, "run-1", "1", "/var/small/config/bpm.yml", sha256_hex(old_bytes), sha256_hex(new_bytes)};
    ASSERT_EQ(master_->call("swap", arguments, new_bytes).output, "ok swapped\n");
    master_->inside("head -c 99999 /dev/zero >/var/small/config/filler; true");
    EXPECT_EQ(master_->call("restore", arguments).output, "ok restored\n");
    EXPECT_EQ(master_->inside("cat /var/small/config/bpm.yml").output, old_bytes);
}

TEST_P(MasterHelper, EveryWriteNeedsOurLock) {
    EXPECT_EQ(swap(), "no lock-lost\n");
    EXPECT_EQ(lock("run-2"), "ok locked\n");
    EXPECT_EQ(swap(), std::string("no locked ") + holder + " run-2\n");
    EXPECT_EQ(restore(), std::string("no locked ") + holder + " run-2\n");
    EXPECT_EQ(unlock(old_bytes), std::string("no locked ") + holder + " run-2\n");
}

// Its answer was waited for in vain, its run has ended, and then it comes.
TEST_P(MasterHelper, ALockThatComesAfterTheUnlockOfItsRunIsRefused) {
    EXPECT_EQ(unlock(old_bytes), "ok unlocked\n");
    EXPECT_EQ(lock(), "no token 1\n");
    EXPECT_FALSE(master_->exists("/run/aggmedic/lock"));
    EXPECT_EQ(lock("run-1", "2"), "ok locked\n") << "a daemon that takes the run up again";
    EXPECT_EQ(master_->call("unlock", {"bosh", holder, "run-1", "2", file, sha256_hex(old_bytes)}).output,
              "ok unlocked\n");
    EXPECT_EQ(lock("run-2", "1"), "ok locked\n");
}

TEST_P(MasterHelper, ASwapThatComesAfterTheUndoIsRefused) {
    lock();
    EXPECT_EQ(restore(), "ok already\n");
    EXPECT_EQ(swap(), "no token 1\n");
    EXPECT_EQ(master_->read(file), old_bytes);
    EXPECT_EQ(lock(), "ok locked\n") << "the run goes on to its end";
    EXPECT_EQ(unlock(old_bytes), "ok unlocked\n");
}

TEST_P(MasterHelper, AHigherTokenFencesTheLowerOne) {
    EXPECT_EQ(lock("run-1", "4"), "ok locked\n");
    EXPECT_EQ(swap(), "no token 4\n");
    EXPECT_EQ(lock("run-1", "3"), "no token 4\n");
    EXPECT_EQ(swap(new_bytes, "4"), "ok swapped\n");
}

TEST_P(MasterHelper, AnotherDaemonsLiveLockRefuses) {
    write_lock("11111111-2222-3333-4444-555555555555", "run-9", this_boot, "99999999999");
    EXPECT_EQ(lock(), "no locked 11111111-2222-3333-4444-555555555555 run-9\n");
}

TEST_P(MasterHelper, AnExpiredLockIsTakenOverUnlessOldBytesLieBeside) {
    write_lock("11111111-2222-3333-4444-555555555555", "run-9", this_boot, "1");
    EXPECT_EQ(lock(), "ok locked\n");
    write_lock("11111111-2222-3333-4444-555555555555", "run-9", this_boot, "1");
    master_->write(config + "/.bpm.yml.aggmedic-run-9", old_bytes);
    EXPECT_EQ(lock(), "no person " + config + "/.bpm.yml.aggmedic-run-9\n");
}

TEST_P(MasterHelper, ALockOfAnotherBootIsStaleUnlessOldBytesLieBeside) {
    write_lock("11111111-2222-3333-4444-555555555555", "run-9", "another-boot", "99999999999");
    EXPECT_EQ(lock(), "ok locked\n");
    master_->write(config + "/.bpm.yml.aggmedic-run-9", old_bytes);
    EXPECT_EQ(lock(), "no person " + config + "/.bpm.yml.aggmedic-run-9\n");
}

TEST_P(MasterHelper, OurOwnOldBytesDoNotKeepUsOut) {
    lock();
    swap();
    master_->inside("rm /run/aggmedic/lock");  // as after a reboot
    EXPECT_EQ(restore(), "no lock-lost\n");
    EXPECT_EQ(lock("run-1", "1"), "ok locked\n");
    EXPECT_EQ(restore(), "ok restored\n");
}

TEST_P(MasterHelper, LockRemovesWhatAWriteLeftUnfinished) {
    master_->write(config + "/.bpm.yml.new-aggmedic", "half");
    lock();
    EXPECT_THAT(master_->config_files(), ElementsAre("bpm.yml"));
}

TEST_P(MasterHelper, AsksMonitOnceForTheProcessThatIsStillThere) {
    lock();
    master_->start_process({});
    EXPECT_EQ(restart(), "ok asked\n");
    EXPECT_EQ(master_->read("/var/vcap/monit.asked"), "summary\nrestart kube-apiserver\n");
    EXPECT_EQ(restart("1"), "ok already\n");
    EXPECT_EQ(master_->read("/var/vcap/monit.asked"), "summary\nrestart kube-apiserver\n");
}

TEST_P(MasterHelper, RestartsIntoNothingButTheBytesThatWereMeant) {
    lock();
    master_->start_process({});
    swap();
    restore();
    EXPECT_EQ(restart({}, new_bytes), "no changed " + sha256_hex(old_bytes) + "\n") << "it came late, after the undo";
    master_->write(file, "somebody's edit");
    EXPECT_EQ(restart(), "no changed " + sha256_hex("somebody's edit") + "\n");
    EXPECT_EQ(master_->read("/var/vcap/monit.asked"), "");
    EXPECT_EQ(restart("1"), "ok already\n") << "another process has read what there is";
}

TEST_P(MasterHelper, ReportsWhatMonitSaid) {
    lock();
    master_->start_process({});
    master_->write("/var/vcap/monit.says/restart.exit", "1");
    master_->write("/var/vcap/monit.says/restart.err",
                   "monit: action failed -- Other action already in progress -- please try again later\n");
    EXPECT_EQ(restart(), "ok pending\n");
    master_->write("/var/vcap/monit.says/restart.err", "monit: action failed -- There is no\x1b[31m service\n");
    EXPECT_EQ(restart(), "no supervisor exit 1 monit: action failed -- There is no [31m service\n");
}

TEST_P(MasterHelper, NeverLetsMonitActWithoutItsDaemon) {
    lock();
    master_->start_process({});
    master_->write("/var/vcap/monit.says/summary.out", "");
    master_->write("/var/vcap/monit.says/summary.err", "no status available -- the monit daemon is not running\n");
    EXPECT_EQ(restart(), "no supervisor monit does not know kube-apiserver\n");
    EXPECT_EQ(master_->read("/var/vcap/monit.asked"), "summary\n");
}

TEST_P(MasterHelper, AServiceThatMonitStartsDoesNotInheritTheLock) {
    lock();
    master_->start_process({});
    master_->write("/var/vcap/bosh/bin/monit",
                   "#!/bin/sh\n[ $1 = summary ] && echo kube-apiserver\n[ $1 = restart ] && sleep 3 &\nexit 0\n");
    EXPECT_EQ(restart(), "ok asked\n");
    EXPECT_EQ(master_->inside("flock -n /run/aggmedic true").status, 0);
}

TEST_P(MasterHelper, LooksWithoutChangingAnything) {
    const auto pem = run_program({"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                                  "-nodes", "-subj", "/CN=demo.pks.ik.am", "-keyout", "/dev/stdout", "-days", "3"});
    ASSERT_EQ(pem.status, 0) << pem.error_output;
    master_->write(config + "/kubernetes.pem", pem.output);
    master_->write(config + "/kubernetes-key.pem", pem.output);
    master_->inside("chmod 0600 " + config + "/kubernetes-key.pem");
    master_->write(
        "/var/vcap/monit.says/status.out",
        "The Monit daemon 5.2.5 uptime: 1m \n\nProcess 'kube-apiserver'\n  status                            "
        "running\n  monitoring status                 monitored\n");
    master_->start_process({"--proxy-client-cert-file=" + config + "/kubernetes.pem", "", "--proxy-client-key-file",
                            config + "/kubernetes-key.pem", "--token-auth-file=/absent/tokens.csv"});
    const auto seen = master_->call("look", {"bosh"});
    ASSERT_EQ(seen.status, 0) << seen.error_output;
    EXPECT_EQ(seen.error_output, "");
    EXPECT_THAT(seen.output, testing::Not(HasSubstr(base64_encode("-----BEGIN PRIVATE").substr(0, 20))));
    EXPECT_FALSE(master_->exists("/run/aggmedic"));

    const auto now = TimePoint(std::chrono::milliseconds(0));
    const auto look = probes::parse_look("m0", seen.output, now, now);
    ASSERT_TRUE(look.has_value()) << look.error().detail << "\n" << seen.output;
    const auto& view = look->view;
    EXPECT_EQ(look->sources.at(0).bytes, old_bytes);
    EXPECT_EQ(view.args_file.path, "/var/vcap/jobs/kube-apiserver/config/bpm.yml");
    EXPECT_EQ(view.args_file.resolved, file);
    EXPECT_EQ(view.args_file.mode, "0640");
    EXPECT_EQ(view.args_file.owner, "root");
    ASSERT_TRUE(view.process);
    EXPECT_EQ(view.process->pid, master_->process());
    EXPECT_EQ(std::to_string(view.process->start_ticks), master_->start_ticks());
    ASSERT_TRUE(view.supervisor) << view.supervisor.why().detail;
    ASSERT_EQ(view.files.size(), 3U);
    EXPECT_EQ(view.files[0].flag, "proxy-client-cert-file");
    EXPECT_TRUE(view.files[0].exists && view.files[0].readable);
    ASSERT_EQ(view.files[0].certificates.size(), 1U);
    EXPECT_EQ(view.files[0].certificates[0].common_name, "demo.pks.ik.am");
    EXPECT_EQ(view.files[1].flag, "proxy-client-key-file");
    EXPECT_TRUE(view.files[1].exists && view.files[1].certificates.empty());
    EXPECT_FALSE(view.files[2].exists);
    EXPECT_GT(view.disk_free_bytes, 0U);
    EXPECT_GT(view.memory_available_bytes, 0U);
}

TEST_P(MasterHelper, LooksAtEveryFileThatTheArgumentsName) {
    master_->write("/var/vcap/sni.pem", "a certificate");
    master_->start_process({"--tls-sni-cert-key=/var/vcap/sni.pem,/absent/sni.key:foo.example.com",
                            "--runtime-config=api/all=true", "--oidc-ca-file=relative.pem", "--audit-log-path=-",
                            "--cloud-config="});
    const auto seen = master_->call("look", {"bosh"});
    const auto now = TimePoint(std::chrono::milliseconds(0));
    const auto look = probes::parse_look("m0", seen.output, now, now);
    ASSERT_TRUE(look.has_value()) << look.error().detail << "\n" << seen.output;
    const auto& files = look->view.files;
    ASSERT_EQ(files.size(), 3U) << seen.output;
    EXPECT_EQ(files[0].path, "/var/vcap/sni.pem");
    EXPECT_TRUE(files[0].exists);
    EXPECT_EQ(files[1].path, "/absent/sni.key");
    EXPECT_FALSE(files[1].exists);
    EXPECT_THAT(files[2].path, testing::AllOf(StartsWith("/"), testing::EndsWith("/relative.pem")));
    EXPECT_FALSE(files[2].exists);
}

TEST_P(MasterHelper, LooksAtLockAndOldBytes) {
    lock();
    swap();
    const auto seen = master_->call("look", {"bosh"});
    const auto now = TimePoint(std::chrono::milliseconds(0));
    const auto look = probes::parse_look("m0", seen.output, now, now);
    ASSERT_TRUE(look.has_value()) << look.error().detail << "\n" << seen.output;
    EXPECT_THAT(look->view.lock, StartsWith(std::string(holder) + " run-1 1 "));
    EXPECT_THAT(look->view.backups, ElementsAre(config + "/.bpm.yml.aggmedic-run-1"));
    EXPECT_FALSE(look->view.process);
}

TEST_P(MasterHelper, ALookAtAMissingFileSaysSo) {
    master_->inside("rm " + file);
    const auto seen = master_->call("look", {"bosh"});
    EXPECT_THAT(seen.output, HasSubstr("file.missing not-found\n"));
    EXPECT_THAT(seen.output, testing::EndsWith("end\n"));
    EXPECT_EQ(seen.status, 0);
}

TEST_P(MasterHelper, RefusesArgumentsOutsideItsGrammar) {
    const std::string sha = sha256_hex("x");
    const std::vector<std::vector<std::string>> calls{
        {"look"},
        {"look", "bosh", "more"},
        {"look", "bosh", "10.0.0.1:443", "x"},
        {"look", "$(touch /run/pwned)"},
        {"look", "k3s"},
        {"lock", "bosh", holder, "run 1", "1"},
        {"lock", "bosh", "", "run-1", "1"},
        {"lock", "bosh", holder, "../run", "1"},
        {"lock", "bosh", holder, "run-1", "-1"},
        {"lock", "bosh", holder, "run-1", "1;touch /run/pwned"},
        {"lock", "bosh", holder, std::string(65, 'a'), "1"},
        {"lock", "bosh", holder, "run\n1", "1"},
        {"restart", "bosh", holder, "run-1", "1", file, sha, "`id`", "1"},
        {"restart", "bosh", holder, "run-1", "1", file, "`id`", "1", "1"},
        {"swap", "bosh", holder, "run-1", "1", "etc/passwd", sha, sha},
        {"swap", "bosh", holder, "run-1", "1", "/var/../etc/passwd", sha, sha},
        {"swap", "bosh", holder, "run-1", "1", "/var/$(id)", sha, sha},
        {"swap", "bosh", holder, "run-1", "1", file, sha.substr(1), sha},
        {"swap", "bosh", holder, "run-1", "1", file, sha, sha.substr(1) + "G"},
        {"unlock", "bosh", holder, "run-1", "1", file, "*"},
        {"sh", "-c", "id"},
        {""},
    };
    for (const auto& call : calls) {
        const auto answer = master_->call(call[0], {call.begin() + 1, call.end()});
        EXPECT_THAT(answer.output, StartsWith("no grammar ")) << call[0] << " " << (call.size() > 1 ? call.back() : "");
        EXPECT_EQ(answer.status, 20);
    }
    EXPECT_FALSE(master_->exists("/run/pwned"));
}

INSTANTIATE_TEST_SUITE_P(Shells, MasterHelper, testing::Values("dash", "bash", "busybox"),
                         [](const auto& shell) { return std::string(shell.param); });

TEST(RemoteVerbs, AreTheHelperAndNothingElse) {
    for (const auto& verb : remote_verbs()) {
        EXPECT_THAT(verb.command, ElementsAre("sudo", "-n", "/bin/sh", "-c", helper_script(), "aggmedic", verb.name));
        EXPECT_THAT(verb.installed, ElementsAre("sudo", "-n", installed_helper_path(), verb.name));
        EXPECT_EQ(verb.takes_input, verb.name == "swap");
    }
    EXPECT_LT(helper_script().size(), 48U * 1024);  // one word of a command line: 128 KiB at most
}

}  // namespace
}  // namespace aggmedic::remediate
