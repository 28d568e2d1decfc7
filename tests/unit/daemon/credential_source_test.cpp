#include "daemon/credential_source.hpp"

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>

#include "daemon/kubeconfig.hpp"
#include "tests/unit/daemon/temporary_folder.hpp"

namespace aggmedic::daemon {
namespace {

template <class T>
T run(asio::awaitable<T> work) {
    asio::io_context io{1};
    auto future = asio::co_spawn(io, std::move(work), asio::use_future);
    io.run();
    return future.get();
}

TEST(CredentialSource, OfARunKeepsNothingOfTheSecret) {
    const TemporaryFolder folder;
    const auto token = folder.write("token", "abc");
    const auto kubeconfig = folder.write("kubeconfig", R"yml(
current-context: one
contexts: [{name: one, context: {cluster: one, user: one}}]
clusters: [{name: one, cluster: {server: "https://10.0.0.1:6443"}}]
users: [{name: one, user: {token: abc}}]
)yml");
    const auto of_token = unkept([token] { return token_in_file(token); });
    const auto of_user = user_of_kubeconfig(kubeconfig, "", {});
    EXPECT_EQ(of_token->identity(), "token " + token.string());
    EXPECT_EQ(of_user->identity(), "kubeconfig " + kubeconfig.string() + " ");
    for (const auto& source : {of_token, of_user}) {
        const auto read = run(source->current(false));
        ASSERT_TRUE(read) << read.error().detail;
        EXPECT_EQ(read->bearer_token, "abc");
    }
    for (const auto& file : {token, kubeconfig}) std::filesystem::remove(file);
    for (const auto& source : {of_token, of_user}) EXPECT_FALSE(run(source->current(false))) << source->identity();
}

}  // namespace
}  // namespace aggmedic::daemon
