#include "tests/model/availability.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/unit/model/recorded.hpp"

namespace aggmedic::model {

// For gtest, which looks beside the type.
void PrintTo(const Condition& condition, std::ostream* out) {
    *out << condition.available << " " << condition.reason << " " << condition.message;
}

namespace {

constexpr Generation newer{20}, older{11};
const CheckedService catalog{.name_space = "catalog",
                             .name = "catalog-catalog-apiserver",
                             .address = "10.88.0.20:8443",
                             .group = "servicecatalog.k8s.io",
                             .version = "v1beta1"};
const CheckedService wardle{.name_space = "wardle",
                            .name = "api",
                            .address = "10.88.0.20:9443",
                            .group = "wardle.example.com",
                            .version = "v1alpha1"};

Condition recorded_condition(const std::string& file) {
    const auto condition = nlohmann::json::parse(recorded::text("recorded/" + file))["status"]["conditions"][0];
    return {condition["status"] == "True", condition["reason"], condition["message"]};
}

TEST(Availability, SaysWhatTheRecordedConditionsSay) {
    EXPECT_EQ(judge_availability(newer, catalog, Answered{401}), recorded_condition("cn-not-allowed/apiservice.json"));
    EXPECT_EQ(judge_availability(newer, wardle, Answered{200}),
              recorded_condition("cn-not-allowed/apiservice.wardle.json"));
    EXPECT_EQ(judge_availability(newer, catalog, ConnectionRefused{}),
              recorded_condition("extension-down/apiservice.json"));
    EXPECT_EQ(judge_availability(newer, wardle, ConnectionRefused{}),
              recorded_condition("extension-down/apiservice.wardle.json"));
    EXPECT_EQ(judge_availability(newer, catalog, NoAddresses{}), recorded_condition("no-endpoints/apiservice.json"));
    EXPECT_EQ(judge_availability(newer, wardle, NoAddresses{}),
              recorded_condition("no-endpoints/apiservice.wardle.json"));
}

TEST(Availability, AnyAnswerCountsBefore115) {
    EXPECT_EQ(judge_availability(older, catalog, Answered{401}),
              recorded_condition("cn-not-allowed.aggregator-1.11/apiservice.json"));
    EXPECT_TRUE(judge_availability({14}, catalog, Answered{500}).available);
    EXPECT_FALSE(judge_availability({15}, catalog, Answered{500}).available);
}

TEST(Availability, AnUnreachableServerIsUnavailableInEveryGeneration) {
    EXPECT_FALSE(judge_availability(older, catalog, ConnectionRefused{}).available);
    EXPECT_TRUE(judge_availability(older, catalog, ConnectionRefused{})
                    .message.starts_with("no response from https://10.88.0.20:8443"));
}

TEST(Availability, CountsEndpointSlicesFrom134On) {
    EXPECT_EQ(
        judge_availability({33}, catalog, NoAddresses{}).message,
        "endpoints for service/catalog-catalog-apiserver in \"catalog\" have no addresses with port name \"secure\"");
    EXPECT_EQ(judge_availability({34}, catalog, NoAddresses{}).message,
              "endpointslices for service/catalog-catalog-apiserver in \"catalog\" have no addresses with port name "
              "\"secure\"");
}

TEST(Availability, AServiceThatIsGoneHasAReasonOfItsOwn) {
    EXPECT_EQ(judge_availability(newer, catalog, ServiceMissing{}),
              (Condition{false, "ServiceNotFound", "service/catalog-catalog-apiserver in \"catalog\" is not present"}));
}

TEST(Availability, RepeatsTheWordsOfAConnectionThatBroke) {
    EXPECT_TRUE(judge_availability(newer, catalog, Broken{"Forbidden"}).message.ends_with("v1beta1\": Forbidden"));
    EXPECT_TRUE(
        judge_availability(older, catalog, Broken{"Forbidden"}).message.ends_with("10.88.0.20:8443: Forbidden"));
}

TEST(Availability, BodiesAreTheRecordedOnes) {
    EXPECT_EQ(unreachable_body(catalog), recorded::answer("recorded/extension-down.window/discovery.http").body);
    EXPECT_EQ(std::string(untrusted_body), recorded::answer("recorded/bad-ca-bundle/discovery.http").body);
    EXPECT_EQ(std::string(unavailable_body), recorded::answer("recorded/extension-down/discovery.http").body);
}

}  // namespace
}  // namespace aggmedic::model
