#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "net/text.hpp"
#include "probes/answer.hpp"
#include "probes/apiserver.hpp"
#include "probes/apiservice.hpp"
#include "probes/auth_config.hpp"
#include "probes/common_name.hpp"
#include "recording.hpp"

namespace aggmedic::probes {

namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::IsEmpty;

json item(const std::string& version, const std::string& group) {
    return {{"metadata", {{"name", version + "." + group}}},
            {"spec", {{"group", group}, {"version", version}, {"service", {{"namespace", "ns"}, {"name", "svc"}}}}}};
}

std::string list_of(const json& items) {
    return json{{"kind", "APIServiceList"}, {"items", items}}.dump();
}

std::string status_403(const std::string& message) {
    return json{{"kind", "Status"}, {"message", message}, {"code", 403}}.dump();
}

}  // namespace

TEST(ParseVersion, ReadsTheRecordedOne) {
    EXPECT_EQ(parse_version(recording::parse_http(recording::read_fixture("healthy/version.http")).body).value(),
              "v1.20.2");
}

TEST(ParseVersion, RefusesWhatIsNone) {
    for (const auto* text : {"", "null", "[]", "{}", R"({"gitVersion":7})", "{\"gitVersion\":\"v1", "<html>"}) {
        EXPECT_EQ(parse_version(text).error().code, Errc::malformed_reply) << text;
    }
}

TEST(ParseApiServices, ReadsBothVersionsOfTheApi) {
    for (const auto* file : {"cn-not-allowed/apiservice.json", "cn-not-allowed/apiservice.aggregator-1.11.json"}) {
        const auto list =
            parse_apiservices(list_of(json::array({json::parse(recording::read_fixture(file))})), {}, 200);
        ASSERT_TRUE(list) << list.error().detail;
        ASSERT_EQ(list->items.size(), 1U) << file;
        EXPECT_EQ(list->items[0].name, "v1beta1.servicecatalog.k8s.io");
        EXPECT_EQ(list->items[0].service_name, "catalog-catalog-apiserver");
        EXPECT_EQ(list->items[0].port, 443);
        EXPECT_EQ(list->items[0].ca_bundle_sha256.size(), 1U);
        EXPECT_FALSE(list->items[0].available.empty());
        EXPECT_TRUE(list->items[0].available_since.has_value());
    }
}

TEST(ParseApiServices, KeepsOnlyThoseWithAServiceAndAUsablePath) {
    auto local = item("v1", "apps");
    local["spec"].erase("service");
    auto null_service = item("v1", "batch");
    null_service["spec"]["service"] = nullptr;
    const auto evil = item("v1", "a/../../api");
    const auto nameless = json{{"spec", {{"service", {{"name", "x"}}}}}};
    const auto list = parse_apiservices(
        list_of({local, null_service, evil, nameless, 7, nullptr, item("v1", "good.example")}), {}, 200);
    ASSERT_TRUE(list);
    ASSERT_EQ(list->items.size(), 1U);
    EXPECT_EQ(list->items[0].name, "v1.good.example");
}

TEST(ParseApiServices, CapsTheListAndSaysHowManyWereLeftOut) {
    auto items = json::array();
    for (int i = 0; i < 10'000; ++i) items.push_back(item("v1", "g" + std::to_string(i) + ".example"));
    const auto list = parse_apiservices(list_of(items), {}, 200);
    ASSERT_TRUE(list);
    EXPECT_EQ(list->items.size(), 200U);
    EXPECT_EQ(list->left_out, 9'800U);
}

TEST(ParseApiServices, HonoursIncludeAndExclude) {
    const json items{item("v1", "a.example"), item("v1", "b.example"), item("v2", "a.example")};
    const ApiServiceFilter filter{.include = {"*.a.example"}, .exclude = {"v2.*"}};
    const auto list = parse_apiservices(list_of(items), filter, 200);
    ASSERT_TRUE(list);
    ASSERT_EQ(list->items.size(), 1U);
    EXPECT_EQ(list->items[0].name, "v1.a.example");
}

TEST(ParseApiServices, SurvivesHostileDocuments) {
    EXPECT_FALSE(parse_apiservices("", {}, 200));
    EXPECT_FALSE(parse_apiservices("[]", {}, 200));
    EXPECT_FALSE(parse_apiservices(R"({"items":7})", {}, 200));
    EXPECT_FALSE(parse_apiservices(R"({"kind":"Status"})", {}, 200));
    EXPECT_TRUE(parse_apiservices(R"({"items":null})", {}, 200));  // Go writes an empty list so
    const std::string deep = R"({"items":)" + std::string(1'000'000, '[') + std::string(1'000'000, ']') + "}";
    EXPECT_FALSE(parse_apiservices(deep, {}, 200));
    EXPECT_FALSE(parse_apiservices(R"({"items":)" + std::string(8'000'000, '['), {}, 200));
    std::string wide = R"({"items":[[])";
    for (int i = 0; i < 1'000'000; ++i) wide += ",[]";
    EXPECT_FALSE(parse_apiservices(wide + "]}", {}, 200));
}

TEST(ParseApiServices, ToleratesFieldsOfAnyType) {
    auto odd = item("v1", "odd.example");
    odd["spec"]["service"]["port"] = "443";
    odd["spec"]["caBundle"] = "not base64!";
    odd["status"]["conditions"] = json::array(
        {{{"type", "Available"}, {"status", 1}, {"message", nullptr}, {"lastTransitionTime", "yesterday"}}});
    const auto list = parse_apiservices(list_of(json::array({odd})), {}, 200);
    ASSERT_TRUE(list);
    ASSERT_EQ(list->items.size(), 1U);
    EXPECT_EQ(list->items[0].port, 443);
    EXPECT_EQ(list->items[0].available, "");
    EXPECT_EQ(list->items[0].available_since, std::nullopt);
}

TEST(ParseApiServices, KeepsBothEndsOfALongMessage) {
    auto loud = item("v1", "loud.example");
    loud["status"]["conditions"] = json::array(
        {{{"type", "Available"}, {"status", "False"}, {"message", "failing" + std::string(100'000, 'x') + ": 401"}}});
    const auto list = parse_apiservices(list_of(json::array({loud})), {}, 200);
    ASSERT_TRUE(list);
    EXPECT_LT(list->items[0].message.size(), 4096U);
    EXPECT_TRUE(list->items[0].message.ends_with(": 401"));
    EXPECT_TRUE(list->items[0].message.starts_with("failing"));
}

TEST(ParseApiservices, AListThatIsTooMuchIsRefusedAndNotCut) {
    json deep = 1;
    for (int level = 0; level < 20; ++level) deep = json::array({deep});
    auto many = json::array();
    for (int i = 0; i < 400'001; ++i) many.push_back(nullptr);
    for (const auto& items : {json::array({item("v1", "a.example"), deep}), many}) {
        const auto list = parse_apiservices(list_of(items), {}, 200);
        ASSERT_FALSE(list);
        EXPECT_EQ(list.error().code, Errc::too_large);
    }
}

TEST(ParseListableResource, TakesTheFirstThatCanBeListed) {
    ApiService catalog;
    catalog.group = "servicecatalog.k8s.io";
    catalog.version = "v1beta1";
    const auto cluster_wide =
        parse_listable_resource(recording::parse_http(recording::read_fixture("healthy/discovery.http")).body, catalog);
    ASSERT_TRUE(cluster_wide);
    EXPECT_EQ(cluster_wide->list_path, "/apis/servicecatalog.k8s.io/v1beta1/clusterservicebrokers");
    EXPECT_EQ(cluster_wide->canary_path, "/apis/servicecatalog.k8s.io/v1beta1/clusterservicebrokers/aggmedic-canary");
}

TEST(ParseListableResource, ListsAcrossNamespacesAndSkipsSubresources) {
    ApiService api;
    api.group = "g.example";
    api.version = "v1";
    const json document{{"kind", "APIResourceList"},
                        {"resources",
                         {{{"name", "things/status"}, {"verbs", {"list"}}},
                          {{"name", "../secrets"}, {"verbs", {"list"}}},
                          {{"name", "reviews"}, {"verbs", {"create"}}},
                          {{"name", "things"}, {"namespaced", true}, {"verbs", {"get", "list"}}}}}};
    const auto resource = parse_listable_resource(document.dump(), api);
    ASSERT_TRUE(resource);
    EXPECT_EQ(resource->list_path, "/apis/g.example/v1/things");
    EXPECT_EQ(resource->canary_path, "/apis/g.example/v1/namespaces/default/things/aggmedic-canary");
}

TEST(ParseListableResource, PassesOverWhatCannotBeReadAndKeepsTheCanarysObject) {
    const json listable = {{"verbs", {"list"}}};
    auto packages = listable, others = listable;
    packages["name"] = "packagemanifests";
    others["name"] = "others";
    const json document = {{"kind", "APIResourceList"}, {"resources", {packages, others}}};
    ApiService api;
    api.group = "packages.example";
    api.version = "v1";
    const auto base = discovery_path(api);
    const auto next = parse_listable_resource(document.dump(), api, {base + "/packagemanifests"});
    ASSERT_TRUE(next);
    EXPECT_EQ(next->list_path, base + "/others");
    EXPECT_EQ(next->canary_path, base + "/packagemanifests/aggmedic-canary");
    EXPECT_TRUE(next->unreadable.contains(base + "/packagemanifests"));
    const auto none = parse_listable_resource(document.dump(), api, {base + "/packagemanifests", base + "/others"});
    ASSERT_TRUE(none);
    EXPECT_EQ(none->list_path, "");
    EXPECT_NE(none->canary_path, "");
}

TEST(ParseListableResource, NoneIsNoError) {
    const auto none = parse_listable_resource(R"({"kind":"APIResourceList","resources":null})", {});
    ASSERT_TRUE(none);
    EXPECT_EQ(none->list_path, "");
    EXPECT_FALSE(parse_listable_resource(R"({"kind":"Status"})", {}));
}

TEST(ParsePublishedAuth, ReadsTheRecordedOne) {
    const auto published = parse_published_auth(recording::read_fixture("cn-not-allowed/configmap.json"));
    ASSERT_TRUE(published);
    EXPECT_THAT(published->allowed_names.value(), ElementsAre("aggregator"));
    EXPECT_EQ(published->requestheader_ca.size(), 2U);
    EXPECT_EQ(published->client_ca, published->requestheader_ca);
    EXPECT_THAT(published->username_headers, ElementsAre("X-Remote-User"));
    EXPECT_FALSE(published->resource_version.empty());
}

TEST(ParsePublishedAuth, TellsAMissingListFromAnEmptyAndAMalformedOne) {
    const auto with = [](const json& data) {
        return parse_published_auth(json{{"kind", "ConfigMap"}, {"data", data}}.dump()).value();
    };
    EXPECT_EQ(with({}).allowed_names, std::nullopt);
    EXPECT_FALSE(with({}).allowed_names_malformed);
    EXPECT_THAT(with({{"requestheader-allowed-names", "[]"}}).allowed_names.value(), IsEmpty());
    for (const auto* text : {"aggregator", "[1]", "{}", "", "[\"a\""}) {
        const auto published = with({{"requestheader-allowed-names", text}});
        EXPECT_EQ(published.allowed_names, std::nullopt) << text;
        EXPECT_TRUE(published.allowed_names_malformed) << text;
    }
    EXPECT_FALSE(parse_published_auth(R"({"kind":"Status"})"));
}

TEST(ParsePublishedAuth, AKeyThatCannotBeReadIsUnknownNotEmpty) {
    const auto with = [](const json& data) {
        return parse_published_auth(json{{"kind", "ConfigMap"}, {"data", data}}.dump()).value();
    };
    const auto pem = recording::read_fixture("pki/kubo_ca.pem");
    const auto broken = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";
    for (const std::string key : {"requestheader-client-ca-file", "client-ca-file"}) {
        for (const std::string& text : {std::string("no PEM at all"), std::string(broken), pem + broken}) {
            const auto published = with({{key, text}});
            EXPECT_TRUE(published.malformed.contains(key)) << text;
            EXPECT_FALSE(published.malformed.at(key).empty());
            EXPECT_THAT(published.requestheader_ca, IsEmpty());
        }
        EXPECT_TRUE(with({{key, pem}}).malformed.empty());
        EXPECT_TRUE(with({{key, ""}}).malformed.empty()) << "empty is a fact";
    }
    EXPECT_TRUE(with({{"requestheader-client-ca-file", ""}}).has_requestheader_ca);
    for (const std::string key : {"requestheader-allowed-names", "requestheader-username-headers",
                                  "requestheader-group-headers", "requestheader-extra-headers-prefix"}) {
        EXPECT_TRUE(with({{key, "X-Remote-User"}}).malformed.contains(key));
        EXPECT_TRUE(with({{key, 7}}).malformed.contains(key));
        EXPECT_TRUE(with({{key, "[\"X-Remote-User\"]"}}).malformed.empty());
        EXPECT_TRUE(with({{key, "[]"}}).malformed.empty());
    }
    EXPECT_TRUE(with({}).malformed.empty()) << "a missing key is a fact";
}

TEST(ParsePublishedAuth, ReadsWhenItWasWrittenLast) {
    const json metadata{{"managedFields",
                         {{{"manager", "kube-apiserver"}, {"time", "2026-11-22T00:00:00Z"}},
                          {{"manager", "kubectl"}, {"time", "2026-11-23T00:00:00Z"}},
                          {{"manager", "odd"}, {"time", "yesterday"}}}}};
    const auto read = [](const json& of) {
        return parse_published_auth(json{{"kind", "ConfigMap"}, {"metadata", of}}.dump()).value().changed_at;
    };
    EXPECT_EQ(read(metadata), from_rfc3339("2026-11-23T00:00:00Z"));
    EXPECT_EQ(read(json::object()), std::nullopt);
}

TEST(ParseForbiddenUser, ReadsQuotedNames) {
    EXPECT_EQ(parse_forbidden_user(status_403(R"(forbidden: User "jane" cannot get path "/api")")), "jane");
    EXPECT_EQ(parse_forbidden_user(status_403(R"(x is forbidden: User "a\"b\\c\x41\u00e9\n" cannot list)")),
              "a\"b\\cA\xC3\xA9\n");
    EXPECT_EQ(parse_forbidden_user(status_403(R"(User "" cannot)")), "");
    EXPECT_EQ(recording::answer("proxy-cert-no-masters/resource.wardle.http").forbidden_user, "demo.pks.ik.am");
}

TEST(ParseForbiddenUser, NamesNobodyWhereTheTextIsCutOrOdd) {
    for (const auto* message : {R"(User "jane)", R"(User "ja\)", R"(User "\q")", R"(User "\x4")", "User jane", ""}) {
        EXPECT_EQ(parse_forbidden_user(status_403(message)), std::nullopt) << message;
    }
    EXPECT_EQ(parse_forbidden_user("User \"jane\" cannot"), std::nullopt);
}

TEST(ParseCaller, ReadsServiceAccountTokens) {
    const std::string claims = base64_encode(R"({"sub":"system:serviceaccount:monitoring:aggmedic"})");
    std::string url = claims;
    while (url.ends_with('=')) url.pop_back();
    const auto caller = parse_caller("eyJhbGciOiJSUzI1NiJ9." + url + ".c2ln", "");
    EXPECT_EQ(caller.user, "system:serviceaccount:monitoring:aggmedic");
    EXPECT_THAT(caller.groups, testing::Contains("system:serviceaccounts:monitoring"));
    EXPECT_FALSE(caller.is_system_masters);
}

TEST(ParseCaller, TakesNothingFromOtherTokens) {
    for (const auto& token :
         std::vector<std::string>{"", "abc", "a.b.c", "..", "a." + base64_encode(R"({"sub":"jane"})") + ".c"}) {
        EXPECT_EQ(parse_caller(token, ""), Caller{}) << token;
    }
}

TEST(ParseCaller, ReadsClientCertificates) {
    const auto admin = parse_caller("", recording::read_fixture("pki/kubernetes.pem"));
    EXPECT_EQ(admin.user, "demo.pks.ik.am");
    EXPECT_TRUE(admin.is_system_masters);
    EXPECT_FALSE(parse_caller("", recording::read_fixture("pki/client-alice.pem")).is_system_masters);
    const auto either = parse_caller("opaque", recording::read_fixture("pki/kubernetes.pem"));
    EXPECT_EQ(either.user, "");
    EXPECT_TRUE(either.is_system_masters);
}

TEST(AnswerOf, KeepsTheStartOfARefusalAndNothingOfA200) {
    HttpReply reply;
    reply.status = 200;
    reply.body = "somebody's data";
    EXPECT_EQ(answer_of(reply, {}, {}).body, "");
    reply.status = 503;
    reply.body = std::string(10'000, 'x');
    for (int i = 0; i < 100; ++i) reply.headers.emplace_back("x-kubernetes-pf-flowschema-uid", std::string(1000, 'u'));
    const auto answer = answer_of(reply, {}, {});
    EXPECT_EQ(answer.body.size(), 512U);
    EXPECT_LE(answer.flow_schemas.size(), 4U);
    EXPECT_LE(answer.flow_schemas[0].size(), 64U);
}

TEST(AnswerOf, SaysWhyNothingCame) {
    const auto answer = answer_of(fail(Errc::timeout, "reading\x1b[31m"), {}, std::chrono::milliseconds(5000));
    EXPECT_EQ(answer.status, 0U);
    EXPECT_EQ(answer.failure, "timeout");
    EXPECT_EQ(answer.failure_detail, "reading\\x1b[31m");
}

TEST(CommonName, OnlyHarmlessNamesArePlannable) {
    for (const auto* good : {"demo.pks.ik.am", "aggregator", "front-proxy-client", "127.0.0.1", "a"}) {
        EXPECT_EQ(common_name_refusal(good), "") << good;
    }
    for (const std::string bad : {"",
                                  ".a",
                                  "-a",
                                  "a..b",
                                  "demo, inc",
                                  "$(reboot)",
                                  "a'b",
                                  "a\nb",
                                  "a b",
                                  "*",
                                  "*.example",
                                  "system:masters",
                                  "admin",
                                  "Admin",
                                  "kubernetes-admin",
                                  "kubelet",
                                  "kubelet-7",
                                  "kube-scheduler",
                                  "kube-proxy",
                                  "kube-controller-manager",
                                  "system:serviceaccount:a:b",
                                  "\xC3\xA9"}) {
        EXPECT_NE(common_name_refusal(bad), "") << bad;
    }
    EXPECT_EQ(common_name_refusal(std::string(64, 'a')), "");
    EXPECT_NE(common_name_refusal(std::string(65, 'a')), "");
    EXPECT_NE(common_name_refusal(std::string("a\0b", 3)), "");
}

}  // namespace aggmedic::probes
