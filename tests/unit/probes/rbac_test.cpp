#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <yaml-cpp/yaml.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <set>
#include <sstream>

#include "blast_radius_answers.hpp"
#include "probes/observe_control_plane.hpp"

// Everything that a cycle asks is granted by probes/rbac.yaml, with the example's groups and namespaces replaced by the
// test's.
namespace aggmedic::probes {

namespace {

// What a request asks of RBAC (kubernetes/apiserver request info): a resource, or a path that is none.
struct Asked {
    std::string path, verb = "get", group, resource, name, space;
    bool is_resource = false;
};

Asked read_request(const std::string& with_query) {
    Asked asked;
    asked.path = with_query.substr(0, with_query.find('?'));
    std::vector<std::string> words;
    std::istringstream in(asked.path);
    for (std::string word; std::getline(in, word, '/');) {
        if (!word.empty()) words.push_back(word);
    }
    const bool is_core = words.at(0) == "api";
    const std::size_t root = is_core ? 2 : 3;
    if ((!is_core && words[0] != "apis") || words.size() <= root) return asked;
    asked.is_resource = true;
    asked.group = is_core ? "" : words[1];
    auto at = root;
    if (words[at] == "namespaces" && words.size() > at + 2) {
        asked.space = words[at + 1];
        at += 2;
    }
    asked.resource = words[at];
    if (words.size() > at + 1) asked.name = words[at + 1];
    if (words.size() > at + 2) asked.resource += "/" + words[at + 2];
    asked.verb = asked.name.empty() ? "list" : "get";
    if (asked.resource == "subjectaccessreviews") asked.verb = "create";  // the only thing that is posted
    return asked;
}

bool holds(const YAML::Node& list, const std::string& value, bool wildcards = true) {
    for (const auto& each : list) {
        const auto text = each.as<std::string>();
        if (text == value || (wildcards && text == "*")) return true;
        if (wildcards && text.ends_with("/*") && value.starts_with(text.substr(0, text.size() - 1))) return true;
    }
    return false;
}

bool allows(const YAML::Node& rule, const Asked& asked) {
    if (!holds(rule["verbs"], asked.verb)) return false;
    if (!asked.is_resource) return holds(rule["nonResourceURLs"], asked.path);
    if (!holds(rule["apiGroups"], asked.group, false) || !holds(rule["resources"], asked.resource)) return false;
    return !rule["resourceNames"] || holds(rule["resourceNames"], asked.name, false);
}

class Rbac {
  public:
    Rbac() : documents_(YAML::LoadAllFromFile(AGGMEDIC_RBAC)) {}

    bool grants(const std::string& account, const Asked& asked) const {
        for (const auto& binding : documents_) {
            const auto kind = text(binding["kind"]);
            if (kind != "ClusterRoleBinding" && kind != "RoleBinding") continue;
            if (text(binding["subjects"][0]["name"]) != account) continue;
            const auto space = text(binding["metadata"]["namespace"]);
            if (kind == "RoleBinding" && space != asked.space) continue;
            if (role_allows(binding["roleRef"], space, asked)) return true;
        }
        return false;
    }

  private:
    static std::string text(const YAML::Node& node) { return node ? node.as<std::string>() : std::string(); }

    bool role_allows(const YAML::Node& reference, const std::string& space, const Asked& asked) const {
        const auto kind = text(reference["kind"]), name = text(reference["name"]);
        // Kubernetes bootstraps this one.
        if (name == "extension-apiserver-authentication-reader") {
            return asked.resource == "configmaps" && asked.name == "extension-apiserver-authentication";
        }
        for (const auto& role : documents_) {
            if (text(role["kind"]) != kind || text(role["metadata"]["name"]) != name) continue;
            if (kind == "Role" && text(role["metadata"]["namespace"]) != space) continue;
            for (const auto& rule : role["rules"]) {
                if (allows(rule, asked)) return true;
            }
        }
        return false;
    }

    std::vector<YAML::Node> documents_;
};

// The fake's names as those that rbac.yaml gives as examples.
std::string as_in_the_example(std::string path) {
    for (const auto& [from, to] : {std::pair<std::string, std::string>{"/namespaces/ns/", "/namespaces/catalog/"},
                                   {"/g0.example/", "/servicecatalog.k8s.io/"}}) {
        if (const auto at = path.find(from); at != std::string::npos) path.replace(at, from.size(), to);
    }
    return path;
}

}  // namespace

class RbacTest : public ObserveTest {};

TEST_F(RbacTest, GrantsEverythingThatACycleAsks) {
    const Rbac rbac;
    FakeApiserver healthy(ca), failing(ca), sliced(ca), orphaned(ca), metrics(ca);
    for (auto* each : {&failing, &sliced, &orphaned}) add_backend(*each);
    metrics.answers[FakeApiserver::list] = ok({{"kind", "APIServiceList"}, {"items", {apiservice("metrics.k8s.io")}}});
    metrics.answers["/apis/metrics.k8s.io/v1"] = failure;
    ProbeSettings settings;
    settings.blast_radius = true;
    sliced.answers[endpoints_path] = not_found;
    orphaned.answers[service_path] = not_found;
    for (auto* apiserver : {&healthy, &failing, &sliced, &orphaned, &metrics}) {
        auto cluster = target(apiserver->port());
        cluster.canary.bearer_token = "canary-token";
        observe(cluster, settings);
        for (const auto& path : apiserver->all_paths()) {
            if (path.ends_with("/aggmedic-beyond")) {  // must be refused, and is asked to see that it is
                EXPECT_FALSE(rbac.grants("aggmedic-canary", read_request(as_in_the_example(path)))) << path;
                continue;
            }
            const bool is_canary = apiserver->token_at(path) == "canary-token";
            EXPECT_TRUE(
                rbac.grants(is_canary ? "aggmedic-canary" : "aggmedic-probe", read_request(as_in_the_example(path))))
                << path;
        }
    }
    EXPECT_EQ(failing.asked("/metrics"), 1);
    EXPECT_EQ(healthy.asked("/metrics"), 0);
    EXPECT_EQ(failing.asked(log_path), 1);
    EXPECT_EQ(sliced.asked(slices_path), 1);
    EXPECT_EQ(orphaned.asked("/api/v1/namespaces/ns"), 1);
    EXPECT_EQ(metrics.asked(autoscalers_v2_path), 1);
    EXPECT_EQ(metrics.asked(stuck_path), 1);
}

TEST_F(RbacTest, GrantsEverythingThatAPlanAsksOfTheControlPlane) {
    const Rbac rbac;
    std::set<std::string> paths;
    const AskThrough ask = [&paths](std::string, HttpRequest request) -> asio::awaitable<Result<HttpReply>> {
        paths.insert(request.path);
        HttpReply reply;
        reply.status = 404;  // so that the older forms are asked for too
        if (!request.path.ends_with("/v1beta1/validatingwebhookconfigurations")) co_return reply;
        reply.status = 200;
        reply.body = R"({"kind":"ValidatingWebhookConfigurationList","items":[{"webhooks":[{"failurePolicy":"Fail",
            "clientConfig":{"service":{"namespace":"catalog","name":"hook"}},"namespaceSelector":{"matchLabels":{"a":"b"}},
            "rules":[{"apiGroups":["*"],"resources":["*"],"operations":["*"]}]}]}]})";
        co_return reply;
    };
    asio::io_context io(1);
    std::exception_ptr thrown;
    asio::co_spawn(io, observe_control_plane(ask, {"m0"}, true),
                   [&](std::exception_ptr error, const ControlPlane&) { thrown = error; });
    io.run();
    EXPECT_FALSE(thrown);
    EXPECT_EQ(paths.size(), 14U);
    for (const auto& path : paths) EXPECT_TRUE(rbac.grants("aggmedic-probe", read_request(path))) << path;
}

TEST_F(RbacTest, GrantsNothingMore) {
    const Rbac rbac;
    for (const std::string path :
         {"/api/v1/secrets", "/api/v1/namespaces/catalog/secrets/token", "/api/v1/namespaces/default/pods",
          "/api/v1/namespaces/default/pods/p/log", "/api/v1/namespaces/catalog/pods/p/exec", "/api/v1/nodes",
          "/api/v1/namespaces/kube-system/configmaps/other", "/logs"}) {
        EXPECT_FALSE(rbac.grants("aggmedic-probe", read_request(path))) << path;
    }
    for (const std::string path :
         {"/apis/servicecatalog.k8s.io/v1/namespaces/default/things",
          "/apis/servicecatalog.k8s.io/v1/namespaces/default/things/other", "/api/v1/namespaces/catalog/pods"}) {
        EXPECT_FALSE(rbac.grants("aggmedic-canary", read_request(path))) << path;
    }
}

}  // namespace aggmedic::probes
