#include "tests/model/access.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/unit/model/recorded.hpp"

namespace aggmedic::model {
namespace {

const Identity dev{.user = "dev", .groups = {"developers", "system:authenticated"}};
const Identity masked{.user = "demo.pks.ik.am", .groups = {"system:authenticated"}};

std::string recorded_message(std::string_view file) {
    return nlohmann::json::parse(recorded::answer(file).body)["message"];
}

TEST(Forbidden, SaysWhatRealServersSay) {
    const auto brokers = parse_attributes("GET", "/apis/servicecatalog.k8s.io/v1beta1/clusterservicebrokers?limit=1");
    const auto flunders = parse_attributes("GET", "/apis/wardle.example.com/v1alpha1/namespaces/default/flunders");
    const auto discovery = parse_attributes("GET", "/apis/servicecatalog.k8s.io/v1beta1");
    const std::string window = "recorded/cn-not-allowed-separate-client-ca.window/";
    EXPECT_EQ(forbidden({20}, dev, brokers).message, recorded_message(window + "resource.dev-user.http"));
    EXPECT_EQ(forbidden({11}, dev, brokers).message,
              recorded_message(window + "resource.dev-user.aggregator-1.11.http"));
    EXPECT_EQ(forbidden({20}, masked, flunders).message,
              recorded_message("recorded/proxy-cert-no-masters/resource.wardle.http"));
    EXPECT_EQ(forbidden({20}, anonymous(), discovery).message,
              recorded_message("recorded/healthy/discovery.no-token.http"));
}

TEST(ParseAttributes, TellsResourcesFromPaths) {
    const auto one =
        parse_attributes("GET", "/api/v1/namespaces/kube-system/configmaps/extension-apiserver-authentication");
    EXPECT_TRUE(one.is_resource);
    EXPECT_EQ(one.verb, "get");
    EXPECT_EQ(one.name_space, "kube-system");
    EXPECT_EQ(one.resource, "configmaps");
    EXPECT_EQ(one.name, "extension-apiserver-authentication");
    EXPECT_FALSE(parse_attributes("GET", "/apis/wardle.example.com/v1alpha1").is_resource);
    EXPECT_EQ(parse_attributes("GET", "/apis/wardle.example.com/v1alpha1/fischers").verb, "list");
}

TEST(Allowed, ARuleForOneNameAllowsThatNameOnly) {
    const std::vector<Binding> bindings = {{"dev",
                                            {{.verbs = {"get"},
                                              .groups = {"wardle.example.com"},
                                              .resources = {"*"},
                                              .names = {"aggmedic-canary"},
                                              .namespaces = {},
                                              .paths = {}}}}};
    const auto ask = [&](std::string_view path) { return allowed({20}, dev, parse_attributes("GET", path), bindings); };
    EXPECT_TRUE(ask("/apis/wardle.example.com/v1alpha1/fischers/aggmedic-canary"));
    EXPECT_FALSE(ask("/apis/wardle.example.com/v1alpha1/fischers/other"));
    EXPECT_FALSE(ask("/apis/wardle.example.com/v1alpha1/fischers"));
    EXPECT_TRUE(ask("/apis/wardle.example.com/v1alpha1"));  // discovery is for everybody who is known
}

TEST(Allowed, AnonymousSeesHealthButNoApis) {
    const auto ask = [&](int minor, std::string_view path) {
        return allowed({minor}, anonymous(), parse_attributes("GET", path), {});
    };
    EXPECT_TRUE(ask(20, "/version"));
    EXPECT_TRUE(ask(20, "/readyz"));
    EXPECT_FALSE(ask(20, "/apis"));
    EXPECT_TRUE(ask(11, "/apis"));
    EXPECT_FALSE(ask(11, "/readyz"));
}

}  // namespace
}  // namespace aggmedic::model
