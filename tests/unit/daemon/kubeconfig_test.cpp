#include "daemon/kubeconfig.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/config.hpp"
#include "net/text.hpp"
#include "tests/unit/daemon/temporary_folder.hpp"

namespace aggmedic::daemon {
namespace {

using testing::HasSubstr;

constexpr std::string_view kubeconfig = R"(apiVersion: v1
kind: Config
preferences: {colors: true}
current-context: admin@demo
contexts:
- {name: admin@demo, context: {cluster: demo, user: admin, namespace: default}}
- {name: robot, context: {cluster: demo, user: robot}}
- {name: plugin, context: {cluster: demo, user: plugin}}
- {name: cloud, context: {cluster: demo, user: cloud}}
- {name: password, context: {cluster: demo, user: password}}
- {name: half, context: {cluster: demo, user: half}}
- {name: nobody, context: {cluster: demo, user: gone}}
- {name: nowhere, context: {cluster: gone, user: admin}}
- {name: proxied, context: {cluster: proxied, user: admin}}
- {name: plain, context: {cluster: plain, user: admin}}
- {name: insecure, context: {cluster: insecure, user: admin}}
- {name: odd, context: {cluster: odd, user: admin}}
clusters:
- {name: demo, cluster: {server: "https://10.0.0.1:6443", tls-server-name: kubernetes}}
- {name: proxied, cluster: {server: "https://10.0.0.1", proxy-url: "http://p"}}
- {name: plain, cluster: {server: "http://10.0.0.1:8080"}}
- {name: insecure, cluster: {server: "https://10.0.0.1", insecure-skip-tls-verify: true}}
- {name: odd, cluster: {server: "https://10.0.0.1", insecure-skip-tls-verify: true, certificate-authority-data: QUFB}}
users:
- {name: admin, user: {token: abc}}
- {name: robot, user: {token: abc, tokenFile: robot.token}}
- {name: plugin, user: {exec: {command: aws}}}
- {name: cloud, user: {auth-provider: {name: gcp}}}
- {name: password, user: {username: a, password: b}}
- {name: half, user: {client-certificate-data: QUFB}}
)";

class KubeconfigTest : public testing::Test {
  protected:
    Result<KubeconfigContext> read(std::string_view context) {
        folder.write("robot.token", "from-file\n");
        return read_kubeconfig(folder.write("config", kubeconfig), context);
    }
    TemporaryFolder folder;
};

TEST_F(KubeconfigTest, TakesTheCurrentContextUnlessOneIsNamed) {
    const auto current = read("");
    ASSERT_TRUE(current) << current.error().detail;
    EXPECT_EQ(current->name, "admin@demo");
    EXPECT_EQ(current->server_host, "10.0.0.1");
    EXPECT_EQ(current->server_port, 6443);
    EXPECT_EQ(current->server_name, "kubernetes");
    EXPECT_EQ(current->user.bearer_token, "abc");
    EXPECT_TRUE(read("insecure")->insecure_skip_tls_verify);
}

TEST_F(KubeconfigTest, TokenFileBesideItWinsOverToken) {
    EXPECT_EQ(read("robot")->user.bearer_token, "from-file");
}

TEST_F(KubeconfigTest, RefusesByName) {
    const std::vector<std::pair<std::string, std::string>> cases = {
        {"plugin", "user 'plugin' logs in by exec"},
        {"cloud", "user 'cloud' logs in by auth-provider"},
        {"password", "uses 'username'"},
        {"half", "needs both client-certificate and client-key"},
        {"nobody", "names user 'gone', which does not exist"},
        {"nowhere", "names cluster 'gone', which does not exist"},
        {"missing", "context 'missing' does not exist"},
        {"proxied", "has a proxy-url"},
        {"plain", "is not https"},
        {"odd", "both a certificate-authority and insecure-skip-tls-verify"},
    };
    for (const auto& [context, text] : cases) {
        const auto result = read(context);
        ASSERT_FALSE(result) << context;
        EXPECT_THAT(result.error().detail, HasSubstr(text)) << context;
    }
}

TEST_F(KubeconfigTest, SaysWhatIsWrongWithTheFile) {
    EXPECT_THAT(read_kubeconfig(folder.path() / "gone", "").error().detail, HasSubstr("gone: No such file"));
    EXPECT_THAT(read_kubeconfig(folder.write("list", "- a"), "").error().detail, HasSubstr("is no kubeconfig"));
    EXPECT_THAT(read_kubeconfig(folder.write("broken", "a: ["), "").error().detail, HasSubstr("broken:"));
    EXPECT_THAT(read_kubeconfig(folder.write("empty", "a: b"), "").error().detail, HasSubstr("no current-context"));
}

TEST_F(KubeconfigTest, BecomesAClusterThatStoresNothing) {
    read("");
    auto cluster = cluster_from_kubeconfig(folder.path() / "config", "");
    ASSERT_TRUE(cluster);
    EXPECT_EQ(cluster->target.name, "admin@demo");
    EXPECT_TRUE(config_for_kubeconfig(std::move(*cluster)).state_dir.empty());
}

}  // namespace
}  // namespace aggmedic::daemon
