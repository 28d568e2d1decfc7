#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>
#include <mutex>

#include "daemon/credential_source.hpp"
#include "daemon/exec_plugin.hpp"
#include "daemon/kubeconfig.hpp"
#include "daemon/looking.hpp"
#include "tests/unit/daemon/temporary_folder.hpp"
#include "tls_server.hpp"

namespace aggmedic::daemon {
namespace {

using testing::HasSubstr;
constexpr auto v1 = "client.authentication.k8s.io/v1";

template <class T>
T run(asio::awaitable<T> work) {
    asio::io_context io{1};
    auto future = asio::co_spawn(io, std::move(work), asio::use_future);
    io.run();
    return future.get();
}

std::string written_by(const TemporaryFolder& folder, const std::string& name, const std::string& script) {
    const auto file = folder.write(name, "#!/bin/sh\n" + script);
    ::chmod(file.c_str(), 0700);
    return file.string();
}

std::string credential_json(const std::string& token, const std::string& more = "") {
    return R"({"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":")" + token +
           "\"" + more + "}}";
}

TEST(TokenInFile, IsReadAgainWhenTheFileHasChanged) {
    const TemporaryFolder folder;
    const auto file = folder.write("token", "first\n");
    const auto source = token_in_file(file);
    EXPECT_EQ(run(source->current(false))->bearer_token, "first");
    folder.write("next", "second token\n");
    std::filesystem::rename(folder.path() / "next", file);
    EXPECT_FALSE(run(source->current(false)));  // half written: an error of this moment
    folder.write("next", "second\n");
    std::filesystem::rename(folder.path() / "next", file);
    EXPECT_EQ(run(source->current(false))->bearer_token, "second");
    std::filesystem::remove(file);
    EXPECT_FALSE(run(source->current(true)));
}

TEST(ExecCredential, ReadsTokenCertificateAndEnd) {
    const auto read =
        parse_exec_credential(credential_json("abc", R"(,"expirationTimestamp":"2027-01-01T00:00:00Z")"), v1);
    ASSERT_TRUE(read) << read.error().detail;
    EXPECT_EQ(read->credential.bearer_token, "abc");
    EXPECT_EQ(to_rfc3339(*read->expires), "2027-01-01T00:00:00Z");
    for (
        const std::string& wrong : {
            std::string("nothing"),
            std::string(R"({"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1"})"),
            std::string(R"({"kind":"Secret","apiVersion":"client.authentication.k8s.io/v1","status":{"token":"a"}})"),
            std::string(
                R"({"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1beta1","status":{"token":"a"}})"),
            std::string(R"({"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1","status":{}})"),
            credential_json("a b"),
            credential_json("a", R"(,"expirationTimestamp":"soon")"),
            credential_json("a", R"(,"clientKeyData":"k")"),
        }) {
        EXPECT_FALSE(parse_exec_credential(wrong, v1)) << wrong;
    }
}

TEST(ExecCredential, OnlyNamedProgramsAreAllowed) {
    const std::vector<std::string> allowed{"/usr/bin/aws", "/opt/kubelogin"};
    EXPECT_EQ(allowed_program(allowed, "aws"), "/usr/bin/aws");
    EXPECT_EQ(allowed_program(allowed, "/opt/kubelogin"), "/opt/kubelogin");
    for (const auto* other : {"/tmp/aws", "aws2", "", "/usr/bin/", "bin/aws"}) {
        EXPECT_FALSE(allowed_program(allowed, other)) << other;
    }
}

TEST(RunPlugin, HandsOverArgumentsAndEnvironmentWithoutAShell) {
    const TemporaryFolder folder;
    ::setenv("AGGMEDIC_TEST_SECRET", "not for plugins", 1);
    ExecPlugin plugin{.program = written_by(folder, "plugin", "printf '%s|' \"$@\"; env | sort"),
                      .arguments = {"a b", "$(id)", ";"},
                      .environment = {{"REGION", "x y"}},
                      .api_version = v1};
    const auto output = run(run_plugin(plugin, std::chrono::seconds(20)));
    ASSERT_TRUE(output) << output.error().detail;
    EXPECT_THAT(*output, testing::StartsWith("a b|$(id)|;|"));
    EXPECT_THAT(*output, HasSubstr("REGION=x y"));
    EXPECT_THAT(*output, HasSubstr("KUBERNETES_EXEC_INFO={"));
    EXPECT_THAT(*output, testing::Not(HasSubstr("AGGMEDIC_TEST_SECRET")));
}

TEST(RunPlugin, EndsByItsDeadlineItsOutputOrItsStatus) {
    const TemporaryFolder folder;
    const auto start = [&](const char* name, const char* script, std::chrono::milliseconds limit) {
        return run(run_plugin(
            {.program = written_by(folder, name, script), .arguments = {}, .environment = {}, .api_version = v1},
            limit));
    };
    EXPECT_EQ(start("hangs", "sleep 60 & sleep 60", std::chrono::milliseconds(300)).error().code, Errc::timeout);
    EXPECT_EQ(start("talks", "yes", std::chrono::seconds(20)).error().code, Errc::too_large);
    EXPECT_THAT(start("fails", "exit 3", std::chrono::seconds(20)).error().detail, HasSubstr("status 3"));
    EXPECT_EQ(run(run_plugin({.program = "/nonexistent", .arguments = {}, .environment = {}, .api_version = v1},
                             std::chrono::seconds(5)))
                  .error()
                  .code,
              Errc::io_failed);
}

TEST(CredentialOfPlugin, IsKeptUntilItEndsOrIsRefused) {
    const TemporaryFolder folder;
    const auto counted = [&](const std::string& name, const std::string& expires) {
        const auto count = (folder.path() / (name + ".count")).string();
        const auto json =
            credential_json("token-$(wc -l < " + count + ")", ",\"expirationTimestamp\":\"" + expires + "\"");
        return credential_of_plugin(
            {.program = written_by(folder, name, "echo x >> " + count + "\ncat <<END\n" + json + "\nEND\n"),
             .arguments = {},
             .environment = {},
             .api_version = v1});
    };
    const auto lasting = counted("lasting", "2099-01-01T00:00:00Z");
    EXPECT_EQ(run(lasting->current(false))->bearer_token, "token-1");
    EXPECT_EQ(run(lasting->current(false))->bearer_token, "token-1");
    EXPECT_EQ(run(lasting->current(true))->bearer_token, "token-2");
    const auto ended = counted("ended", "2020-01-01T00:00:00Z");
    EXPECT_EQ(run(ended->current(false))->bearer_token, "token-1");
    EXPECT_EQ(run(ended->current(false))->bearer_token, "token-2");
}

TEST(Kubeconfig, LogsInByAPluginOnlyWhereItIsNamed) {
    const TemporaryFolder folder;
    const auto program = written_by(folder, "login", "cat <<END\n" + credential_json("from-plugin") + "\nEND\n");
    const auto file = folder.write("config", R"(
current-context: c
contexts: [{name: c, context: {cluster: k, user: u}}]
clusters: [{name: k, cluster: {server: "https://10.0.0.1"}}]
users: [{name: u, user: {exec: {apiVersion: client.authentication.k8s.io/v1, command: login, args: [-a, b], env: [{name: X, value: y}]}}}]
)");
    EXPECT_THAT(read_kubeconfig(file, "").error().detail, HasSubstr("exec_plugins: [/path/to/login]"));
    auto read = read_kubeconfig(file, "", {program});
    ASSERT_TRUE(read) << read.error().detail;
    EXPECT_EQ(read->exec->arguments, (std::vector<std::string>{"-a", "b"}));
    EXPECT_EQ(read->exec->environment.at("X"), "y");
    const auto user = renewable_user(*read, file, "", {program});
    EXPECT_FALSE(user.empty());
    EXPECT_EQ(run(user.source->current(false))->bearer_token, "from-plugin");
}

// An apiserver that takes one token only; which one changes under the probe's feet.
class RotatingApiserver {
  public:
    explicit RotatingApiserver(const test::TestCa& ca)
        : server_({.identity = ca.issue({.common_name = "demo.example", .alternative_names = {"DNS:demo.example"}})},
                  [this](test::ServerConnection& connection) { serve(connection); }) {}
    std::uint16_t port() const { return server_.port(); }
    void expect(const std::string& token) {
        const std::lock_guard lock(mutex_);
        token_ = token;
    }

  private:
    void serve(test::ServerConnection& connection) {
        for (auto request = connection.read_request(); !request.empty(); request = connection.read_request()) {
            const std::lock_guard lock(mutex_);
            const bool good = request.contains("Bearer " + token_ + "\r\n");
            connection.write(good ? test::answer("{\"items\":[]}") : test::answer("{}", "", "401 Unauthorized"));
        }
    }
    std::mutex mutex_;
    std::string token_;
    test::TlsServer server_;
};

TEST(Rotation, ATokenThatIsRenewedCostsNoCycle) {
    const test::TestCa ca;
    const TemporaryFolder folder;
    RotatingApiserver apiserver(ca);
    const auto file = folder.write("token", "old");
    probes::ClusterTarget target;
    target.name = "demo";
    target.server_host = "127.0.0.1";
    target.server_port = apiserver.port();
    target.server_name = "demo.example";
    target.ca_pem = ca.certificate_pem();
    target.probe = {
        .bearer_token = "old", .client_certificate_pem = {}, .client_key_pem = {}, .source = token_in_file(file)};
    asio::io_context io{1};
    const auto connections = probes::connect_cluster(io.get_executor(), target);
    const auto cycle = [&] {
        probes::ProbeSettings settings;
        settings.attempts = 1;
        auto future = asio::co_spawn(io, observe_as_renewed("demo", connections, settings), asio::use_future);
        io.restart();
        io.run();
        const auto observation = future.get();
        return observation.apiservers.at(0).control->status;
    };
    apiserver.expect("old");
    EXPECT_EQ(cycle(), 200U);
    folder.write("token", "new");  // written, and the apiserver takes it at once
    apiserver.expect("new");
    EXPECT_EQ(cycle(), 200U);
    apiserver.expect("newest");  // refused before the file shows it
    EXPECT_EQ(cycle(), 401U);
    folder.write("token", "newest");
    EXPECT_EQ(cycle(), 200U);
}

}  // namespace
}  // namespace aggmedic::daemon
