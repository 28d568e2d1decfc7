#include "probes/look.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "net/text.hpp"
#include "recording.hpp"

namespace aggmedic::probes {

namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// The `### status` part of a transcript of the real monit.
std::string recorded_status(const std::string& file) {
    std::ifstream in(std::string(AGGMEDIC_FIXTURES) + "/monit/" + file);
    std::ostringstream text;
    text << in.rdbuf();
    const auto all = text.str();
    const auto start = all.find("### status\n") + 11;
    return all.substr(start, all.find("rc=0", start) - start);
}

const ServiceState& service(const SupervisorState& state, const std::string& name) {
    return *std::ranges::find(state.services, name, &ServiceState::name);
}

std::string b64(std::string_view bytes) {
    return "b64:" + base64_encode(bytes);
}

const std::string bpm =
    "processes:\n- name: kube-apiserver\n  executable: /var/vcap/packages/kubernetes/bin/kube-apiserver\n  args:\n"
    "  - --secure-port=8443\n  - \n  - --requestheader-allowed-names=aggregator\n";

std::string cmdline(std::initializer_list<std::string> words) {
    std::string bytes;
    for (const auto& word : words) bytes += word + '\0';
    return bytes;
}

struct Output {
    std::string file = bpm;
    std::string argv = cmdline({"/var/vcap/packages/kubernetes/bin/kube-apiserver", "--secure-port=8443",
                                "--requestheader-allowed-names=aggregator"});
    std::string pid = "100";
    std::string extra;
    std::string text() const {
        return "aggmedic-look 1\nboot_id 11-22\nuptime 12.50\nclock 1795393022500000000\nfile.path " +
               b64("/etc/bpm.yml") + "\nfile.resolved " + b64("/data/bpm.yml") + "\nfile.stat root vcap 0640 " +
               std::to_string(file.size()) + "\nfile.sha256 " + sha256_hex(file) + "\nfile.bytes " + b64(file) +
               "\npid " + pid + "\nprocess 100 1 77 " + b64(argv) + "\nprocess 5 1 3 " +
               b64(cmdline({"/usr/sbin/cron"})) + "\nnamed proxy-client-cert-file " + b64("/c.pem") +
               " exists readable " + b64(recording::read_fixture("pki/kubernetes.pem")) + "\nmonit 0 " +
               b64(recorded_status("5.2.5-transcript.txt")) + " b64:\n" + "hostname " + b64("m0.example") +
               "\ndisk_free_kb 1000\nmemory_available_kb 2000\n" + extra + "end\n";
    }
};

Result<Look> parse(const std::string& text) {
    const TimePoint asked{std::chrono::milliseconds(1795393021000)}, answered{std::chrono::milliseconds(1795393023000)};
    return parse_look("master/0", text, asked, answered);
}

}  // namespace

TEST(ParseMonitStatus, ReadsTheStemcellDialect) {
    const auto state = parse_monit_status(recorded_status("5.2.5-transcript.txt"), "", 0);
    ASSERT_TRUE(state) << state.error().detail;
    EXPECT_EQ(state->dialect, "monit-5.2.5");
    ASSERT_EQ(state->services.size(), 3U);
    EXPECT_TRUE(service(*state, "kube-apiserver").running);
    EXPECT_EQ(service(*state, "kube-apiserver").pid, 13732);
    EXPECT_FALSE(service(*state, "badstart").running);
    EXPECT_EQ(service(*state, "badstart").status, "Execution failed");
}

TEST(ParseMonitStatus, ReadsDebiansDialect) {
    const auto state = parse_monit_status(recorded_status("5.33.0-transcript.txt"), "", 0);
    ASSERT_TRUE(state) << state.error().detail;
    EXPECT_EQ(state->dialect, "monit-5.33");
    EXPECT_TRUE(service(*state, "kube-apiserver").running);
    EXPECT_EQ(service(*state, "kube-apiserver").pid, 27394);
}

TEST(ParseMonitStatus, APendingActionIsNotRunningInEitherDialect) {
    const std::string old =
        "The Monit daemon 5.2.5 uptime: 0m \n\nProcess 'kube-apiserver'\n  status                            running\n"
        "  monitoring status                 not monitored - restart pending\n";
    const std::string recent =
        "Monit 5.33.0 uptime: 0m\n\nProcess 'kube-apiserver'\n  status                       OK - restart pending\n"
        "  monitoring status            Monitored\n";
    for (const auto& text : {old, recent}) {
        const auto state = parse_monit_status(text, "", 0);
        ASSERT_TRUE(state);
        EXPECT_TRUE(state->services.at(0).pending) << text;
        EXPECT_FALSE(state->services.at(0).running) << text;
    }
    const auto initializing = parse_monit_status(
        "The Monit daemon 5.2.5 uptime: 0m \n\nProcess 'x'\n  status  initializing\n  monitoring status  "
        "initializing\n",
        "", 0);
    EXPECT_FALSE(initializing->services.at(0).running);
}

TEST(ParseMonitStatus, AnAbsentDaemonIsUnobservedNotStopped) {
    EXPECT_FALSE(parse_monit_status("", "monit: no status available -- the monit daemon is not running", 0));
    EXPECT_FALSE(parse_monit_status("", "Monit: the monit daemon is not running", 1));
    EXPECT_FALSE(parse_monit_status("", "", 0));
    EXPECT_FALSE(parse_monit_status(recorded_status("5.2.5-transcript.txt"), "", 1));
    EXPECT_FALSE(parse_monit_status("The Monit daemon 5.2.5 uptime: 0m \n\nProcess 'kube-apiserver'\n", "", 0));
}

TEST(ParseLook, PutsAMasterTogether) {
    const auto look = parse(Output{}.text());
    ASSERT_TRUE(look) << look.error().detail;
    const auto& view = look->view;
    EXPECT_EQ(view.master, "master/0");
    EXPECT_EQ(view.boot_id, "11-22");
    EXPECT_EQ(view.hostname, "m0.example");
    EXPECT_DOUBLE_EQ(view.uptime_seconds, 12.5);
    EXPECT_EQ(view.clock_offset_ms, 500);
    EXPECT_EQ(view.args_file.resolved, "/data/bpm.yml");
    EXPECT_EQ(view.args_file.mode, "0640");
    EXPECT_EQ(look->sources.at(0).bytes, bpm);
    ASSERT_TRUE(view.process) << view.process.why().detail;
    EXPECT_EQ(view.process->pid, 100);
    EXPECT_EQ(view.process->start_ticks, 77U);
    EXPECT_TRUE(view.file_equals_process);
    EXPECT_THAT(allowed_names(view.process->arguments.flags), ElementsAre("aggregator"));
    ASSERT_EQ(view.files.size(), 1U);
    EXPECT_EQ(view.files[0].certificates.size(), 2U);
    ASSERT_TRUE(view.supervisor);
    EXPECT_EQ(view.disk_free_bytes, 1'024'000U);
}

TEST(ParseLook, NamesTheFlagsThatDifferAndNoValue) {
    Output output;
    output.argv = cmdline(
        {"kube-apiserver", "--secure-port=8443", "--requestheader-allowed-names=aggregator,demo", "--token=secret"});
    const auto look = parse(output.text());
    ASSERT_TRUE(look);
    EXPECT_FALSE(look->view.file_equals_process);
    EXPECT_THAT(look->view.differing_flags, ElementsAre("requestheader-allowed-names", "token"));
}

TEST(ParseLook, FindsTheProcessBelowTheSupervised) {
    Output output;
    output.pid = "90";
    output.argv = cmdline({"bash", "/var/vcap/packages/kubernetes/bin/kube-apiserver", "--secure-port=8443",
                           "--requestheader-allowed-names=aggregator"});
    auto text = output.text();
    text.replace(text.find("process 100 1"), 13, "process 100 90");
    const auto below = parse(text + "");
    ASSERT_TRUE(below);
    ASSERT_TRUE(below->view.process) << below->view.process.why().detail;
    EXPECT_EQ(below->view.process->pid, 100);
    EXPECT_TRUE(below->view.file_equals_process);
}

TEST(ParseLook, AnotherApiserverThanTheSupervisedIsNotTaken) {
    Output output;
    output.pid = "99";
    EXPECT_EQ(parse(output.text())->view.process.why().reason, "not-found");
    output.pid = "none";
    EXPECT_EQ(parse(output.text())->view.process.why().reason, "not-found");
}

TEST(ParseLook, AFileThatIsNotUnderstoodIsUnobservedAndSaysWhy) {
    Output output;
    output.file = "processes: [";
    const auto look = parse(output.text());
    ASSERT_TRUE(look);
    EXPECT_EQ(look->view.file_arguments.why().reason, "malformed_reply");
    EXPECT_FALSE(look->view.file_text_fault.empty());
    EXPECT_FALSE(look->view.file_equals_process);
}

TEST(ParseLook, AMissingFileIsAFact) {
    auto text = Output{}.text();
    const auto from = text.find("file.resolved"), to = text.find("pid ");
    text.replace(from, to - from, "file.missing not-found\n");
    const auto look = parse(text);
    ASSERT_TRUE(look) << look.error().detail;
    EXPECT_EQ(look->view.file_arguments.why().reason, "not-found");
    EXPECT_TRUE(look->view.process);
}

TEST(ParseLook, AVariableWithoutANameIsMalformed) {
    Output output;
    output.extra = "environment_read\nenvironment  b64:\n";
    const auto look = parse(output.text());
    ASSERT_FALSE(look);
    EXPECT_THAT(look.error().detail, HasSubstr("environment is malformed"));
}

TEST(ParseLook, KeepsLockAndBackups) {
    Output output;
    output.extra = "lock " + b64("holder") + "\nbackup " + b64("/data/.a") + "\nbackup " + b64("/data/.b") + "\n";
    const auto look = parse(output.text());
    ASSERT_TRUE(look);
    EXPECT_EQ(look->view.lock, "holder");
    EXPECT_THAT(look->view.backups, ElementsAre("/data/.a", "/data/.b"));
}

TEST(ParseLook, RefusesWhatAHostileMasterMaySend) {
    const auto good = Output{}.text();
    const auto refused = [](const std::string& text) { return !parse(text).has_value(); };
    EXPECT_TRUE(refused(""));
    EXPECT_TRUE(refused("end\n"));
    EXPECT_TRUE(refused(good.substr(0, good.size() - 4)));  // cut
    EXPECT_TRUE(refused(good + "x"));
    EXPECT_TRUE(refused("aggmedic-look 2" + good.substr(15)));
    for (const auto& [from, to] : std::initializer_list<std::pair<std::string, std::string>>{
             {"uptime 12.50", "uptime -1"},
             {"uptime 12.50", "uptime nan"},
             {"boot_id 11-22\n", ""},
             {"boot_id 11-22", "boot_id 11-22\nboot_id 33"},
             {"pid 100", "pid -x"},
             {"pid 100", "pid 99999999999999999999"},
             {"file.stat root", "file.stat a root"},
             {"monit 0", "monit zero"},
             {"disk_free_kb 1000", "disk_free_kb 99999999999999999999"},
             {"disk_free_kb", "disk_free_gb"},
             {" exists readable", " maybe readable"},
             {"file.bytes b64:", "file.bytes b64:AAAA"},
             {"file.bytes b64:", "file.bytes b64:%%%%"},
             {"0640", "9999"}}) {
        auto text = good;
        const auto at = text.find(from);
        ASSERT_NE(at, std::string::npos) << from;
        text.replace(at, from.size(), to);
        EXPECT_TRUE(refused(text)) << from << " -> " << to;
    }
    for (std::size_t size = 0; size < good.size(); size += 37) EXPECT_TRUE(refused(good.substr(0, size)));
}

}  // namespace aggmedic::probes
