#include "remediate/plan.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>

#include "planned.hpp"
#include "probes/diagnose.hpp"

namespace aggmedic::remediate {
namespace {

using testing::ElementsAre;

TEST(Plan, AddsOneNameOnEveryMaster) {
    const FakeCluster cluster;
    const auto plan = planned(cluster);
    ASSERT_FALSE(plan.refused()) << all_text(plan.refusals);
    ASSERT_EQ(plan.masters.size(), 3U);
    EXPECT_EQ(plan.common_name, demo_cn);
    EXPECT_THAT(plan.names_before, ElementsAre("aggregator"));
    EXPECT_THAT(plan.names_after, ElementsAre("aggregator", demo_cn));
    EXPECT_EQ(plan.masters[0].name, "m0");
    EXPECT_EQ(plan.masters[0].argument_before, "--requestheader-allowed-names=aggregator");
    EXPECT_EQ(plan.masters[0].argument_after, "--requestheader-allowed-names=aggregator,demo.pks.ik.am");
    EXPECT_EQ(plan.id, content_id(plan));
    EXPECT_NE(plan.masters[0].arguments_sha256, plan.masters[0].arguments_sha256_after);
}

TEST(Plan, IsTheSameForTheSameInputAndReadsBack) {
    const FakeCluster cluster;
    const auto plan = planned(cluster);
    EXPECT_EQ(plan, planned(cluster));
    const auto read = parse_plan(to_json(plan).dump());
    ASSERT_TRUE(read.has_value()) << read.error().detail;
    EXPECT_EQ(*read, plan);
}

TEST(Plan, AnotherContentIsAnotherPlan) {
    const FakeCluster cluster;
    auto json = to_json(planned(cluster));
    json["masters"][0]["sha256_after"] = std::string(64, '0');
    const auto read = parse_plan(json.dump());
    ASSERT_FALSE(read.has_value());
    EXPECT_THAT(read.error().detail, testing::HasSubstr("digest"));
    for (const char* broken : {"", "[]", "{}", "{\"id\":null}", "null"})
        EXPECT_FALSE(parse_plan(broken).has_value()) << broken;
}

FakeCluster healthy_cluster() {
    FakeCluster cluster;
    cluster.published_names = {"aggregator", demo_cn};
    cluster.apis[0].known = cluster.published_names;
    for (auto& master : cluster.masters) {
        auto bytes = master.bytes;
        bytes.replace(bytes.find("names=aggregator"), 16, "names=aggregator,demo.pks.ik.am");
        master.bytes = bytes;
        for (auto& word : master.arguments) {
            if (word == "--requestheader-allowed-names=aggregator") word += ",demo.pks.ik.am";
        }
    }
    return cluster;
}

TEST(Plan, IsEmptyWhereNothingIsWrong) {
    const auto plan = make_plan(healthy_cluster().input());
    EXPECT_TRUE(plan.empty()) << all_text(plan.refusals);
    EXPECT_EQ(plan.id, "");
    EXPECT_TRUE(to_json(plan)["id"].is_null());
}

TEST(Plan, NothingToDoNeedsEveryApiToBeKnown) {
    const auto cluster = healthy_cluster();
    auto unread = cluster.input();
    for (auto& each : unread.observation.apiservers) each.apiservices = probes::Unobserved{};
    auto left_out = cluster.input();
    left_out.observation.apiservers[0].apiservices_left_out = 1;
    auto silent = cluster.input();
    silent.observation.apiservers[2].attempts.clear();
    for (auto* input : {&unread, &left_out, &silent}) {
        input->assessment = probes::diagnose(input->observation, input->now);
        EXPECT_THAT(gates(make_plan(*input).refusals), testing::Contains("aggregated-apis-known demo"));
    }
}

TEST(Plan, LeavesAMasterAloneThatCarriesTheName) {
    FakeCluster cluster;
    auto& repaired = cluster.master("m1");
    repaired.bytes.replace(repaired.bytes.find("names=aggregator"), 16, "names=aggregator,demo.pks.ik.am");
    for (auto& word : repaired.arguments) {
        if (word == "--requestheader-allowed-names=aggregator") word += ",demo.pks.ik.am";
    }
    cluster.published_names.emplace_back(demo_cn);
    cluster.apis[0].known = cluster.published_names;
    const auto plan = planned(cluster);
    ASSERT_FALSE(plan.refused()) << all_text(plan.refusals);
    ASSERT_EQ(plan.masters.size(), 2U);
    ASSERT_EQ(plan.untouched.size(), 1U);
    EXPECT_EQ(plan.untouched[0].name, "m1");
    EXPECT_EQ(plan.names_after, plan.names_before);
}

TEST(Plan, ASharedCaNeedsAnAcceptanceOfThisCaThisNameAndThisTime) {
    const FakeCluster cluster;
    auto input = cluster.input();
    const auto good = accepted_shared_ca(input, "configuration");
    const auto refused_with = [&](AcceptedRisk risk) {
        input.accepted = {std::move(risk)};
        const auto plan = make_plan(input);
        EXPECT_EQ(plan.id.empty(), plan.refused());
        return plan.refused();
    };
    EXPECT_FALSE(refused_with(good));
    auto other = good;
    other.cn = "aggregator";
    EXPECT_TRUE(refused_with(other));
    other = good;
    other.ca_sha256 = std::string(64, '0');
    EXPECT_TRUE(refused_with(other));
    other = good;
    other.until = input.now;
    EXPECT_TRUE(refused_with(other));
    other = good;
    other.until.reset();
    EXPECT_TRUE(refused_with(other));
    other.by = "uid=1000";
    EXPECT_FALSE(refused_with(other));
    EXPECT_TRUE(refused_with({}));
}

TEST(Plan, ASeparateCaNeedsNoAcceptance) {
    FakeCluster cluster;
    cluster.shared_ca = false;
    const auto plan = make_plan(cluster.input());
    EXPECT_FALSE(plan.refused()) << all_text(plan.refusals);
}

TEST(Plan, ASingleMasterIsARiskOfItsOwn) {
    const FakeCluster cluster(1);
    auto input = accepted(cluster);
    EXPECT_THAT(gates(make_plan(input).refusals), ElementsAre("single-master demo"));
    input.accepted.push_back({.id = "single-master", .ca_sha256 = {}, .cn = {}, .until = {}, .by = "uid=0"});
    const auto plan = make_plan(input);
    EXPECT_FALSE(plan.refused()) << all_text(plan.refusals);
    EXPECT_EQ(plan.accepted.size(), 2U);
}

TEST(Plan, AMaskedIdentityIsARisk) {
    FakeCluster cluster;
    cluster.apis[0].trusts_client_ca = true;
    const auto plan = planned(cluster);
    ASSERT_FALSE(plan.refused()) << all_text(plan.refusals);
    EXPECT_TRUE(std::ranges::any_of(plan.risks, [](const Risk& risk) { return risk.id == "masked-identity-ends"; }));
    EXPECT_EQ(plan.baseline[0].state, "masked");
    EXPECT_EQ(plan.baseline[0].proven_by, "flow-schemas");
}

// --- staleness
// ----------------------------------------------------------------------------------------------------------

struct Move {
    const char* name;
    std::function<void(FakeCluster&)> cluster;
    std::function<void(PlanInput&)> input;
};
void PrintTo(const Move& each, std::ostream* out) {
    *out << each.name;
}
class Stale : public testing::TestWithParam<Move> {};

TEST_P(Stale, Refuses) {
    FakeCluster cluster;
    const auto plan = planned(cluster);
    ASSERT_FALSE(plan.id.empty());
    ASSERT_EQ(all_text(stale(plan, cluster.input())), "");
    if (GetParam().cluster) GetParam().cluster(cluster);
    auto input = cluster.input();
    if (GetParam().input) GetParam().input(input);
    const auto moved = stale(plan, input);
    ASSERT_FALSE(moved.empty());
    EXPECT_EQ(moved.front().gate, "stale") << all_text(moved);
}
INSTANTIATE_TEST_SUITE_P(
    Each, Stale,
    testing::Values(
        Move{"OneByte", [](FakeCluster& c) { c.master("m2").bytes += "\n"; }, {}},
        Move{"TheOwner", [](FakeCluster& c) { c.master("m1").owner = "vcap"; }, {}},
        Move{"TheMode", [](FakeCluster& c) { c.master("m1").mode = "0600"; }, {}},
        Move{"ANewProcess", [](FakeCluster& c) { c.master("m1").start_ticks += 1; }, {}},
        Move{"OtherArguments", [](FakeCluster& c) { c.master("m1").arguments.emplace_back("--x=1"); }, {}},
        Move{"AReboot", [](FakeCluster& c) { c.master("m1").boot = "another"; }, {}},
        Move{"ANewCertificate",
             [](FakeCluster& c) { c.master("m1").proxy_pem = fixture("recorded/pki/client-impostor.pem"); },
             {}},
        Move{"ANewConfigMap", [](FakeCluster& c) { ++c.resource_version; }, {}},
        Move{"ANewMaster",
             [](FakeCluster& c) {
                 c.masters.push_back(c.masters[0]);
                 c.masters.back().name = "m3";
             },
             {}},
        Move{"AMissingMaster", [](FakeCluster& c) { c.masters.pop_back(); }, {}},
        Move{"Time", [](FakeCluster& c) { c.elapsed += std::chrono::minutes(15); }, {}},
        Move{"AClockThatWentBack", [](FakeCluster& c) { c.elapsed -= std::chrono::minutes(1); }, {}},
        Move{"AnotherConfiguration", {}, [](PlanInput& in) { in.configuration_sha256 = std::string(64, 'd'); }},
        Move{"AnotherCluster", {}, [](PlanInput& in) { in.observation.cluster = "other"; }},
        Move{"AnUnreadMaster", {}, [](PlanInput& in) { in.observation.masters["m1"] = probes::Unobserved{}; }}),
    [](const auto& param) { return std::string(param.param.name); });

TEST(Stale, ANewAggregatedApiHasNoBaseline) {
    FakeCluster cluster;
    auto plan = planned(cluster);
    cluster.apis.push_back({.name = "v1beta1.metrics.k8s.io", .known = {"aggregator"}});
    EXPECT_THAT(gates(stale(plan, cluster.input())), ElementsAre("stale demo"));
    plan.baseline.clear();
    EXPECT_THAT(gates(stale(plan, FakeCluster().input())), ElementsAre("stale demo"));
}
TEST(Stale, AsksTheGatesAgain) {
    FakeCluster cluster;
    const auto plan = planned(cluster);
    cluster.master("m1").ready = false;
    EXPECT_THAT(gates(stale(plan, cluster.input())), testing::Contains("master-ready m1"));
}
TEST(Stale, AnAcceptanceOfTheConfigurationHasToHoldStill) {
    const FakeCluster cluster;
    auto input = cluster.input();
    input.accepted = {accepted_shared_ca(input, "configuration")};
    const auto plan = make_plan(input);
    ASSERT_FALSE(plan.refused());
    EXPECT_TRUE(stale(plan, input).empty());
    EXPECT_THAT(gates(stale(plan, cluster.input())), ElementsAre(testing::StartsWith("shared-ca ")));
}

// --- golden
// ---------------------------------------------------------------------------------------------------------------

// A change of a plan's words or fields shows as a diff that a person reads. AGGMEDIC_WRITE_GOLDEN=1 writes them anew.
void compare_golden(const std::string& name, const Plan& plan) {
    const std::string file = std::string(AGGMEDIC_FIXTURES) + "/plans/" + name + ".json";
    auto json = to_json(plan);
    json.erase("findings");  // their words are the probes', and the id digests them
    if (json["id"].is_string()) json["id"] = "the digest of the content";
    const std::string now = json.dump(2) + "\n";
    if (std::getenv("AGGMEDIC_WRITE_GOLDEN") != nullptr) std::ofstream(file) << now;
    EXPECT_EQ(fixture("plans/" + name + ".json"), now) << "plan " << name;
}
TEST(Golden, ThreeMastersWithASharedCa) {
    const FakeCluster cluster;
    compare_golden("three-masters-shared-ca", planned(cluster));
}
TEST(Golden, MaskedWithPodsToRestart) {
    FakeCluster cluster;
    cluster.apis[0].trusts_client_ca = true;
    auto input = accepted(cluster);
    input.after_repair = {{.namespace_ = "catalog", .selector = "release=catalog"}};
    cluster.verify_status = 200;
    input.verify_requests = {{.get = "/apis/servicecatalog.k8s.io/v1beta1/clusterserviceclasses"}};
    cluster.try_requests(input.verify_requests);
    compare_golden("masked-with-pods", make_plan(input));
}
TEST(Golden, Refused) {
    FakeCluster cluster;
    cluster.master("m1").other_service = "Does not exist";
    compare_golden("refused", make_plan(cluster.input()));
}

TEST(MakePlan, TellsThatAMasterChangedLatelyWhereMastersAreRestarted) {
    FakeCluster cluster;
    auto input = cluster.input();
    input.accepted = {accepted_shared_ca(input)};
    const auto told = [&] {
        const auto plan = make_plan(input);
        EXPECT_FALSE(plan.refused());
        const auto found = std::ranges::find(plan.risks, "changed-lately", &Risk::id);
        return found == plan.risks.end() ? std::string() : found->text;
    };
    using std::chrono::minutes;
    input.quiet = minutes(15);
    EXPECT_THAT(told(), "");  // nobody saw a change
    input.what_changed = "m1: its arguments file";
    input.changed = input.now - minutes(14);
    EXPECT_THAT(told(), testing::HasSubstr("(m1: its arguments file)"));
    input.method = "configmap";
    input.has_repair_credential = true;
    EXPECT_THAT(told(), "");
    input.method = "args";
    input.changed = input.now - minutes(15);
    EXPECT_THAT(told(), "");
}

}  // namespace
}  // namespace aggmedic::remediate
