#include "tests/model/apiserver_flags.hpp"

#include <gtest/gtest.h>

namespace aggmedic::model {
namespace {

constexpr const char* names = "requestheader-allowed-names";

std::vector<std::string> names_of(std::vector<std::string> arguments) {
    return ApiserverFlags(arguments).list(names);
}

// The rows of fixtures/recorded/flag-syntax/steps.txt.
TEST(AllowedNames, AreReadAsCsv) {
    using Names = std::vector<std::string>;
    EXPECT_EQ(names_of({"--requestheader-allowed-names=aggregator,demo, inc"}), (Names{"aggregator", "demo", " inc"}));
    EXPECT_EQ(names_of({R"(--requestheader-allowed-names=aggregator,"demo, inc")"}),
              (Names{"aggregator", "demo, inc"}));
    EXPECT_EQ(names_of({"--requestheader-allowed-names=aggregator,"}), (Names{"aggregator", ""}));
    EXPECT_EQ(names_of({"--requestheader-allowed-names=aggregator, demo.pks.ik.am"}),
              (Names{"aggregator", " demo.pks.ik.am"}));
    EXPECT_EQ(names_of({"--requestheader-allowed-names='aggregator,demo.pks.ik.am'"}),
              (Names{"'aggregator", "demo.pks.ik.am'"}));
    EXPECT_EQ(names_of({"--requestheader-allowed-names="}), Names{});
    EXPECT_EQ(names_of({}), Names{});
}

TEST(AllowedNames, AddUpWhenTheFlagIsGivenTwice) {
    const std::vector<std::string> both = {"aggregator", "demo.pks.ik.am"};
    EXPECT_EQ(
        names_of({"--requestheader-allowed-names=aggregator", "--v=2", "--requestheader-allowed-names=demo.pks.ik.am"}),
        both);
}

TEST(AllowedNames, MayFollowAsAnArgumentOfTheirOwn) {
    EXPECT_EQ(names_of({"--requestheader-allowed-names", "aggregator", "--v=2"}),
              std::vector<std::string>{"aggregator"});
}

TEST(Flags, BareBooleansDoNotTakeTheNextArgument) {
    const std::vector<std::string> arguments = {"--enable-swagger-ui", "", "--secure-port=8443", "--kubelet-https"};
    const ApiserverFlags flags(arguments);
    EXPECT_TRUE(flags.is_true("enable-swagger-ui", false));
    EXPECT_EQ(flags.value("secure-port"), "8443");
    EXPECT_TRUE(flags.is_true("kubelet-https", false));
    EXPECT_TRUE(flags.is_true("anonymous-auth", true));
}

}  // namespace
}  // namespace aggmedic::model
