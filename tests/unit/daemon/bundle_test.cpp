#include "daemon/bundle.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "daemon/cli/render.hpp"
#include "daemon/tar.hpp"
#include "probes/track.hpp"
#include "tests/unit/probes/recording.hpp"

namespace aggmedic::daemon {
namespace {

using nlohmann::json;
using testing::HasSubstr;
namespace recording = probes::recording;

Moment moment_of(const std::string& folder, bool ssh = true) {
    Moment moment;
    moment.observation = recording::load(folder, {.ssh = ssh, .as = recording::As::dev});
    moment.at = recording::now();
    moment.platform = "bosh";
    moment.plannable = ssh;
    return moment;
}

std::string explain_text(const Moment& moment) {
    return cli::render_explain({{"clusters", json::array({explained(moment)})}}, {});
}

class BundleOf : public testing::TestWithParam<const char*> {};
TEST_P(BundleOf, ReplaysWithoutANetworkAsItWasExplained) {
    for (const bool ssh : {true, false}) {
        const auto moment = moment_of(GetParam(), ssh);
        const auto packed = pack(moment);
        ASSERT_TRUE(packed) << packed.error().detail;
        const auto read = unpack(*packed);
        ASSERT_TRUE(read) << read.error().detail;
        EXPECT_EQ(explained(*read), explained(moment));
        EXPECT_EQ(explain_text(*read), explain_text(moment));
        EXPECT_EQ(read->observation, moment.observation);
    }
}
INSTANTIATE_TEST_SUITE_P(Recordings, BundleOf,
                         testing::Values("healthy", "cn-not-allowed", "cn-not-allowed-separate-client-ca",
                                         "proxy-cert-expired", "proxy-cert-no-masters", "no-endpoints",
                                         "bad-ca-bundle"),
                         [](const auto& test) {
                             std::string name = test.param;
                             std::erase(name, '-');
                             return name;
                         });

TEST(Bundle, TheSameMomentGivesTheSameBytes) {
    const auto moment = moment_of("cn-not-allowed");
    const auto once = pack(moment);
    ASSERT_TRUE(once);
    EXPECT_EQ(*once, *pack(moment));
    EXPECT_EQ(*once, *pack(*unpack(*once)));
}

TEST(Bundle, HoldsItsEntriesInOrderAndWithoutATime) {
    const auto packed = pack(moment_of("healthy"));
    ASSERT_TRUE(packed);
    const auto entries = read_tar(*packed);
    ASSERT_TRUE(entries);
    std::vector<std::string> names;
    for (const auto& [name, bytes] : *entries) names.push_back(name);
    EXPECT_THAT(names, testing::ElementsAre("findings.json", "moment.json", "observation.json", "versions.json"));
    EXPECT_EQ(packed->substr(136, 11), "00000000000");  // mtime of the first header
    EXPECT_EQ(json::parse(entries->at("versions.json"))["aggmedic"], AGGMEDIC_VERSION);
}

TEST(Bundle, CarriesWhatTheCyclesKnew) {
    auto moment = moment_of("cn-not-allowed");
    const auto first = explained(moment)["findings"][0];
    probes::Finding finding;
    finding.cause = first["cause"];
    finding.master = first["master"].is_null() ? "" : first["master"];
    finding.apiservice = first["apiservice"].is_null() ? "" : first["apiservice"];
    moment.since[probes::key(finding)] = *from_rfc3339("2026-11-01T00:00:00Z");
    probes::AttemptHistory history;
    history.cycles.push_back({.discovery = {{"m0", {.failed = 1, .total = 5}}}, .lists = {}});
    moment.over_time = {probes::intermittent_finding("v1.a.example", history)};
    const auto read = unpack(*pack(moment));
    ASSERT_TRUE(read) << read.error().detail;
    const auto again = explained(*read);
    EXPECT_EQ(again, explained(moment));
    EXPECT_THAT(again["findings"][0]["since"].get<std::string>(), HasSubstr("2026-11-01"));
    EXPECT_EQ(again["findings"].back()["cause"], "intermittent");
}

TEST(Bundle, WhatIsNoneIsRefusedWithASentence) {
    EXPECT_FALSE(unpack(""));
    EXPECT_FALSE(unpack("no tar at all"));
    EXPECT_THAT(unpack(*write_tar({{"other", "x"}})).error().detail, HasSubstr("no observation.json"));
    auto entries = *read_tar(*pack(moment_of("healthy")));
    auto observation = json::parse(entries["observation.json"]);
    observation.erase("caller");
    entries["observation.json"] = observation.dump();
    EXPECT_THAT(unpack(*write_tar(entries)).error().detail, HasSubstr("was written by aggmedic"));
    const auto whole = *pack(moment_of("healthy"));
    for (std::size_t size = 0; size < whole.size(); size += 997) static_cast<void>(unpack(whole.substr(0, size)));
}

}  // namespace
}  // namespace aggmedic::daemon
