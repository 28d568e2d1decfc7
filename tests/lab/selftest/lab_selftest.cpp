// The lab itself, whole: does it behave as the recordings say, does the hand-made repair heal it, and does it leave
// nothing behind?
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>

#include "tests/lab/process.hpp"
#include "tests/lab/selftest/lab_fixture.hpp"
#include "tests/model/availability.hpp"
#include "tests/unit/model/recorded.hpp"

namespace aggmedic::lab {
namespace {

constexpr const char* catalog = "/apis/servicecatalog.k8s.io/v1beta1";
constexpr const char* flunders = "/apis/wardle.example.com/v1alpha1/namespaces/default/flunders";
constexpr const char* balancer = "10.77.0.10";
constexpr const char* master_0 = "10.77.0.11";

struct Kind {
    const char* generation;
    const char* monit;
};

class Lab : public testing::TestWithParam<Kind> {
  protected:
    void SetUp() override {
        if (const auto reason = why_no_lab(); !reason.empty()) GTEST_SKIP() << "NOT RUN: " << reason;
    }
    static std::vector<std::string> options_with(std::vector<std::string> options) {
        for (const std::string& word : {std::string("--generation"), std::string(GetParam().generation),
                                        std::string("--monit"), std::string(GetParam().monit)})
            options.push_back(word);
        return options;
    }
    static bool is_old() { return std::string_view(GetParam().generation) == "1.11"; }
};

// Body, status and headers as a recording has them, but for ids and dates. What differs from cluster to cluster is not
// compared.
void expect_as_recorded(const model::Answer& answer, const std::string& file) {
    const auto real = model::recorded::answer("recorded/" + file);
    EXPECT_EQ(answer.status, real.status) << file;
    EXPECT_EQ(model::recorded::comparable_headers(answer), model::recorded::comparable_headers(real)) << file;
    EXPECT_EQ(answer.body, real.body) << file;
}

std::string condition_of(const LabUnderTest& lab, const std::string& name) {
    const auto object = nlohmann::json::parse(
        lab.get(master_0, "/apis/apiregistration.k8s.io/v1beta1/apiservices/" + name, "probe").body, nullptr, false);
    return object.is_object() ? object["status"]["conditions"][0].value("message", "") : "";
}

void restart_pods(const LabUnderTest& lab) {
    const std::string pods = "/api/v1/namespaces/catalog/pods";
    const auto list =
        nlohmann::json::parse(lab.get(balancer, pods + "?labelSelector=release%3Dcatalog", "repair").body);
    for (const auto& pod : list["items"])
        EXPECT_EQ(lab.ask("DELETE", balancer, pods + "/" + pod["metadata"]["name"].get<std::string>(), "repair").status,
                  200);
}

TEST_P(Lab, SharedCaMismatchShowsAsRecorded) {
    const LabUnderTest lab(options_with({"--break", "cn-not-allowed"}));
    EXPECT_EQ(lab.allowed_names(), R"(["aggregator"])");
    if (is_old()) {
        expect_as_recorded(lab.get(master_0, catalog, "admin"), "cn-not-allowed.aggregator-1.11/discovery.http");
        EXPECT_EQ(condition_of(lab, "v1beta1.servicecatalog.k8s.io"), "all checks passed");
        EXPECT_EQ(lab.get(master_0, "/apis/apiregistration.k8s.io/v1/apiservices", "admin").status, 404);
        EXPECT_EQ(lab.get(master_0, "/readyz", "admin").status, 404);
        return;
    }
    expect_as_recorded(lab.get(master_0, catalog, "admin"), "cn-not-allowed/discovery.http");
    expect_as_recorded(lab.get(master_0, catalog, "dev"), "cn-not-allowed/resource.dev-user.http");
    expect_as_recorded(lab.get(master_0, catalog, ""), "cn-not-allowed/discovery.no-token.http");
    expect_as_recorded(lab.get(master_0, catalog, "bad"), "probe-credential-invalid/core.bad-token.http");
    expect_as_recorded(lab.get(master_0, "/readyz?verbose", "admin"), "cn-not-allowed/readyz.http");
    expect_as_recorded(lab.get(master_0, "/version", "admin"), "cn-not-allowed/version.http");
    expect_as_recorded(lab.get(master_0, "/apis/wardle.example.com/v1alpha1", "admin"),
                       "cn-not-allowed/discovery.wardle.http");
    EXPECT_TRUE(condition_of(lab, "v1beta1.servicecatalog.k8s.io").ends_with("servicecatalog.k8s.io/v1beta1: 401"));
    // The masked 200: two flow schemas, of the caller and of the certificate.
    auto masked = lab.get(master_0, flunders, "dev");
    EXPECT_EQ(masked.status, 200);
    auto real = model::recorded::answer("recorded/cn-not-allowed/resource.dev-user.wardle.http");
    std::erase_if(masked.headers, [](const auto& header) { return header.name == "Content-Length"; });
    std::erase_if(real.headers, [](const auto& header) { return header.name == "Content-Length"; });
    EXPECT_EQ(model::recorded::comparable_headers(masked), model::recorded::comparable_headers(real));
}

TEST_P(Lab, SeedRepairHealsOnlyAfterTheOldExtensionServerIsRestarted) {
    const LabUnderTest lab(options_with({"--break", "cn-not-allowed"}));
    const std::string patch =
        "sudo -n sed -i 's/--requestheader-allowed-names=aggregator$/&,demo.pks.ik.am/' "
        "/var/vcap/jobs/kube-apiserver/config/bpm.yml";
    const std::string pid = "cat /var/vcap/sys/run/bpm/kube-apiserver/kube-apiserver.pid";
    const std::string healthy = is_old() ? "/healthz" : "/readyz";
    for (const auto& master : lab.world().masters) {
        const std::string before = lab.ssh(master.name, pid).text;
        ASSERT_EQ(lab.ssh(master.name, patch + " && sudo -n /var/vcap/bosh/bin/monit restart kube-apiserver").status,
                  0);
        const auto restarted = [&] {
            const auto now = lab.ssh(master.name, pid);
            return now.status == 0 && now.text != before && lab.get(master.address, healthy, "admin").status == 200;
        };
        ASSERT_TRUE(wait_until(restarted, std::chrono::seconds(60))) << master.name;
        const auto arguments = lab.ssh(master.name, "tr '\\0' '\\n' < /proc/$(" + pid + ")/cmdline").text;
        EXPECT_NE(arguments.find("--requestheader-allowed-names=aggregator,demo.pks.ik.am\n"), std::string::npos);
    }
    EXPECT_EQ(lab.allowed_names(), R"(["aggregator","demo.pks.ik.am"])");
    EXPECT_EQ(lab.get(balancer, catalog, "dev").status,
              is_old() ? 401 : 503);  // it reads the ConfigMap once, at its start
    EXPECT_TRUE(lab.eventually(balancer, flunders, "dev", 200));
    restart_pods(lab);
    for (const auto& master : lab.world().masters)
        EXPECT_TRUE(lab.eventually(master.address, catalog, "dev", 200)) << master.name;
}

TEST_P(Lab, LeavesNothingBehind) {
    std::filesystem::path directory;
    {
        const LabUnderTest lab(options_with({"--masters", "1"}));
        directory = lab.directory();
        EXPECT_EQ(lab.get(master_0, catalog, "dev").status, 200);
    }
    EXPECT_EQ(leftovers(directory), std::vector<std::string>{});
}

INSTANTIATE_TEST_SUITE_P(Fleet, Lab,
                         testing::Values(Kind{"1.20", "debian"}, Kind{"1.20", "5.2.5"}, Kind{"1.11", "debian"},
                                         Kind{"1.11", "5.2.5"}),
                         [](const auto& item) {
                             return std::string(item.param.generation[3] == '1' ? "K111" : "K120") +
                                    (item.param.monit[0] == 'd' ? "Debian" : "Monit525");
                         });

// Breaks and faults that are told apart from outside; 1.20 is enough for them.
class Breaks : public testing::Test {
  protected:
    void SetUp() override {
        if (const auto reason = why_no_lab(); !reason.empty()) GTEST_SKIP() << "NOT RUN: " << reason;
    }
};

TEST_F(Breaks, ThatChangeWhileTheLabRuns) {
    const LabUnderTest lab({"--masters", "2"});
    ASSERT_TRUE(lab.eventually(master_0, catalog, "dev", 200));
    lab.command({"set", "no-backend=all"});
    EXPECT_TRUE(wait_until(
        [&] {
            return condition_of(lab, "v1beta1.servicecatalog.k8s.io")
                .ends_with("have no addresses with port name \"secure\"");
        },
        std::chrono::seconds(20)));
    lab.command({"set", "no-backend="});
    ASSERT_TRUE(lab.eventually(master_0, catalog, "dev", 200));
    lab.command({"set", "extension-down=all"});
    EXPECT_TRUE(wait_until(
        [&] { return condition_of(lab, "v1beta1.servicecatalog.k8s.io").ends_with("connect: connection refused"); },
        std::chrono::seconds(20)));
    lab.command({"set", "extension-down="});
    ASSERT_TRUE(lab.eventually(master_0, catalog, "dev", 200));
    lab.command({"break", "bad-ca-bundle"});
    EXPECT_TRUE(wait_until([&] { return lab.get(master_0, catalog, "dev").body == model::untrusted_body; },
                           std::chrono::seconds(20)));
    lab.command({"heal"});
    ASSERT_TRUE(lab.eventually(master_0, catalog, "dev", 200));
    lab.command({"break", "cn-not-allowed"});
    EXPECT_TRUE(lab.eventually(master_0, catalog, "dev", 503));
}

TEST_F(Breaks, SeparateClientCaRejectsEverybody) {
    const LabUnderTest lab({"--masters", "1", "--break", "separate-ca"});
    expect_as_recorded(lab.get(master_0, catalog, "admin"), "cn-not-allowed-separate-client-ca/discovery.http");
    expect_as_recorded(lab.get(master_0, "/apis/wardle.example.com/v1alpha1", "admin"),
                       "cn-not-allowed-separate-client-ca/discovery.wardle.http");
}

TEST_F(Breaks, OneBadMasterMakesTheGoodOnesFlap) {
    const LabUnderTest lab({"--masters", "2", "--break", "one-master-differs"});
    std::set<int> good, bad;
    const auto both_seen = [&] {
        good.insert(lab.get(master_0, flunders, "dev").status);
        bad.insert(lab.get("10.77.0.12", flunders, "dev").status);
        return good == std::set{200, 503} && bad == std::set{401, 503};
    };
    EXPECT_TRUE(wait_until(both_seen, std::chrono::seconds(60)));
}

TEST_F(Breaks, AMasterThatDoesNotComeBackStaysAway) {
    const LabUnderTest lab({"--masters", "2", "--break", "failing-restart"});
    lab.ssh("master/0", "sudo -n /var/vcap/bosh/bin/monit restart kube-apiserver");
    EXPECT_TRUE(
        wait_until([&] { return lab.get(master_0, "/readyz", "admin").status == 0; }, std::chrono::seconds(30)));
    lab.command({"set", "master/0", "start="});
    EXPECT_TRUE(lab.eventually(master_0, "/readyz", "admin", 200));
}

}  // namespace
}  // namespace aggmedic::lab
