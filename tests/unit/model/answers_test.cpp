#include "tests/model/answers.hpp"

#include <gtest/gtest.h>

#include "tests/model/availability.hpp"
#include "tests/unit/model/recorded.hpp"

namespace aggmedic::model {
namespace {

const Identity admin{.user = "admin", .groups = {"system:masters", "system:authenticated"}};
const Identity dev{.user = "dev", .groups = {"developers", "system:authenticated"}};
const Identity certificate{.user = "demo.pks.ik.am", .groups = {"system:masters", "system:authenticated"}};
constexpr Generation newer{20}, older{11}, old_library{14};

RequestTrace trace_of(std::optional<Identity> who) {
    return {.identity = std::move(who), .audit_id = "id", .date = "now"};
}

void expect_as_recorded(const Answer& answer, const std::string& file) {
    const Answer real = recorded::answer("recorded/" + file);
    EXPECT_EQ(answer.status, real.status) << file;
    EXPECT_EQ(recorded::comparable_headers(answer), recorded::comparable_headers(real)) << file;
    EXPECT_EQ(answer.body, real.body) << file;
}

Answer extension_401(Generation library) {
    return extension_answer(library, trace_of({}), 401, Content::json,
                            status_body(401, "Unauthorized", "Unauthorized"));
}

TEST(OwnAnswer, UnauthorizedHasNoFlowHeaders) {
    expect_as_recorded(unauthorized_answer(newer, trace_of(admin)), "probe-credential-invalid/core.bad-token.http");
    expect_as_recorded(unauthorized_answer(newer, trace_of({})), "anonymous-auth-false/core.no-token.http");
}

TEST(OwnAnswer, ForbiddenAndUnavailable) {
    const auto discovery = parse_attributes("GET", "/apis/servicecatalog.k8s.io/v1beta1");
    expect_as_recorded(forbidden_answer(newer, trace_of(anonymous()), discovery), "healthy/discovery.no-token.http");
    expect_as_recorded(own_answer(newer, trace_of(admin), 503, Content::text, unavailable_body),
                       "cn-not-allowed/discovery.http");
    expect_as_recorded(own_answer(newer, trace_of(dev), 503, Content::text, unavailable_body),
                       "cn-not-allowed/resource.dev-user.http");
    expect_as_recorded(own_answer(newer, trace_of(admin), 503, Content::text, untrusted_body),
                       "bad-ca-bundle/discovery.http");
    expect_as_recorded(own_answer(newer, trace_of(admin), 200, Content::text, "ok"), "healthy/healthz.http");
}

TEST(OwnAnswer, OfTheOldGeneration) {
    const auto brokers = parse_attributes("GET", "/apis/servicecatalog.k8s.io/v1beta1/clusterservicebrokers");
    expect_as_recorded(forbidden_answer(older, trace_of(dev), brokers),
                       "cn-not-allowed-separate-client-ca.window/resource.dev-user.aggregator-1.11.http");
}

TEST(OwnAnswer, WhileStarting) {
    RequestTrace early = trace_of(admin);
    early.flow_schemas_known = false;
    expect_as_recorded(starting_answer(newer, early), "restart/raw/022.38-servicecatalog.http");
    expect_as_recorded(own_answer(newer, trace_of(admin), 404, Content::text, "404 page not found\n"),
                       "restart/raw/024.40-servicecatalog.http");
}

TEST(PassedOn, UnauthorizedOfTheExtensionKeepsTheProxysFlowHeaders) {
    const std::string window = "cn-not-allowed-separate-client-ca.window/";
    expect_as_recorded(passed_on_answer(newer, trace_of(admin), extension_401(old_library)), window + "discovery.http");
    expect_as_recorded(passed_on_answer(newer, trace_of(admin), extension_401(newer)),
                       window + "discovery.wardle.http");
    expect_as_recorded(passed_on_answer(older, trace_of(admin), extension_401(old_library)),
                       "cn-not-allowed.aggregator-1.11/discovery.http");
}

TEST(PassedOn, TheTwoFlowSchemasDifferWhenMaskedAndAgreeWhenHealthy) {
    const std::string body = recorded::answer("recorded/healthy/resource.dev-user.wardle.http").body;
    const Answer healthy = extension_answer(newer, trace_of(dev), 200, Content::json, body);
    expect_as_recorded(passed_on_answer(newer, trace_of(dev), healthy), "healthy/resource.dev-user.wardle.http");
    const std::string masked_body = recorded::answer("recorded/cn-not-allowed/resource.dev-user.wardle.http").body;
    const Answer masked = extension_answer(newer, trace_of(certificate), 200, Content::json, masked_body);
    expect_as_recorded(passed_on_answer(newer, trace_of(dev), masked), "cn-not-allowed/resource.dev-user.wardle.http");
}

TEST(PassedOn, ForbiddenNamesTheCertificateWhenMaskedWithoutRights) {
    const Identity powerless{.user = "demo.pks.ik.am", .groups = {"system:authenticated"}};
    const auto flunders = parse_attributes("GET", "/apis/wardle.example.com/v1alpha1/namespaces/default/flunders");
    const Refused refused = forbidden(newer, powerless, flunders);
    const Answer backend = extension_answer(newer, trace_of(powerless), 403, Content::json,
                                            status_body(403, "Forbidden", refused.message, refused.details));
    expect_as_recorded(passed_on_answer(newer, trace_of(admin), backend), "proxy-cert-no-masters/resource.wardle.http");
}

TEST(PassedOn, OldExtensionServersAddNothing) {
    const std::string body = recorded::answer("recorded/healthy/resource.http").body;
    const Answer backend = extension_answer(old_library, trace_of(admin), 200, Content::json, body);
    expect_as_recorded(passed_on_answer(newer, trace_of(admin), backend), "healthy/resource.http");
}

}  // namespace
}  // namespace aggmedic::model
