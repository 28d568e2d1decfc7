#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "helper_master.hpp"
#include "net/text.hpp"
#include "probes/look.hpp"

// The facts of `look` that say why an aggregated API fails beyond the certificate: reach, proxies, keys, times.
namespace aggmedic::remediate {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::Pair;

const std::string config = HelperMaster::config;

struct Listener {
    Listener() {
        sockaddr_in where{};
        where.sin_family = AF_INET;
        where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        auto* address = reinterpret_cast<sockaddr*>(&where);
        socklen_t size = sizeof where;
        ::bind(descriptor, address, size);
        ::getsockname(descriptor, address, &size);
        port = ntohs(where.sin_port);
    }
    ~Listener() { ::close(descriptor); }
    Listener(const Listener&) = delete;
    Listener& operator=(const Listener&) = delete;

    std::string place() const { return "127.0.0.1:" + std::to_string(port); }

    int descriptor = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int port = 0;
};

class Variable {
  public:
    Variable(const char* name, const char* value) : name_(name) { ::setenv(name, value, 1); }
    ~Variable() { ::unsetenv(name_); }
    Variable(const Variable&) = delete;
    Variable& operator=(const Variable&) = delete;

  private:
    const char* name_;
};

class LookFacts : public testing::TestWithParam<const char*> {
  protected:
    void SetUp() override {
        if (const auto why = HelperMaster::why_not(); !why.empty()) GTEST_SKIP() << "NOT RUN: " << why;
        master_ = std::make_unique<HelperMaster>(GetParam());
        master_->write(config + "/bpm.yml", "processes: []\n");
    }
    probes::MasterView look(const std::vector<std::string>& places = {}) {
        std::vector<std::string> arguments{"bosh"};
        arguments.insert(arguments.end(), places.begin(), places.end());
        seen_ = master_->call("look", arguments);
        EXPECT_EQ(seen_.status, 0) << seen_.output;
        EXPECT_EQ(seen_.error_output, "");
        const auto now = TimePoint(std::chrono::milliseconds(0));
        const auto parsed = probes::parse_look("m0", seen_.output, now, now);
        EXPECT_TRUE(parsed.has_value()) << (parsed ? "" : parsed.error().detail);
        return parsed ? parsed->view : probes::MasterView();
    }
    void write_pair(const std::string& certificate, const std::string& key) {
        const auto made = master_->inside(
            "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=demo.pks.ik.am -days 3 "
            "-keyout " +
            config + "/" + key + " -out " + config + "/" + certificate);
        ASSERT_EQ(made.status, 0) << made.error_output;
    }
    void start_with_pair() {
        master_->start_process({"--proxy-client-cert-file=" + config + "/proxy.pem",
                                "--proxy-client-key-file=" + config + "/proxy-key.pem"});
    }

    std::unique_ptr<HelperMaster> master_;
    Finished seen_;
};

TEST_P(LookFacts, DialsTheBackendsThatItIsGiven) {
    Listener open, closed;
    ASSERT_EQ(::listen(open.descriptor, 4), 0);
    const auto view = look({open.place(), closed.place()});
    ASSERT_TRUE(view.backends);
    std::map<std::string, std::string> outcomes;
    for (const auto& one : *view.backends) outcomes[one.address] = one.outcome;
    EXPECT_EQ(outcomes, (std::map<std::string, std::string>{{open.place(), "connected"}, {closed.place(), "refused"}}));
}

TEST_P(LookFacts, ABackendThatNeverAnswersIsATimeout) {
    Listener full;
    ASSERT_EQ(::listen(full.descriptor, 0), 0);
    sockaddr_in where{};
    where.sin_family = AF_INET;
    where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    where.sin_port = htons(static_cast<std::uint16_t>(full.port));
    std::vector<int> fillers;
    for (int i = 0; i < 3; ++i) {
        fillers.push_back(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
        static_cast<void>(::connect(fillers.back(), reinterpret_cast<sockaddr*>(&where), sizeof where));
    }
    const auto view = look({full.place()});
    for (const int filler : fillers) ::close(filler);
    ASSERT_TRUE(view.backends);
    EXPECT_EQ(view.backends->at(0).outcome, "timeout");
}

TEST_P(LookFacts, WithoutPlacesNothingIsDialled) {
    EXPECT_FALSE(look().backends);
}

TEST_P(LookFacts, RefusesPlacesThatAreNoAddresses) {
    for (const char* place :
         {"", ":", "10.0.0.1", "10.0.0.1:", "10.0.0.1:http", "example.com:443", "$(id):1", "1;id:1", "10.0.0.1:123456",
          "[::1]", "[::1]:", "::1:80", "[fe80::1%eth0]:80", "[[::1]]:80", "-1:80", "1.1.1.1/24:80"}) {
        const auto answer = master_->call("look", {"bosh", place});
        EXPECT_EQ(answer.output, "no grammar backend\n") << place;
    }
    EXPECT_EQ(master_->call("look", std::vector<std::string>(34, "bosh")).output, "no grammar count\n");
}

TEST_P(LookFacts, ReadsTheProxyEnvironmentWithoutUserAndPassword) {
    const Variable https("HTTPS_PROXY", "http://ops:sword/f@ish@proxy.example.com:3128/pac?token=hidden");
    const Variable lower("https_proxy", "http://other.example.com:1");
    const Variable plain("http_proxy", "ops:swordfish@proxy.example.com:3128");
    const Variable lines("all_proxy", "socks5://ops:sword\nfish@proxy.example.com:1080");
    const Variable no("no_proxy", "127.0.0.1,10.0.0.0/8,.svc");
    const Variable secret("DB_PASSWORD", "swordfish");
    master_->start_process({});
    const auto view = look();
    ASSERT_TRUE(view.proxy_environment);
    EXPECT_THAT(*view.proxy_environment, Contains(Pair("https_proxy", "http://proxy.example.com:3128")));
    EXPECT_THAT(*view.proxy_environment, Contains(Pair("http_proxy", "proxy.example.com:3128")));
    EXPECT_THAT(*view.proxy_environment, Contains(Pair("all_proxy", "socks5://proxy.example.com:1080")));
    EXPECT_THAT(*view.proxy_environment, Contains(Pair("no_proxy", "127.0.0.1,10.0.0.0/8,.svc")));
    for (const auto& [name, value] : *view.proxy_environment) {
        EXPECT_THAT(value, Not(HasSubstr("sword"))) << name;
        EXPECT_THAT(value, Not(HasSubstr("hidden"))) << name;
    }
}

TEST_P(LookFacts, AProcessWithoutProxiesHasNone) {
    master_->start_process({});
    const auto view = look();
    ASSERT_TRUE(view.proxy_environment);
    EXPECT_TRUE(view.proxy_environment->empty());
}

// As in the middle of a restart. dash ends where a special built-in cannot open a file.
TEST_P(LookFacts, AProcessThatIsGoneLeavesTheRestToBeRead) {
    master_->write("/var/vcap/sys/run/bpm/kube-apiserver/kube-apiserver.pid", "999999999\n");
    const auto view = look();
    EXPECT_FALSE(view.process);
    EXPECT_FALSE(view.proxy_environment);
    EXPECT_GT(view.memory_available_bytes, 0U);
}

TEST_P(LookFacts, SaysWhetherTheKeyIsTheCertificates) {
    write_pair("proxy.pem", "proxy-key.pem");
    start_with_pair();
    auto view = look();
    ASSERT_TRUE(view.proxy_key_matches);
    EXPECT_TRUE(*view.proxy_key_matches);
    const auto key = master_->read(config + "/proxy-key.pem");
    for (std::size_t at = key.find('\n') + 1; at + 60 < key.size(); at += 30)
        EXPECT_THAT(seen_.output, Not(HasSubstr(key.substr(at, 30))));
    write_pair("other.pem", "proxy-key.pem");
    view = look();
    ASSERT_TRUE(view.proxy_key_matches);
    EXPECT_FALSE(*view.proxy_key_matches);
    master_->write(config + "/proxy-key.pem", "no key\n");
    EXPECT_FALSE(look().proxy_key_matches);
}

TEST_P(LookFacts, WithoutAPairThereIsNothingToCompare) {
    master_->start_process({"--proxy-client-key-file=" + config + "/proxy-key.pem"});
    EXPECT_FALSE(look().proxy_key_matches);
}

TEST_P(LookFacts, FilesHaveTheTimesOfTheMastersClock) {
    write_pair("proxy.pem", "proxy-key.pem");
    master_->inside("touch -d @1600000000 " + config + "/proxy.pem; touch -d @1500000000 " + config + "/bpm.yml");
    start_with_pair();
    const auto view = look();
    EXPECT_EQ(view.args_file.modified, TimePoint(std::chrono::seconds(1500000000)));
    ASSERT_EQ(view.files.size(), 2U);
    EXPECT_EQ(view.files[0].modified, TimePoint(std::chrono::seconds(1600000000)));
    ASSERT_TRUE(view.process && view.process->started_at);
    const auto age = std::chrono::system_clock::now() - *view.process->started_at;
    EXPECT_LT(age, std::chrono::minutes(2));
    EXPECT_GT(age, std::chrono::seconds(-2));
}

TEST_P(LookFacts, SaysWhetherTheRepairIsOnThisVmForGood) {
    auto view = look();
    ASSERT_TRUE(view.permanent_fix_present);
    EXPECT_FALSE(*view.permanent_fix_present);
    master_->inside("mkdir -p /var/vcap/jobs/pre-start-script/bin");
    master_->write("/var/vcap/jobs/pre-start-script/bin/pre-start",
                   "sed s/--requestheader-allowed-names=aggregator/&,demo/\n");
    EXPECT_TRUE(*look().permanent_fix_present);
}

TEST_P(LookFacts, SaysWhenTheJobWasUnpackedAndWhenTheFileWasWrittenSince) {
    EXPECT_FALSE(look().unpacked_job) << "nothing beside the file tells";
    master_->write(config + "/kubernetes.pem", "unpacked with it");
    master_->write(config + "/.bpm.yml.aggmedic-run", "our old bytes are none of the job's");
    master_->inside("touch -d @1500000000 " + config + "/kubernetes.pem");
    master_->inside("touch -d @1600000000 " + config + "/bpm.yml");
    const auto view = look();
    ASSERT_TRUE(view.unpacked_job);
    EXPECT_EQ(view.unpacked_job->files, 1U);
    EXPECT_EQ(view.unpacked_job->newest_modified, TimePoint(std::chrono::seconds(1'500'000'000)));
    EXPECT_EQ(view.args_file.modified, TimePoint(std::chrono::seconds(1'600'000'000)));
    EXPECT_GT(view.unpacked_job->oldest_change, TimePoint(std::chrono::seconds(1'600'000'000)));
    EXPECT_GE(view.unpacked_job->file_changed, view.unpacked_job->oldest_change);
}

TEST_P(LookFacts, SaysWhyAnApiserverDoesNotStart) {
    master_->inside("mkdir -p /var/vcap/sys/log/kube-apiserver");
    master_->write("/var/vcap/sys/log/kube-apiserver/kube-apiserver.stderr.log",
                   "Error: --requestheader-client-ca-file and --client-ca-file contain overlapping certificates; "
                   "--requestheader-allowed-names must be specified\nError: unknown flag: --feature\n");
    auto view = look();
    ASSERT_TRUE(view.start_faults);
    EXPECT_THAT(*view.start_faults, ElementsAre("ca-overlap", "unknown-flag"));
    master_->start_process({});
    EXPECT_FALSE(look().start_faults);
}

INSTANTIATE_TEST_SUITE_P(Shells, LookFacts, testing::Values("dash", "bash", "busybox"),
                         [](const auto& shell) { return std::string(shell.param); });

}  // namespace
}  // namespace aggmedic::remediate
