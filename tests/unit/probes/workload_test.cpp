#include "probes/workload.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "net/text.hpp"
#include "probes/answer.hpp"
#include "probes/apiservice.hpp"
#include "probes/finding.hpp"
#include "probes/workload_reading.hpp"
#include "recording.hpp"

namespace aggmedic::probes {

namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::IsEmpty;

json service(const json& spec) {
    return {{"kind", "Service"}, {"spec", spec}};
}

HttpReply status(unsigned code, const std::string& message) {
    return {.status = code, .headers = {}, .body = json{{"kind", "Status"}, {"message", message}}.dump()};
}

}  // namespace

TEST(ParseService, EncodesItsSelectorAndTakesTheNamedPort) {
    const auto answer = parse_service(service({{"selector", {{"a/b", "x&y"}, {"c", "d"}}},
                                               {"clusterIP", "None"},
                                               {"ports", {{{"port", 80}}, {{"port", 443}, {"targetPort", "https"}}}}})
                                          .dump(),
                                      443);
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->label_selector, "a%2Fb%3Dx%26y%2Cc%3Dd");
    EXPECT_EQ(answer->facts.target_port, "https");
    EXPECT_TRUE(answer->facts.has_selector);
    EXPECT_EQ(answer->facts.cluster_ip, "None");
}

TEST(ParseService, AServiceWithoutThePortOrSelectorIsAFact) {
    const auto answer = parse_service(service({{"selector", {{"odd", 7}}}, {"ports", {{{"port", 80}}}}}).dump(), 443);
    ASSERT_TRUE(answer);
    EXPECT_FALSE(answer->facts.has_port);
    EXPECT_FALSE(answer->facts.has_selector);
    EXPECT_FALSE(parse_service(R"({"kind":"Status"})", 443));
}

TEST(ParseEndpoints, CountsOnlyTheServicesPort) {
    const json document{
        {"kind", "Endpoints"},
        {"subsets",
         {{{"addresses", {{{"ip", "10.0.0.2"}}, {{"ip", "fd00::1"}}}}, {"ports", {{{"name", "https"}, {"port", 443}}}}},
          {{"addresses", {{{"ip", "10.0.0.9"}}}}, {"ports", {{{"name", "metrics"}, {"port", 9090}}}}}}}};
    const auto facts = parse_endpoints(document.dump(), "https");
    ASSERT_TRUE(facts);
    EXPECT_THAT(facts->ready, ElementsAre("10.0.0.2:443", "[fd00::1]:443"));
    EXPECT_FALSE(parse_endpoints(document.dump(), "")->has_port);
    EXPECT_EQ(parse_endpoints(R"({"kind":"Endpoints","subsets":null})", "")->ready_count, 0U);
}

TEST(ParseEndpointSlices, AnEmptyListIsNotFoundAndAnAbsentReadyIsReady) {
    EXPECT_EQ(parse_endpoint_slices(R"({"kind":"EndpointSliceList","items":[]})", "")->why().reason, "not-found");
    const json document{
        {"kind", "EndpointSliceList"},
        {"items",
         {{{"ports", {{{"name", ""}, {"port", 443}}}},
           {"endpoints",
            {{{"addresses", {"10.0.0.2"}}}, {{"addresses", {"10.0.0.3"}}, {"conditions", {{"ready", false}}}}}}}}}};
    const auto facts = parse_endpoint_slices(document.dump(), "");
    ASSERT_TRUE(facts);
    EXPECT_EQ((*facts)->ready_count, 1U);
    EXPECT_EQ((*facts)->not_ready_count, 1U);
}

TEST(ParsePods, ACrashLoopShowsAsOneAndOddNamesAreLeftOut) {
    const json crashing{{"name", "apiserver"},
                        {"restartCount", 12},
                        {"state", {{"waiting", {{"reason", "CrashLoopBackOff"}}}}},
                        {"lastState", {{"terminated", {{"reason", "Error"}, {"exitCode", 255}}}}}};
    const auto pod = [&](const std::string& name) {
        return json{{"metadata", {{"name", name}}},
                    {"spec", {{"containers", {{{"name", "apiserver"}}}}}},
                    {"status", {{"phase", "Running"}, {"containerStatuses", {crashing}}}}};
    };
    const json document{{"kind", "PodList"}, {"items", {pod("b"), pod("../a"), pod("a")}}};
    const auto pods = parse_pods(document.dump(), {}, 16);
    ASSERT_TRUE(pods);
    ASSERT_EQ(pods->size(), 2U);
    EXPECT_EQ(pods->at(0).facts.name, "a");
    EXPECT_EQ(pods->at(0).facts.waiting_reason, "CrashLoopBackOff");
    EXPECT_EQ(pods->at(0).facts.last_exit_code, 255);
    EXPECT_FALSE(pods->at(0).facts.ready);
    EXPECT_EQ(pods->at(0).facts.started_at, std::nullopt);
    EXPECT_EQ(parse_pods(document.dump(), {}, 1)->size(), 1U);
}

TEST(LogRefusal, NamesTheWayToTheNode) {
    const auto reason = [](const HttpReply& reply) { return log_refusal_of(reply, "get pods/log").reason; };
    EXPECT_EQ(reason(status(500, "Get \"https://10.0.0.5:10250/containerLogs/ns/p/c\": No agent available")),
              "no-agent");
    EXPECT_EQ(reason(status(500,
                            "Get \"https://10.0.0.5:10250/containerLogs/ns/p/c\": dial tcp 10.0.0.5:10250: connect: "
                            "connection refused")),
              "kubelet-unreachable");
    EXPECT_EQ(reason(status(403, "forbidden")), "forbidden");
    EXPECT_EQ(reason(status(500, "internal error")), "status");
    EXPECT_EQ(log_refusal_of(fail(Errc::timeout, "dial tcp"), "get pods/log").reason, "timeout");
}

TEST(FailingApiServices, AreThoseThatTheProbesOwnPermissionsDoNotExplain) {
    Observation observation;
    observation.caller.user = "probe";
    ApiserverView view;
    view.apiservices = std::vector<ApiService>(5);
    const char* names[] = {"healthy", "own-403", "their-403", "condition", "silent"};
    for (std::size_t i = 0; i < 5; ++i) {
        view.apiservices->at(i).name = names[i];
        ApiServiceAttempts made;
        made.apiservice = names[i];
        made.discovery.resize(1);
        made.discovery[0].status = 200;
        made.resource.resize(1);
        made.resource[0].status = 200;
        view.attempts.push_back(made);
    }
    view.attempts[1].resource[0].status = view.attempts[2].resource[0].status = 403;
    view.attempts[1].resource[0].forbidden_user = "probe";
    view.attempts[2].resource[0].forbidden_user = "demo.pks.ik.am";
    view.apiservices->at(3).available = "False";
    view.attempts[4].discovery[0].status = 0;
    observation.apiservers.push_back(view);
    std::vector<std::string> failing;
    for (const auto& apiservice : failing_apiservices(observation)) failing.push_back(apiservice.name);
    EXPECT_THAT(failing, ElementsAre("their-403", "condition", "silent"));
}

TEST(UnobservedParts, NameTheCausesThatTheyHideAndNothingElse) {
    Workload workload;
    workload.apiservice = "v1.a.example";
    EXPECT_THAT(unobserved_parts(workload), IsEmpty()) << "what was not asked is no failure to see";
    workload.service = Unobserved{.reason = "not-found", .detail = ""};
    EXPECT_THAT(unobserved_parts(workload), IsEmpty()) << "absence is a fact";
    const Unobserved refused{.reason = "forbidden", .detail = "the probe may not list pods in namespace ns"};
    workload.namespace_exists = refused;
    workload.service = refused;
    workload.endpoints = refused;
    workload.pods = refused;
    workload.logs = refused;
    const auto facts = unobserved_parts(workload);
    ASSERT_EQ(facts.size(), 5U);
    for (const auto& fact : facts) {
        EXPECT_FALSE(fact.causes.empty()) << fact.what;
        for (const auto& cause : fact.causes) EXPECT_NE(find_cause(cause), nullptr) << cause;
        EXPECT_NE(fact.reason.find("list pods"), std::string::npos);
    }
    Assessment healthy;
    healthy.unobserved = facts;
    EXPECT_EQ(state_of(healthy), ClusterState::healthy) << "optional evidence makes no cluster unknown";
}

TEST(ApiServiceCaBundle, IsReadOrSaysWhyNot) {
    const auto read = [](const json& ca_bundle) {
        json item{{"metadata", {{"name", "v1.a.example"}}},
                  {"spec", {{"group", "a.example"}, {"version", "v1"}, {"service", {{"name", "s"}}}}}};
        if (!ca_bundle.is_null()) item["spec"]["caBundle"] = ca_bundle;
        return parse_apiservices(json{{"items", json::array({item})}}.dump(), {}, 9)->items.at(0).ca_bundle;
    };
    const auto pem = recording::read_fixture("pki/ext_ca.pem");
    ASSERT_TRUE(read(base64_encode(pem)));
    EXPECT_EQ(read(base64_encode(pem))->at(0).pem.empty(), false);
    EXPECT_EQ(read(nullptr).why().reason, "not-found");
    for (const json& bad : {json("%%%"), json(base64_encode("no PEM")), json(7)}) {
        EXPECT_EQ(read(bad).why().reason, "malformed_reply") << bad;
    }
}

TEST(AnswerLocation, KeepsNoCredential) {
    const auto where = [](const std::string& location) {
        HttpReply reply{.status = 302, .headers = {{"Location", location}}, .body = ""};
        return answer_of(reply, {}, {}).location;
    };
    EXPECT_EQ(where("https://u:secret@host.example/a?token=secret#x"), "https://host.example/a");
    EXPECT_EQ(where("/a?token=secret"), "/a");
    EXPECT_EQ(where(""), "");
}

}  // namespace aggmedic::probes
