#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "probes/observation.hpp"
#include "recording.hpp"

namespace aggmedic::probes {

namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using Names = std::vector<std::string>;

Names names(std::vector<std::string> argv) {
    return allowed_names(read_arguments(argv).flags);
}

}  // namespace

// The rows of recorded/flag-syntax/steps.txt.
TEST(AllowedNames, AreSplitAsKubeApiserverSplitsThem) {
    const std::string flag = "--requestheader-allowed-names";
    EXPECT_EQ(names({flag + "=aggregator,demo, inc"}), (Names{"aggregator", "demo", " inc"}));
    EXPECT_EQ(names({flag + "=aggregator,\"demo, inc\""}), (Names{"aggregator", "demo, inc"}));
    EXPECT_EQ(names({flag + "=aggregator,"}), (Names{"aggregator", ""}));
    EXPECT_EQ(names({flag + "=aggregator, demo.pks.ik.am"}), (Names{"aggregator", " demo.pks.ik.am"}));
    EXPECT_EQ(names({flag + "='aggregator,demo.pks.ik.am'"}), (Names{"'aggregator", "demo.pks.ik.am'"}));
    EXPECT_EQ(names({flag + "=aggregator", flag + "=demo.pks.ik.am"}), (Names{"aggregator", "demo.pks.ik.am"}));
    EXPECT_EQ(names({flag + "="}), Names{});
    EXPECT_EQ(names({}), Names{});
}

TEST(AllowedNames, HandleQuotesAsGoDoes) {
    const std::string flag = "--requestheader-allowed-names=";
    EXPECT_EQ(names({flag + R"("a ""b""",c)"}), (Names{"a \"b\"", "c"}));
    EXPECT_EQ(names({flag + "a\nb"}), (Names{"a"}));
    // Go refuses these, so no process runs with them; they are shown as they stand and match nothing.
    for (const std::string bad : {R"(a"b)", R"("a"b)", R"("a)"}) EXPECT_EQ(names({flag + bad}), Names{bad});
}

TEST(ReadArguments, UnderstandsEveryForm) {
    const auto arguments = read_arguments({"--secure-port=8443", "", "--client-ca-file", "/a.pem",
                                           "--anonymous_auth=false", "--enable-aggregator-routing",
                                           "--etcd-servers=https://user:secret@10.0.0.1", "--token-auth-file=/x"});
    EXPECT_EQ(arguments.count, 7U);
    EXPECT_THAT(arguments.flags.at("secure-port"), ElementsAre("8443"));
    EXPECT_THAT(arguments.flags.at("client-ca-file"), ElementsAre("/a.pem"));
    EXPECT_THAT(arguments.flags.at("anonymous-auth"), ElementsAre("false"));
    EXPECT_THAT(arguments.flags.at("enable-aggregator-routing"), ElementsAre(""));
    EXPECT_FALSE(arguments.flags.contains("etcd-servers"));
    EXPECT_FALSE(arguments.flags.contains("token-auth-file"));
}

TEST(ReadArguments, DigestKnowsOrderAndIgnoresEmptyOnes) {
    EXPECT_EQ(read_arguments({"--a", "", "--b"}).sha256, read_arguments({"--a", "--b"}).sha256);
    EXPECT_NE(read_arguments({"--a", "--b"}).sha256, read_arguments({"--b", "--a"}).sha256);
    EXPECT_NE(read_arguments({"ab"}).sha256, read_arguments({"a", "b"}).sha256);
}

TEST(Certificates, AreReadAsTheyAre) {
    const auto kubernetes = recording::certificates("pki/kubernetes.pem");
    ASSERT_EQ(kubernetes.size(), 2U);
    EXPECT_EQ(kubernetes[0].common_name, "demo.pks.ik.am");
    EXPECT_THAT(kubernetes[0].organizations, ElementsAre("system:masters"));
    EXPECT_FALSE(kubernetes[0].is_ca);
    EXPECT_TRUE(kubernetes[1].is_ca);
    EXPECT_THAT(kubernetes[0].dns_names, testing::Contains("master.cfcr.internal"));
    EXPECT_FALSE(kubernetes[0].has_extended_key_usage);
    const auto nameless = recording::certificates("pki/proxy-empty-cn.pem")[0];
    EXPECT_FALSE(nameless.has_common_name);
    EXPECT_EQ(recording::certificates("pki/proxy-comma-cn.pem")[0].common_name, "demo, inc");
    EXPECT_FALSE(recording::certificates("pki/proxy-server-eku.pem")[0].allows_client_auth);
}

TEST(Certificates, OtherBlocksAreSkippedAndBrokenOnesNamed) {
    const auto pem = recording::read_fixture("pki/kubo_ca.pem");
    const std::string key = "-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----\n";
    EXPECT_EQ(parse_certificates(key + pem + key)->size(), 1U);
    EXPECT_THAT(parse_certificates("").value(), IsEmpty());
    EXPECT_THAT(parse_certificates(key).value(), IsEmpty());
    EXPECT_FALSE(parse_certificates("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"));
    EXPECT_FALSE(parse_certificates(pem.substr(0, pem.size() / 2)));
}

TEST(VerifyClientChain, AnswersAsOpensslDoesForTheRecordings) {
    const auto roots = recording::certificates("pki/kubernetes.pem");
    const auto verify = [&](const std::string& file) {
        const auto chain = recording::certificates("pki/" + file);
        return verify_client_chain(chain[0], {chain.begin() + 1, chain.end()}, roots, recording::now());
    };
    EXPECT_EQ(verify("kubernetes.pem"), ChainFault::none);
    EXPECT_EQ(verify("proxy-no-masters.pem"), ChainFault::none);
    EXPECT_EQ(verify("proxy-other-ca.pem"), ChainFault::unknown_issuer);
    EXPECT_EQ(verify("proxy-expired.pem"), ChainFault::expired);
    EXPECT_EQ(verify("proxy-server-eku.pem"), ChainFault::wrong_usage);
}

TEST(VerifyClientChain, ALeafInThePoolIsItsOwnAnchor) {
    const auto leaf = recording::certificates("pki/kubernetes.pem")[0];
    EXPECT_EQ(verify_client_chain(leaf, {}, {leaf}, recording::now()), ChainFault::none);
    EXPECT_EQ(verify_client_chain(leaf, {}, {}, recording::now()), ChainFault::unknown_issuer);
    EXPECT_EQ(verify_client_chain(leaf, {}, {leaf}, leaf.not_before - std::chrono::hours(1)),
              ChainFault::not_yet_valid);
    EXPECT_EQ(verify_client_chain(leaf, {}, {leaf}, leaf.not_after + std::chrono::hours(1)), ChainFault::expired);
}

}  // namespace aggmedic::probes
