#include "tests/model/extension_auth.hpp"

#include <gtest/gtest.h>

#include <regex>

#include "tests/unit/model/recorded.hpp"

namespace aggmedic::model {
namespace {

PresentedCertificate of_the_cluster_ca(std::string common_name, std::vector<std::string> organizations) {
    return {.presented = true,
            .verifies_for_requestheader = true,
            .verifies_for_client = true,
            .common_name = std::move(common_name),
            .organizations = std::move(organizations)};
}

const PresentedCertificate kubernetes = of_the_cluster_ca("demo.pks.ik.am", {"system:masters"});
const RemoteHeaders as_dev{.user = "dev", .groups = {"developers"}};

AuthRules rules_of(ExtensionKind kind, std::vector<std::string> names) {
    return {.trusts_client_ca = trusts_client_ca(kind), .allows_anonymous = true, .allowed_names = std::move(names)};
}

// The certificates of recorded/pki that the impersonation table used.
PresentedCertificate certificate_called(const std::string& name) {
    if (name == "client-impostor") return of_the_cluster_ca("demo.pks.ik.am", {"nobody"});
    if (name == "client-alice") return of_the_cluster_ca("alice", {"developers"});
    return kubernetes;
}

// One row: who asked what where, and the recorded status with the user that a 403 names.
struct Row {
    std::string phase, certificate, port, path, headers, outcome;
    int status;
};

std::vector<Row> impersonation_table() {
    static const std::regex form(R"((\w+)\s+cert=(\S+)\s+(\d+:\d+)(\S+)\s+headers=\[(.*)\] -> (\d+) \| (.*))");
    std::vector<Row> rows;
    for (const std::string& line : recorded::lines("recorded/impersonation/summary.txt")) {
        std::smatch found;
        if (std::regex_match(line, found, form))
            rows.push_back({found[1], found[2], found[3], found[4], found[5], found[7], std::stoi(found[6])});
    }
    return rows;
}

AuthRules rules_for(const Row& row) {
    const std::vector<std::string> names = row.phase == "before" ? std::vector<std::string>{"aggregator"}
                                           : row.phase == "after"
                                               ? std::vector<std::string>{"aggregator", "demo.pks.ik.am"}
                                               : std::vector<std::string>{};
    const bool catalog = row.port == "20:8443";
    return {.trusts_client_ca = !catalog, .allows_anonymous = true, .allowed_names = names};
}

RemoteHeaders headers_for(const Row& row) {
    RemoteHeaders headers;
    if (row.headers.find("X-Remote-User: foo") != std::string::npos) headers.user = "foo";
    if (row.headers.find("system:masters") != std::string::npos) headers.groups = {"system:masters"};
    return headers;
}

TEST(Authenticate, PredictsEveryRowOfTheImpersonationTable) {
    const auto rows = impersonation_table();
    ASSERT_GE(rows.size(), 36U);
    for (const Row& row : rows) {
        const auto decision = authenticate(rules_for(row), certificate_called(row.certificate), headers_for(row));
        const auto* who = std::get_if<Authenticated>(&decision);
        const std::string which = row.phase + " " + row.certificate + " " + row.port + " [" + row.headers + "]";
        if (who == nullptr) {
            EXPECT_EQ(row.status, 401) << which;
            continue;
        }
        const bool may = allowed({20}, who->identity, parse_attributes("GET", row.path), {});
        EXPECT_EQ(may ? 200 : 403, row.status) << which;
        if (row.status == 403)
            EXPECT_NE(row.outcome.find("User \"" + who->identity.user + "\""), std::string::npos) << which;
    }
}

TEST(Authenticate, MismatchIsRejectedByServersThatDoNotTrustTheClientCa) {
    const auto decision = authenticate(rules_of(ExtensionKind::reads_once, {"aggregator"}), kubernetes, as_dev);
    EXPECT_TRUE(std::holds_alternative<Rejected>(decision));
}

TEST(Authenticate, MismatchIsMaskedWhereTheClientCaIsTrustedAndShared) {
    for (const auto kind : {ExtensionKind::reloads, ExtensionKind::reads_once_client_ca}) {
        const auto decision = authenticate(rules_of(kind, {"aggregator"}), kubernetes, as_dev);
        const auto* who = std::get_if<Authenticated>(&decision);
        ASSERT_NE(who, nullptr);
        EXPECT_EQ(who->identity.user, "demo.pks.ik.am");
        EXPECT_TRUE(who->identity.in("system:masters"));
        EXPECT_EQ(who->via, Via::client_certificate);
    }
}

TEST(Authenticate, SeparateClientCaTurnsTheMismatchIntoARejection) {
    PresentedCertificate separate = kubernetes;
    separate.verifies_for_client = false;
    EXPECT_TRUE(std::holds_alternative<Rejected>(
        authenticate(rules_of(ExtensionKind::reloads, {"aggregator"}), separate, as_dev)));
}

TEST(Authenticate, AnEmptyNameInTheListAdmitsAnEmptyCommonName) {
    const PresentedCertificate nameless = of_the_cluster_ca("", {});
    const auto with_trailing_comma =
        authenticate(rules_of(ExtensionKind::reads_once, {"aggregator", ""}), nameless, as_dev);
    EXPECT_EQ(std::get<Authenticated>(with_trailing_comma).identity.user, "dev");
    EXPECT_TRUE(std::holds_alternative<Rejected>(
        authenticate(rules_of(ExtensionKind::reloads, {"aggregator"}), nameless, as_dev)));
}

TEST(Authenticate, NobodyIsAnonymousUnlessThatIsOff) {
    AuthRules rules = rules_of(ExtensionKind::reloads, {"aggregator"});
    EXPECT_EQ(std::get<Authenticated>(authenticate(rules, {}, {})).identity, anonymous());
    rules.allows_anonymous = false;
    EXPECT_TRUE(std::holds_alternative<Rejected>(authenticate(rules, {}, {})));
}

}  // namespace
}  // namespace aggmedic::model
