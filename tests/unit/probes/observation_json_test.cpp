#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "probes/diagnose.hpp"
#include "probes/observation.hpp"
#include "random_observation.hpp"
#include "recording.hpp"

namespace aggmedic::probes {

namespace {

using nlohmann::json;
using testing::HasSubstr;

// All places of a document, as JSON pointers.
std::vector<json::json_pointer> places(const json& document) {
    std::vector<json::json_pointer> found;
    const auto flat = document.flatten();
    for (const auto& [pointer, value] : flat.items()) found.emplace_back(pointer);
    return found;
}

}  // namespace

TEST(ObservationJson, RoundTripsWhateverWasSeen) {
    for (std::uint64_t seed = 0; seed < 300; ++seed) {
        std::mt19937_64 random(seed);
        const auto observation = random_observation(random);
        const auto read = parse_observation(to_json(observation).dump());
        ASSERT_TRUE(read) << "seed " << seed << ": " << read.error().detail;
        ASSERT_TRUE(*read == observation) << "seed " << seed;
    }
}

TEST(ObservationJson, RecordingsRoundTripAndReplay) {
    const auto observation = recording::load("cn-not-allowed", {.ssh = true, .as = recording::As::dev});
    const auto read = parse_observation(to_json(observation).dump());
    ASSERT_TRUE(read) << read.error().detail;
    EXPECT_EQ(*read, observation);
    EXPECT_EQ(diagnose(*read, recording::now()), diagnose(observation, recording::now()));
}

TEST(ObservationJson, ARecordOfAnOlderVersionReadsAsNotAsked) {
    auto document = to_json(recording::load("healthy", {.ssh = true, .as = recording::As::admin}));
    document.erase("workloads");
    document["apiservers"][0].erase("anonymous");
    document["apiservers"][0]["apiservices"]["seen"][0].erase("ca_bundle");
    document["masters"][0][1]["seen"].erase("proxy_environment");
    const auto read = parse_observation(document.dump());
    ASSERT_TRUE(read) << read.error().detail;
    EXPECT_TRUE(read->workloads.empty());
    EXPECT_EQ(read->apiservers[0].anonymous.why().reason, "not-asked");
    EXPECT_EQ(read->apiservices()->at(0).ca_bundle.why().reason, "not-asked");
    EXPECT_EQ((*read->masters.begin()->second).proxy_environment.why().reason, "not-asked");
}

TEST(ObservationJson, ATamperedDocumentIsRefusedByTheNameOfItsKey) {
    auto document = to_json(recording::load("healthy", {.ssh = true, .as = recording::As::admin}));
    const auto fault = [&](const std::string& pointer, const json& value) {
        auto tampered = document;
        tampered[json::json_pointer(pointer)] = value;
        return parse_observation(tampered.dump()).error().detail;
    };
    EXPECT_THAT(fault("/cluster", 7), HasSubstr("observation.cluster"));
    EXPECT_THAT(fault("/apiservers/0/readyz/seen/status", "200"), HasSubstr("apiservers[0].readyz.seen.status"));
    EXPECT_THAT(fault("/apiservers/0/readyz/seen/status", -1), HasSubstr("out of range"));
    EXPECT_THAT(fault("/apiservers/0/readyz/seen/status", 1e300), HasSubstr("no whole number"));
    EXPECT_THAT(fault("/apiservers/0/readyz/seen/staus", 1), HasSubstr("staus is not known"));
    EXPECT_THAT(fault("/masters", json::object()), HasSubstr("observation.masters"));
    auto missing = document;
    missing["apiservers"][0].erase("control");
    EXPECT_THAT(parse_observation(missing.dump()).error().detail, HasSubstr("apiservers[0].control is missing"));
    EXPECT_FALSE(parse_observation(""));
    EXPECT_FALSE(parse_observation("[]"));
    EXPECT_FALSE(parse_observation(document.dump().substr(0, 1000)));
}

TEST(ObservationJson, NoTamperingCrashes) {
    std::mt19937_64 random(7);
    const json values[] = {nullptr,        true,           -1,           1e300, "text", json::array(),
                           json::object(), {{"b64", "%"}}, {{"seen", 1}}};
    const auto document = to_json(random_observation(random));
    for (const auto& place : places(document)) {
        for (const auto& value : values) {
            auto tampered = document;
            tampered[place] = value;
            const auto read = parse_observation(tampered.dump());
            if (!read) EXPECT_EQ(read.error().code, Errc::malformed_reply);
        }
    }
}

}  // namespace aggmedic::probes
