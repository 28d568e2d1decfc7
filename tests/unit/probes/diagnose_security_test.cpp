#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "disturbed.hpp"
#include "probes/causes/lasting_fix.hpp"
#include "structural_breaks.hpp"

namespace aggmedic::probes {

namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::vector<std::string> security_of(const Observation& observation) {
    std::vector<std::string> found;
    for (const auto& finding : judge_with_security(observation).findings) {
        if (finding.finding_class == FindingClass::security) found.push_back(finding.cause);
    }
    return found;
}

const Finding& only(const Assessment& assessment, const std::string& cause) {
    static const Finding none;
    const auto at = std::ranges::find(assessment.findings, cause, &Finding::cause);
    EXPECT_NE(at, assessment.findings.end()) << cause;
    return at == assessment.findings.end() ? none : *at;
}

}  // namespace

TEST(Security, ASharedCaIsNamedAndTheClusterStaysHealthy) {
    for (const bool ssh : {true, false}) {
        const auto observation = healthy(ssh, recording::As::dev);
        EXPECT_THAT(security_of(observation), ElementsAre("shared-ca"));
        EXPECT_EQ(state_of(judge_with_security(observation)), ClusterState::healthy);
    }
    EXPECT_THAT(security_of(healthy_with_separate_cas()), IsEmpty());
}

TEST(Security, AnEmptyListUnderASharedCaIsAnOpenDoorAndAStopOfTheNextUpgrade) {
    const auto observation = recording::load("allowed-names-empty", {.ssh = true, .as = recording::As::dev});
    EXPECT_THAT(security_of(observation), ElementsAre("apiserver-refuses-start", "open-door"));
    EXPECT_EQ(state_of(judge_with_security(observation)), ClusterState::healthy);
    const auto without = recording::load("allowed-names-empty", {.ssh = false, .as = recording::As::dev});
    EXPECT_THAT(security_of(without), ElementsAre("open-door"));
}

TEST(Security, AnEmptyNameAmongTheOthersIsSaid) {
    auto observation = healthy();
    for (auto& apiserver : observation.apiservers) {
        if (apiserver.published) apiserver.published->allowed_names->push_back("");
    }
    const auto assessment = judge_with_security(observation);
    EXPECT_THAT(only(assessment, "shared-ca").evidence,
                Contains(testing::Field(&Evidence::fact, HasSubstr("without CN"))));
}

TEST(Security, AMasterThatDidNotStartUnder135IsAFault) {
    auto observation = healthy();
    observation.masters.at("m0")->start_faults = std::vector<std::string>{"ca-overlap"};
    const auto assessment = judge(observation);
    ASSERT_THAT(causes_of(assessment), ElementsAre("apiserver-refuses-start"));
    EXPECT_EQ(assessment.findings[0].severity, Severity::critical);
    EXPECT_EQ(assessment.findings[0].master, "m0");
}

TEST(Security, NamesAndCasThatNoMasterExplainsAreSaid) {
    auto observation = healthy_with_separate_cas();
    published(observation).allowed_names->emplace_back("left-behind");
    auto& authorities = published(observation).requestheader_ca;
    authorities.push_back(recording::certificates("pki/other_ca.pem")[0]);
    const auto assessment = judge_with_security(observation);
    const auto& finding = only(assessment, "unexplained-trust");
    ASSERT_EQ(finding.evidence.size(), 2U);
    EXPECT_THAT(finding.evidence[0].fact, HasSubstr("left-behind"));
    EXPECT_THAT(finding.evidence[1].fact, HasSubstr("other-ca"));
    EXPECT_EQ(state_of(assessment), ClusterState::healthy);
}

TEST(Security, AConfigMapThatAloneHoldsTheNameInUseIsSaidToBe) {
    auto observation = healthy_with_separate_cas();
    set_live_names(*observation.masters.at("m0"), "aggregator");
    const auto assessment = judge_with_security(observation);
    const auto& finding = only(assessment, "unexplained-trust");
    ASSERT_EQ(finding.evidence.size(), 2U);
    EXPECT_THAT(finding.evidence[1].fact, HasSubstr("only until the ConfigMap is built anew"));
}

namespace {

constexpr TimePoint unpacked{std::chrono::hours(500'000)};

// A BOSH master that allows what it presents, with the file written so long after the job was unpacked.
Observation added_on_vm(std::chrono::seconds later, bool script = false) {
    auto observation = healthy_with_separate_cas();
    auto& master = *observation.masters.at("m0");
    const auto common_name = digest(observation, recording::now()).read.at(0).leaf.common_name;
    master.platform = "bosh";
    master.permanent_fix_present = script;
    master.file_arguments->flags["requestheader-allowed-names"] = {"aggregator," + common_name};
    master.args_file.modified = unpacked - std::chrono::hours(1) + later;
    master.unpacked_job = UnpackedJob{.files = 9,
                                      .oldest_change = unpacked,
                                      .newest_modified = unpacked - std::chrono::hours(1),
                                      .file_changed = unpacked + later};
    return observation;
}

std::optional<bool> permanent(const Observation& observation) {
    return is_fix_permanent(digest(observation, recording::now()));
}

}  // namespace

TEST(LastingFix, ANameWrittenAfterTheJobWasUnpackedIsOnlyOnTheVm) {
    const auto observation = added_on_vm(std::chrono::hours(30));
    const auto assessment = judge_with_security(observation);
    const auto& finding = only(assessment, "fix-only-on-vm");
    EXPECT_EQ(finding.severity, Severity::warning);
    EXPECT_EQ(finding.confidence, Confidence::probable);
    EXPECT_EQ(finding.master, "m0");
    EXPECT_EQ(state_of(assessment), ClusterState::healthy);
    EXPECT_EQ(permanent(observation), false);
}

TEST(LastingFix, WhatBoshUnpackedOrAScriptRepeatsLasts) {
    EXPECT_THAT(security_of(added_on_vm(std::chrono::seconds(0))), IsEmpty());
    EXPECT_EQ(permanent(added_on_vm(std::chrono::seconds(0))), true);
    EXPECT_THAT(security_of(added_on_vm(std::chrono::hours(30), true)), IsEmpty());
    EXPECT_EQ(permanent(added_on_vm(std::chrono::hours(30), true)), true);
}

TEST(LastingFix, TimesThatDoNotTellAreUnknown) {
    auto copied_back = added_on_vm(std::chrono::seconds(0));  // as `cp -p` does
    copied_back.masters.at("m0")->unpacked_job->file_changed = unpacked + std::chrono::hours(5);
    auto no_times = added_on_vm(std::chrono::hours(30));
    no_times.masters.at("m0")->unpacked_job = Unobserved{};
    auto unread = added_on_vm(std::chrono::seconds(0));
    unread.masters["m1"] = Unobserved{.reason = "timeout", .detail = ""};
    auto elsewhere = added_on_vm(std::chrono::hours(30));
    elsewhere.masters.at("m0")->platform = "kubeadm";
    for (const auto& observation : {copied_back, no_times, unread, elsewhere}) {
        EXPECT_EQ(permanent(observation), std::nullopt);
        EXPECT_THAT(security_of(observation), IsEmpty());
    }
}

TEST(LastingFix, IsNoQuestionWhereOnePlatformsNameFits) {
    auto observation = added_on_vm(std::chrono::hours(30));
    auto& flags = observation.masters.at("m0")->file_arguments->flags;
    const auto common_name = digest(observation, recording::now()).read.at(0).leaf.common_name;
    flags["requestheader-allowed-names"] = {common_name};
    EXPECT_EQ(permanent(observation), std::nullopt);
    flags["requestheader-allowed-names"] = {"aggregator"};
    EXPECT_EQ(permanent(observation), false) << "nothing on the VM would add it";
    EXPECT_THAT(security_of(observation), testing::Not(Contains("fix-only-on-vm")));
}

TEST(Security, NothingIsUnexplainedWhileAMasterIsUnread) {
    auto observation = healthy_with_separate_cas();
    published(observation).allowed_names->emplace_back("left-behind");
    observation.masters["m1"] = Unobserved{.reason = "timeout", .detail = ""};
    EXPECT_THAT(security_of(observation), IsEmpty());
}

TEST(Security, TheSeedsOwnNameIsSuperfluousOnceThePlatformsCertificateIsRight) {
    auto observation = healthy_with_separate_cas();
    use_proxy(*observation.masters.at("m0"), "proxy-aggregator.pem");
    EXPECT_THAT(security_of(observation), ElementsAre("superfluous-name"));
    EXPECT_THAT(only(judge_with_security(observation), "superfluous-name").evidence[0].fact,
                HasSubstr("demo.pks.ik.am"));
    EXPECT_EQ(state_of(judge_with_security(observation)), ClusterState::healthy);
}

TEST(Security, CertificatesAreAnnouncedAtThirtySevenAndOneDays) {
    auto observation = healthy_with_separate_cas();
    const auto ends = recording::certificates("pki/kubernetes.pem")[0].not_after;
    using std::chrono::days;
    using std::chrono::hours;
    const auto at = [&](TimePoint now) -> std::optional<Severity> {
        const auto assessment = diagnose(observation, now);
        const auto found = std::ranges::find(assessment.findings, "certificate-ends-soon", &Finding::cause);
        return found == assessment.findings.end() ? std::nullopt : std::optional(found->severity);
    };
    EXPECT_EQ(at(ends - days(31)), std::nullopt);
    EXPECT_EQ(at(ends - days(29)), Severity::info);
    EXPECT_EQ(at(ends - days(6)), Severity::warning);
    EXPECT_EQ(at(ends - hours(23)), Severity::critical);
    EXPECT_EQ(at(ends + hours(1)), std::nullopt);  // then it is the fault itself
}

TEST(Security, DoesNotStandInAPlansWay) {
    auto observation = healthy_with_separate_cas();
    published(observation).allowed_names->emplace_back("left-behind");
    EXPECT_THAT(causes_of(judge(observation)), IsEmpty());
}

TEST(Clocks, TheOneThatIsOffIsNamed) {
    auto observation = healthy();
    add_master(observation, "m1");
    add_master(observation, "m2");
    for (auto& apiserver : observation.apiservers) apiserver.clock_offset_ms = 400;
    EXPECT_THAT(judge(observation).findings, IsEmpty());
    observation.apiservers.back().clock_offset_ms = -3'600'000;
    const auto assessment = judge(observation);
    ASSERT_THAT(causes_of(assessment), ElementsAre("clock-skew"));
    EXPECT_EQ(assessment.findings[0].master, "m2");
    EXPECT_THAT(assessment.findings[0].evidence[0].fact, HasSubstr("behind"));
}

TEST(Clocks, OursMayBeTheOneThatIsOff) {
    auto observation = healthy();
    add_master(observation, "m1");
    add_master(observation, "m2");
    for (auto& apiserver : observation.apiservers) apiserver.clock_offset_ms = 600'000;
    const auto assessment = judge(observation);
    ASSERT_THAT(causes_of(assessment), ElementsAre("clock-skew"));
    EXPECT_EQ(assessment.findings[0].master, "");
    EXPECT_THAT(assessment.findings[0].evidence[0].fact, HasSubstr("this machine's"));
}

TEST(Clocks, OneAgainstOneBlamesNobody) {
    for (const std::int64_t offset : {3'600'000, -3'600'000}) {
        auto observation = healthy();
        for (auto& apiserver : observation.apiservers) apiserver.clock_offset_ms = offset;
        const auto assessment = judge(observation);
        ASSERT_THAT(causes_of(assessment), ElementsAre("clock-skew"));
        EXPECT_EQ(assessment.findings[0].master, "");
        EXPECT_THAT(assessment.findings[0].evidence[0].fact, HasSubstr("cannot be told"));
    }
}

TEST(Clocks, TheServerAddressHasOneToo) {
    auto observation = healthy(false);
    observation.apiservers.resize(1);
    observation.apiservers[0].clock_offset_ms = 3'600'000;
    const auto assessment = judge(observation);
    ASSERT_THAT(causes_of(assessment), ElementsAre("clock-skew"));
    EXPECT_THAT(assessment.findings[0].evidence[0].fact, HasSubstr("the server address"));
}

// This machine is ahead of everybody by more than the proxy-client certificate is good for.
Assessment judged_from_the_future(int masters, const char* state = "proxy-cert-expired") {
    auto observation = recording::load(state, {.ssh = true, .as = recording::As::admin});
    use_proxy(*observation.masters.at("m0"), "kubernetes.pem");
    for (int i = 1; i < masters; ++i) add_master(observation, "m" + std::to_string(i));
    const auto ends = recording::certificates("pki/kubernetes.pem")[0].not_after;
    const auto ahead = ends + std::chrono::hours(24) - recording::now();
    for (auto& apiserver : observation.apiservers)
        apiserver.clock_offset_ms = -std::chrono::duration_cast<std::chrono::milliseconds>(ahead).count();
    return diagnose(observation, recording::now() + ahead);
}

TEST(Clocks, OfTheMastersJudgeDatesWhereTheyAgree) {
    const auto causes = causes_of(judged_from_the_future(2));
    EXPECT_THAT(causes, testing::Contains("clock-skew"));
    EXPECT_THAT(causes, testing::Not(testing::Contains("proxy-cert-expired")));
    EXPECT_THAT(causes, testing::Not(testing::Contains("certificate-ends-soon")));
}

// The extension API servers go by a clock of their own, which may be ours: dates are looked at before names.
TEST(Clocks, OfMastersThatAgreeAgainstOursProveNoName) {
    int named = 0;
    for (const auto& finding : judged_from_the_future(2, "cn-not-allowed-separate-client-ca").findings) {
        if (finding.cause != "cn-not-allowed") continue;
        ++named;
        EXPECT_EQ(finding.confidence, Confidence::ambiguous);
        EXPECT_EQ(finding.allow_list, AllowList::wrong);
        EXPECT_THAT(finding.candidates, ElementsAre("cn-not-allowed", "clock-skew"));
    }
    EXPECT_GT(named, 0);
}

TEST(Clocks, ThatDisagreeMakeAnEndedCertificateAmbiguous) {
    int ended = 0;
    for (const auto& finding : judged_from_the_future(1).findings) {
        if (finding.cause == "proxy-cert-expired") {
            ++ended;
            EXPECT_EQ(finding.confidence, Confidence::ambiguous);
            EXPECT_THAT(finding.candidates, testing::Contains("clock-skew"));
        }
    }
    EXPECT_GT(ended, 0);
}

TEST(Published, AConfigMapWithoutItsKeysIsGone) {
    auto observation = healthy();
    published(observation) = PublishedAuth{};
    EXPECT_THAT(causes_of(judge(observation)), ElementsAre("auth-configmap-gone"));
}

TEST(Published, EachHeaderHasToBeTheOneThatKubeApiserverSends) {
    struct Row {
        std::vector<std::string> PublishedAuth::* key;
        std::vector<std::string> value;
        bool is_missing;
    };
    const std::vector<Row> rows{
        {&PublishedAuth::username_headers, {"x-remote-user"}, false},
        {&PublishedAuth::username_headers, {"X-Other", "X-Remote-User"}, false},
        {&PublishedAuth::username_headers, {"X-User"}, true},
        {&PublishedAuth::group_headers, {}, true},
        {&PublishedAuth::group_headers, {"X-Remote-User"}, true},
        {&PublishedAuth::extra_headers_prefixes, {"X-Extra-"}, true},
    };
    for (const auto& row : rows) {
        auto observation = healthy();
        published(observation).*row.key = row.value;
        const auto found = causes_of(judge(observation));
        EXPECT_EQ(found,
                  row.is_missing ? std::vector<std::string>{"header-names-missing"} : std::vector<std::string>{});
    }
}

TEST(ProxyFlags, OneOfTheTwoAloneIsATypo) {
    auto observation = healthy();
    observation.masters.at("m0")->process->arguments.flags.erase("proxy-client-cert-file");
    EXPECT_THAT(causes_of(judge(observation)), ElementsAre("flag-typo-or-key-mismatch"));
    auto mismatched = healthy();
    mismatched.masters.at("m0")->proxy_key_matches = false;
    EXPECT_THAT(causes_of(judge(mismatched)), ElementsAre("flag-typo-or-key-mismatch"));
    mismatched.masters.at("m0")->proxy_key_matches = true;
    EXPECT_THAT(causes_of(judge(mismatched)), IsEmpty());
}

}  // namespace aggmedic::probes
