#include "probes/control_plane_reading.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <nlohmann/json.hpp>

#include "probes/observe_control_plane.hpp"
#include "probes/webhook_rules.hpp"
#include "recording.hpp"

namespace aggmedic::probes {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// --- what is read ---

TEST(ParseEtcdMembers, TakesTheMembersAndTheirHealth) {
    const auto members = parse_etcd_members(R"({"kind":"ComponentStatusList","apiVersion":"v1","items":[
        {"metadata":{"name":"scheduler"},"conditions":[{"type":"Healthy","status":"False","error":"refused"}]},
        {"metadata":{"name":"etcd-0"},"conditions":[{"type":"Healthy","status":"True","message":"{\"health\":\"true\"}"}]},
        {"metadata":{"name":"etcd-1"},"conditions":[{"type":"Healthy","status":"False","message":"","error":"dial tcp: refused"}]},
        {"metadata":{"name":"etcd-2"},"conditions":[{"type":"Healthy","status":"Unknown"}]},
        {"metadata":{"name":"etcd-3"}}]})");
    ASSERT_TRUE(members);
    EXPECT_THAT(*members, ElementsAre(EtcdMember{"etcd-0", true, R"({"health":"true"})"},
                                      EtcdMember{"etcd-1", false, "dial tcp: refused"}, EtcdMember{"etcd-2", false, ""},
                                      EtcdMember{"etcd-3", false, "it says nothing of its health"}));
    for (const char* text : {"", "[]", "{}", R"({"kind":"Status"})", R"({"kind":"PodList","items":[]})"})
        EXPECT_FALSE(parse_etcd_members(text)) << text;
    EXPECT_THAT(*parse_etcd_members(R"({"kind":"ComponentStatusList","items":null})"), IsEmpty());
}

TEST(ParseAddresses, CountsAnAddressOnceAndOnlyReadyOnes) {
    const auto addresses = parse_addresses(R"({"kind":"Endpoints","subsets":[
        {"addresses":[{"ip":"10.0.0.2"},{"ip":"10.0.0.1"}],"notReadyAddresses":[{"ip":"10.0.0.9"}],"ports":[{"port":1}]},
        {"addresses":[{"ip":"10.0.0.1"}],"ports":[{"port":2}]}]})");
    EXPECT_THAT(*addresses, ElementsAre("10.0.0.1", "10.0.0.2"));
    EXPECT_THAT(*parse_addresses(R"({"kind":"Endpoints"})"), IsEmpty());
    EXPECT_FALSE(parse_addresses(R"({"kind":"Status"})"));
}

TEST(LeaseHolder, IsReadFromALeaseAndFromTheOlderAnnotation) {
    EXPECT_EQ(parse_lease_holder(R"({"kind":"Lease","spec":{"holderIdentity":"h_u"}})"), "h_u");
    EXPECT_EQ(parse_lease_holder(R"({"kind":"Lease","spec":{}})"), "");
    EXPECT_FALSE(parse_lease_holder(R"({"kind":"Status"})"));
    EXPECT_EQ(parse_endpoints_holder(
                  R"({"kind":"Endpoints","metadata":{"annotations":{"control-plane.alpha.kubernetes.io/leader":
                      "{\"holderIdentity\":\"h_u\",\"leaseDurationSeconds\":15}"}}})"),
              "h_u");
    EXPECT_EQ(parse_endpoints_holder(R"({"kind":"Endpoints","metadata":{}})"), "");
    EXPECT_FALSE(parse_endpoints_holder(
        R"({"kind":"Endpoints","metadata":{"annotations":{"control-plane.alpha.kubernetes.io/leader":"x"}}})"));
    EXPECT_EQ(host_of_holder("m0.example_7d1c0f6e-1"), "m0.example");
    EXPECT_EQ(host_of_holder("a_b_7d1c"), "a_b");
    EXPECT_EQ(host_of_holder("alone"), "alone");
}

// --- as a real kube-apiserver answers (recorded/control-plane/notes.md) ---

HttpReply recorded(const std::string& name) {
    return recording::parse_http(recording::read_fixture("control-plane/" + name + ".http"));
}

std::map<std::string, bool> health_of(const std::string& name) {
    std::map<std::string, bool> health;
    const auto members = parse_etcd_members(recorded(name).body);
    if (!members) return health;
    for (const auto& member : *members) health[member.name] = member.healthy;
    return health;
}

TEST(RecordedControlPlane, TellsALostEtcdMemberWhileReadyzIsFine) {
    using Health = std::map<std::string, bool>;
    EXPECT_EQ(health_of("componentstatuses-three-healthy"),
              (Health{{"etcd-0", true}, {"etcd-1", true}, {"etcd-2", true}}));
    EXPECT_EQ(health_of("componentstatuses-member-gone"),
              (Health{{"etcd-0", true}, {"etcd-1", false}, {"etcd-2", true}}));
    EXPECT_EQ(health_of("componentstatuses-member-hangs"),
              (Health{{"etcd-0", false}, {"etcd-1", false}, {"etcd-2", false}}));
    EXPECT_EQ(recorded("readyz-member-gone").status, 200U);
    for (const auto& member : *parse_etcd_members(recorded("componentstatuses-member-gone").body))
        EXPECT_EQ(member.says.contains("connection refused"), !member.healthy) << member.says;
}

TEST(RecordedControlPlane, TellsTheHostOfALeaseAndTheAddressesOfTheApiserver) {
    EXPECT_EQ(host_of_holder(*parse_lease_holder(recorded("lease-kube-scheduler").body)), "master-0.example");
    EXPECT_THAT(*parse_addresses(recorded("endpoints-kubernetes").body), ElementsAre("10.88.0.11"));
    EXPECT_EQ(parse_labels(recorded("endpoints-kubernetes").body)->size(), 1U);
    EXPECT_FALSE(parse_lease_holder(recorded("lease-not-there").body));
}

TEST(RecordedControlPlane, TellsAWebhookThatBlockedTheConfigMap) {
    for (const char* name : {"webhooks-fail-closed", "webhooks-fail-closed.v1beta1"}) {
        const auto webhooks = parse_closed_webhooks(recorded(name).body);
        ASSERT_TRUE(webhooks) << name;
        ASSERT_EQ(webhooks->size(), 1U);
        EXPECT_EQ(covered_by(webhooks->front(), {}), "configmaps in kube-system");
        EXPECT_FALSE(asks_for_labels(webhooks->front()));
        EXPECT_EQ(webhooks->front().service_name, "hook");
    }
    EXPECT_EQ(recorded("readyz-with-dead-webhook").status, 200U);
}

// --- webhooks ---

json rule(const char* group, const char* resource, const char* operation = "UPDATE") {
    return {{"apiGroups", {group}}, {"apiVersions", {"*"}}, {"resources", {resource}}, {"operations", {operation}}};
}
WebhookDraft webhook(json rules, json namespaces = json::object(), json objects = json::object()) {
    return {.name = "w",
            .service_namespace = "a",
            .service_name = "b",
            .rules = std::move(rules),
            .namespace_selector = std::move(namespaces),
            .object_selector = std::move(objects)};
}
const KnownLabels labelled{
    .namespaces = {{"kube-system", {{"kubernetes.io/metadata.name", "kube-system"}, {"control-plane", "true"}}},
                   {"default", {{"kubernetes.io/metadata.name", "default"}}}},
    .objects = {{"configmaps", {{"owner", "us"}}}, {"endpoints", {}}}};

TEST(WebhookRules, CoverWhatAStartingApiserverWrites) {
    auto cluster_wide = rule("*", "*");
    cluster_wide["scope"] = "Cluster";
    auto namespaced = rule("", "configmaps");
    namespaced["scope"] = "Namespaced";
    const std::vector<std::pair<json, std::optional<std::string>>> cases{
        {json::array({rule("", "configmaps")}), "configmaps in kube-system"},
        {json::array({rule("", "configmaps", "CREATE")}), "configmaps in kube-system"},
        {json::array({rule("", "configmaps", "*")}), "configmaps in kube-system"},
        {json::array({rule("*", "*/*")}), "configmaps in kube-system"},
        {json::array({rule("", "configmaps/*")}), "configmaps in kube-system"},  // whose own part is every part
        {json::array({namespaced}), "configmaps in kube-system"},
        {json::array({rule("", "endpoints")}), "endpoints in default"},
        {json::array({rule("discovery.k8s.io", "endpointslices")}), "endpointslices in default"},
        {json::array({rule("", "pods"), rule("", "endpoints")}), "endpoints in default"},
        {json::array({rule("", "configmaps", "DELETE")}), std::nullopt},
        {json::array({rule("apps", "configmaps")}), std::nullopt},
        {json::array({rule("", "pods/*")}), std::nullopt},
        {json::array({rule("", "configmaps/status")}), std::nullopt},
        {json::array({cluster_wide}), std::nullopt},
        {json::array(), std::nullopt},
        {json::array({7, "x"}), std::nullopt},
    };
    for (const auto& [rules, covered] : cases) EXPECT_EQ(covered_by(webhook(rules), labelled), covered) << rules;
}

json expression(const char* key, const char* how, json values = json::array()) {
    return {{"matchExpressions", {{{"key", key}, {"operator", how}, {"values", std::move(values)}}}}};
}

TEST(WebhookRules, ANamespaceSelectorExempts) {
    const auto configmaps = json::array({rule("", "configmaps")});
    const std::vector<std::pair<json, bool>> cases{
        {json::object(), true},
        {{{"matchLabels", {{"control-plane", "true"}}}}, true},
        {{{"matchLabels", {{"control-plane", "false"}}}}, false},
        {{{"matchLabels", {{"other", "x"}}}}, false},
        {expression("control-plane", "Exists"), true},
        {expression("control-plane", "DoesNotExist"), false},
        {expression("kubernetes.io/metadata.name", "In", {"kube-system", "a"}), true},
        {expression("kubernetes.io/metadata.name", "In", {"a"}), false},
        {expression("kubernetes.io/metadata.name", "NotIn", {"kube-system"}), false},
        {expression("absent", "NotIn", {"x"}), true},
        {expression("control-plane", "Gt", {"x"}), true},  // of an operator to come
    };
    for (const auto& [selector, covers] : cases) {
        EXPECT_EQ(covered_by(webhook(configmaps, selector), labelled).has_value(), covers) << selector;
        EXPECT_TRUE(covered_by(webhook(configmaps, selector), {})) << "labels that are not known exempt nothing";
    }
    EXPECT_FALSE(asks_for_labels(webhook(configmaps)));
    EXPECT_TRUE(asks_for_labels(webhook(configmaps, expression("a", "Exists"))));
    EXPECT_FALSE(asks_for_labels(webhook(json::array({rule("", "pods")}), expression("a", "Exists"))));
}

TEST(WebhookRules, AnObjectSelectorIsHeldAgainstTheObjectsAsTheyAre) {
    const auto configmaps = json::array({rule("", "configmaps")}), endpoints = json::array({rule("", "endpoints")});
    EXPECT_FALSE(covered_by(webhook(configmaps, {}, expression("a", "Exists")), labelled));
    EXPECT_TRUE(covered_by(webhook(configmaps, {}, expression("a", "DoesNotExist")), labelled));
    EXPECT_TRUE(covered_by(webhook(configmaps, {}, expression("owner", "In", {"us"})), labelled)) << "added by people";
    EXPECT_TRUE(covered_by(webhook(configmaps, {}, expression("a", "Exists")), {})) << "labels that are not known";
    EXPECT_TRUE(asks_for_labels(webhook(configmaps, {}, expression("a", "Exists"))));
    EXPECT_TRUE(
        covered_by(webhook(endpoints, {}, expression("endpointslice.kubernetes.io/skip-mirror", "Exists")), labelled));
    EXPECT_TRUE(covered_by(
        webhook(endpoints, {}, expression("endpointslice.kubernetes.io/skip-mirror", "DoesNotExist")), labelled));
}

json configuration(const char* policy) {
    json hook{{"name", "deny.example"},
              {"clientConfig", {{"service", {{"namespace", "policy"}, {"name", "hook"}}}}},
              {"rules", {rule("", "configmaps")}}};
    if (policy != nullptr) hook["failurePolicy"] = policy;
    return {{"metadata", {{"name", "policies"}}}, {"webhooks", {hook}}};
}
std::string list(const char* version, std::vector<json> items) {
    return json{{"kind", "ValidatingWebhookConfigurationList"},
                {"apiVersion", std::string("admissionregistration.k8s.io/") + version},
                {"items", items}}
        .dump();
}

TEST(ParseClosedWebhooks, TakesThoseThatFailClosed) {
    EXPECT_EQ(parse_closed_webhooks(list("v1", {configuration("Fail"), configuration("Ignore")}))->size(), 1U);
    EXPECT_EQ(parse_closed_webhooks(list("v1", {configuration(nullptr)}))->size(), 1U);
    EXPECT_EQ(parse_closed_webhooks(list("v1beta1", {configuration(nullptr)}))->size(), 0U);
    const auto read = parse_closed_webhooks(list("v1", {configuration("Fail")}));
    EXPECT_EQ(read->front().name, "validatingwebhookconfiguration policies, webhook deny.example");
    EXPECT_EQ(read->front().service_namespace + "/" + read->front().service_name, "policy/hook");
    for (const char* text : {"", "{}", R"({"kind":"PodList"})"}) EXPECT_FALSE(parse_closed_webhooks(text)) << text;
}

// --- what is asked ---

// Masters that answer by path; what is not listed answers 404.
struct Api {
    std::map<std::string, std::pair<unsigned, std::string>> answers;
    std::vector<std::string> asked;
    std::string dead;  // the master that gives no answer

    ControlPlane observe(bool order = true) {
        const AskThrough ask = [this](std::string master, HttpRequest request) -> asio::awaitable<Result<HttpReply>> {
            asked.push_back(master + " " + request.path);
            if (master == dead) co_return fail(Errc::timeout, "no answer");
            HttpReply reply;
            reply.status = 404;
            if (const auto found = answers.find(request.path); found != answers.end()) {
                reply.status = found->second.first;
                reply.body = found->second.second;
            }
            co_return reply;
        };
        asio::io_context io(1);
        ControlPlane seen;
        std::exception_ptr thrown;
        asio::co_spawn(io, observe_control_plane(ask, {"m0", "m1"}, order),
                       [&](std::exception_ptr error, ControlPlane made) {
                           thrown = error;
                           seen = std::move(made);
                       });
        io.run();
        if (thrown) std::rethrow_exception(thrown);
        return seen;
    }
    void say(const std::string& path, std::string body, unsigned status = 200) { answers[path] = {status, body}; }
};
constexpr const char* validating = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations";
constexpr const char* hook_endpoints = "/api/v1/namespaces/policy/endpoints/hook";

TEST(ObserveControlPlane, AsksForEverythingThatAPlanNeeds) {
    Api api;
    api.say(
        "/api/v1/componentstatuses",
        R"({"kind":"ComponentStatusList","items":[{"metadata":{"name":"etcd-0"},"conditions":[{"type":"Healthy","status":"True"}]}]})");
    api.say(validating, list("v1", {configuration("Fail")}));
    api.say(hook_endpoints, R"({"kind":"Endpoints","subsets":[{"addresses":[{"ip":"10.2.0.1"}]}]})");
    api.say("/api/v1/namespaces/default/endpoints/kubernetes",
            R"({"kind":"Endpoints","subsets":[{"addresses":[{"ip":"10.0.0.1"}]}]})");
    api.say("/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/kube-controller-manager",
            R"({"kind":"Lease","spec":{"holderIdentity":"h_u"}})");
    const auto seen = api.observe();
    EXPECT_TRUE(seen.etcd.at("m0")->front().healthy);
    EXPECT_TRUE(seen.etcd.at("m1")->front().healthy);
    ASSERT_EQ(seen.webhooks->size(), 1U);
    EXPECT_EQ(seen.webhooks->front().covers, "configmaps in kube-system");
    EXPECT_EQ(seen.webhooks->front().backend, "policy/hook");
    EXPECT_EQ(*seen.webhooks->front().ready, 1U);
    EXPECT_THAT(*seen.endpoints, ElementsAre("10.0.0.1"));
    EXPECT_EQ(*seen.controller_manager, "h_u");
    EXPECT_EQ(*seen.scheduler, "") << "neither a lease nor an annotation: nobody holds it";
}

TEST(ObserveControlPlane, SaysWhichGrantIsMissing) {
    Api api;
    api.say("/api/v1/componentstatuses", "{}", 403);
    api.say(validating, "{}", 403);
    api.say("/api/v1/namespaces/default/endpoints/kubernetes", "{}", 403);
    api.say("/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/kube-scheduler", "{}", 403);
    api.say("/api/v1/namespaces/kube-system/endpoints/kube-controller-manager", "{}", 403);
    const auto seen = api.observe();
    EXPECT_EQ(seen.etcd.at("m0").why().reason, "forbidden");
    EXPECT_THAT(seen.etcd.at("m0").why().detail, HasSubstr("list componentstatuses"));
    EXPECT_THAT(seen.webhooks.why().detail, HasSubstr("list validatingwebhookconfigurations.admissionregistration"));
    EXPECT_THAT(seen.endpoints.why().detail, HasSubstr("get endpoints kubernetes in namespace default"));
    EXPECT_THAT(seen.controller_manager.why().detail, HasSubstr("get endpoints kube-controller-manager in namespace"));
    EXPECT_THAT(seen.scheduler.why().detail, HasSubstr("get leases kube-scheduler in namespace kube-system"));
}

TEST(ObserveControlPlane, AWebhookWithoutItsServiceHasNoReadyBackend) {
    Api api;
    api.say(validating, list("v1", {configuration("Fail")}));
    EXPECT_EQ(*api.observe().webhooks->front().ready, 0U);
    api.say(hook_endpoints, "{}", 403);
    EXPECT_THAT(api.observe().webhooks->front().ready.why().detail, HasSubstr("get endpoints in namespace policy"));
    api.say(hook_endpoints, "{}", 500);
    EXPECT_FALSE(api.observe().webhooks->front().ready);
    auto odd = configuration("Fail");
    odd["webhooks"][0]["clientConfig"]["service"]["name"] = "../../secrets/x";
    api.say(validating, list("v1", {odd}));
    EXPECT_FALSE(api.observe().webhooks->front().ready);
    EXPECT_THAT(api.asked, testing::Not(testing::Contains(HasSubstr("secrets"))));
}

TEST(ObserveControlPlane, AsksOfEachServiceOnceAndOfNoMoreThanItMay) {
    Api api;
    api.say(validating, list("v1", std::vector<json>(40, configuration("Fail"))));
    EXPECT_EQ(api.observe(false).webhooks->size(), 40U);
    EXPECT_EQ(std::ranges::count_if(api.asked, [](const std::string& each) { return each.ends_with(hook_endpoints); }),
              1);
    std::vector<json> many;
    for (int at = 0; at < 40; ++at) {
        many.push_back(configuration("Fail"));
        many.back()["webhooks"][0]["clientConfig"]["service"]["name"] = "hook-" + std::to_string(at);
    }
    api.say(validating, list("v1", many));
    api.asked.clear();
    EXPECT_EQ(api.observe(false).webhooks.why().reason, "too_large");
    EXPECT_LT(api.asked.size(), 50U);
}

TEST(ObserveControlPlane, TellsWhichLabelsCouldNotBeRead) {
    Api api;
    auto exempted = configuration("Fail");
    exempted["webhooks"][0]["namespaceSelector"] = {{"matchLabels", {{"checked", "yes"}}}};
    api.say(validating, list("v1", {exempted, configuration("Fail")}));
    api.say("/api/v1/namespaces/kube-system", "{}", 403);
    const auto seen = api.observe(false);
    ASSERT_EQ(seen.webhooks->size(), 2U);
    EXPECT_THAT(seen.webhooks->front().unread,
                HasSubstr("forbidden: the probe may not get /api/v1/namespaces/kube-system"));
    EXPECT_EQ(seen.webhooks->back().unread, "") << "it asks for no label";
}

// What an apiserver that lies may send: never an exception, never more known than was said.
TEST(ObserveControlPlane, SurvivesAnswersOfOtherTypes) {
    const std::string lists = R"({"kind":"ValidatingWebhookConfigurationList","apiVersion":"x/v1","items":)";
    for (
        const std::string body :
        {std::string("[]"), std::string("7"), std::string("{"), lists + "7}", lists + "[7,null,[],\"x\"]}",
         lists + R"([{"webhooks":{}}]})",
         lists + R"([{"metadata":[],"webhooks":[{"name":7,"rules":{},"clientConfig":[]}]}]})",
         lists +
             R"([{"webhooks":[{"rules":[{"apiGroups":"*","resources":[7],"operations":null}],"clientConfig":{"service":7}}]}]})",
         lists +
             R"([{"webhooks":[{"rules":[{"apiGroups":["*"],"resources":["*"],"operations":["*"]}],"namespaceSelector":{"matchLabels":7,
              "matchExpressions":[{"key":[],"operator":"In","values":null}]},"clientConfig":{"service":{"namespace":7,"name":[]}}}]}]})",
         std::string(R"({"kind":"Namespace","metadata":{"labels":7}})"),
         std::string(R"({"kind":"Endpoints","subsets":[{"addresses":[{"ip":7}]},7]})"),
         std::string(R"({"kind":"Lease","spec":{"holderIdentity":[]}})"),
         std::string(R"({"kind":"ComponentStatusList","items":[7,{"metadata":{"name":[]},"conditions":{}}]})")}) {
        Api api;
        for (const std::string path : {"/api/v1/componentstatuses", validating, "/api/v1/namespaces/kube-system",
                                       "/api/v1/namespaces/default", "/api/v1/namespaces/default/endpoints/kubernetes",
                                       "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/kube-scheduler"})
            api.say(path, body);
        const auto seen = api.observe();
        EXPECT_TRUE(!seen.etcd.at("m0") || seen.etcd.at("m0")->empty()) << body;
        EXPECT_TRUE(!seen.endpoints || seen.endpoints->empty()) << body;
        EXPECT_TRUE(!seen.scheduler || seen.scheduler->empty()) << body;
    }
}

TEST(ObserveControlPlane, AsksAnotherMasterWhereOneIsSilentAndOlderGroupsWhereThereIsNoNewer) {
    Api api;
    api.dead = "m0";
    api.say(
        "/apis/admissionregistration.k8s.io/v1beta1/mutatingwebhookconfigurations",
        R"({"kind":"MutatingWebhookConfigurationList","apiVersion":"admissionregistration.k8s.io/v1beta1","items":[]})");
    const auto seen = api.observe(false);
    EXPECT_FALSE(seen.etcd.at("m0"));
    EXPECT_EQ(seen.etcd.at("m0").why().reason, "timeout");
    EXPECT_THAT(*seen.webhooks, IsEmpty());
    EXPECT_THAT(api.asked,
                testing::Contains("m1 /apis/admissionregistration.k8s.io/v1beta1/mutatingwebhookconfigurations"));
    EXPECT_EQ(seen.endpoints.why().reason, "not-asked");
    EXPECT_EQ(seen.scheduler.why().reason, "not-asked");
}

}  // namespace
}  // namespace aggmedic::probes
