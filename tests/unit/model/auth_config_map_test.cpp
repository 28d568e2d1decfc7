#include "tests/model/auth_config_map.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/unit/model/recorded.hpp"

namespace aggmedic::model {
namespace {

constexpr Generation newer{20}, older{11};
bool never_expired(std::string_view) {
    return false;
}

AuthPublication with_names(std::vector<std::string> names) {
    return {.client_ca_pem = recorded::text("recorded/pki/kubo_ca.pem"),
            .requestheader_ca_pem = recorded::text("recorded/pki/kubo_ca.pem"),
            .allowed_names = std::move(names),
            .username_headers = {"X-Remote-User"},
            .group_headers = {"X-Remote-Group"},
            .extra_prefixes = {"X-Remote-Extra-"}};
}

std::string names_after(Generation generation, std::optional<ConfigMapData> existing,
                        const std::vector<std::string>& own) {
    const auto published = publish(generation, existing, with_names(own), never_expired);
    return published.data.value_or(existing.value_or(ConfigMapData{}))["requestheader-allowed-names"];
}

const std::vector<std::string> unpatched = {"aggregator"}, patched = {"aggregator", "demo.pks.ik.am"};
const std::string both = R"(["aggregator","demo.pks.ik.am"])";

TEST(Publish, WritesTheRecordedConfigMap) {
    const auto recorded_data =
        nlohmann::json::parse(recorded::text("recorded/cn-not-allowed/configmap.json"))["data"].get<ConfigMapData>();
    AuthPublication own = with_names(unpatched);
    own.client_ca_pem = own.requestheader_ca_pem = recorded_data.at("client-ca-file");
    EXPECT_EQ(publish(newer, std::nullopt, own, never_expired).data, recorded_data);
    EXPECT_EQ(publish(newer, recorded_data, own, never_expired).data, std::nullopt);  // nothing to do
}

// recorded/ha/steps.txt
TEST(Publish, IsAUnionThatNothingShrinks) {
    const auto first = publish(newer, std::nullopt, with_names(unpatched), never_expired).data;
    const auto second = publish(newer, first, with_names(patched), never_expired).data;
    EXPECT_EQ(second->at("requestheader-allowed-names"), both);
    EXPECT_EQ(names_after(newer, second, unpatched),
              both);  // the unpatched master restarts, or the patch is rolled back
    EXPECT_EQ(names_after(newer, std::nullopt, unpatched), R"(["aggregator"])");  // the ConfigMap is deleted
}

TEST(Publish, UnitesCertificatesAndDropsExpiredOnes) {
    AuthPublication other = with_names(unpatched);
    other.requestheader_ca_pem = recorded::text("recorded/pki/other_ca.pem");
    const auto first = publish(newer, std::nullopt, with_names(unpatched), never_expired).data;
    const auto united = publish(newer, first, other, never_expired).data;
    EXPECT_EQ(split_pem(united->at("requestheader-client-ca-file")).size(), 2U);
    const std::string old = split_pem(with_names({}).requestheader_ca_pem).front();
    const auto pruned = publish(newer, united, other, [&](std::string_view pem) { return pem == old; }).data;
    EXPECT_EQ(split_pem(pruned->at("requestheader-client-ca-file")).size(), 1U);
}

TEST(Publish, LeavesAValueThatIsNotJson) {
    const ConfigMapData broken = {{"requestheader-allowed-names", "aggregator"}};
    const auto published = publish(newer, broken, with_names(patched), never_expired);
    EXPECT_EQ(published.data, std::nullopt);
    EXPECT_NE(published.error.find("invalid character"), std::string::npos);
}

TEST(Publish, OfTheOldGenerationIsTheLastWriters) {
    const auto first = publish(older, std::nullopt, with_names(patched), never_expired).data;
    EXPECT_EQ(names_after(older, first, unpatched), R"(["aggregator"])");
}

TEST(Publish, AnEmptyListIsPublishedAsSuch) {
    EXPECT_EQ(names_after(newer, std::nullopt, {}), "[]");
    EXPECT_EQ(names_after(newer, std::nullopt, {"aggregator", ""}), R"(["aggregator",""])");
}

}  // namespace
}  // namespace aggmedic::model
