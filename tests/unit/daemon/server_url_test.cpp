#include "daemon/server_url.hpp"

#include <gtest/gtest.h>

namespace aggmedic::daemon {
namespace {

struct UrlCase {
    std::string text, host;
    int port;
};

TEST(ParseServerUrl, TakesHostAndPortOfAnApiserver) {
    const std::vector<UrlCase> cases = {
        {"https://demo.pks.ik.am:8443", "demo.pks.ik.am", 8443},
        {"https://10.0.0.1", "10.0.0.1", 443},
        {"https://10.0.0.1:6443/", "10.0.0.1", 6443},
        {"https://[::1]:6443", "::1", 6443},
    };
    for (const auto& [text, host, port] : cases) {
        const auto parsed = parse_server_url(text);
        ASSERT_TRUE(parsed) << text << ": " << parsed.error().detail;
        EXPECT_EQ(parsed->host, host) << text;
        EXPECT_EQ(parsed->port, port) << text;
    }
}

TEST(ParseServerUrl, RefusesWhatIsNoApiserver) {
    for (const auto* text :
         {"", "demo", "http://demo", "https://", "https://u:p@demo", "https://demo/k8s/clusters/x", "https://demo?a=b",
          "https://demo:0", "https://demo:99999", "https://de%00mo", "https://a..b", "ftp://demo", "https://demo#x"}) {
        EXPECT_FALSE(parse_server_url(text)) << text;
    }
}

TEST(ParseListenAddress, NeedsHostAndPort) {
    EXPECT_EQ(parse_listen_address("127.0.0.1:10797"), (HostAndPort{"127.0.0.1", 10797}));
    EXPECT_EQ(parse_listen_address("[::1]:0"), (HostAndPort{"::1", 0}));
    for (const auto* text : {"", "127.0.0.1", ":10797", "10797", "x:y", "127.0.0.1:", "127.0.0.1:70000", "a@b:1"}) {
        EXPECT_FALSE(parse_listen_address(text)) << text;
    }
}

}  // namespace
}  // namespace aggmedic::daemon
