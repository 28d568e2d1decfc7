#include "net/known_hosts.hpp"

#include <gmock/gmock.h>

namespace aggmedic {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const std::string first = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEoNP5NA8iT3XTBp7s5eh25c5JS6nRsNWtLcoAGgGD0z";
const std::string second = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAfnvMwWdMQOlJKF3Sn3c56ux+GphM8DoxhKMvTQ6Rty";
const std::string ecdsa =
    "ecdsa-sha2-nistp256 "
    "AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBLS2J1vRa7p+"
    "jhWD346vgVmFDy1RGWqWlzhvrXyrKnswoZdTkr7tU1sI4rb92D+X0C7rNsZ5SnqAOUuCqzgWVfQ=";

std::vector<std::string> keys(const std::string& text, std::string_view host, std::uint16_t port = 22) {
    auto found = known_host_keys(text, host, port);
    EXPECT_TRUE(found) << found.error().detail;
    return found ? *found : std::vector<std::string>{};
}

TEST(KnownHosts, FindsEveryKeyOfAHostAndNoOther) {
    const auto text =
        "# comment\n\na.example,10.0.0.1 " + first + " note\r\nb.example " + second + "\n\ta.example\t" + ecdsa;
    EXPECT_THAT(keys(text, "a.example"), ElementsAre(first, ecdsa));
    EXPECT_THAT(keys(text, "10.0.0.1"), ElementsAre(first));
    EXPECT_THAT(keys(text, "A.Example"), ElementsAre(first, ecdsa));
    EXPECT_THAT(keys(text, "example"), IsEmpty());
    EXPECT_THAT(keys("", "a.example"), IsEmpty());
}

TEST(KnownHosts, PrefersTheLineWithThePort) {
    const auto text = "h " + first + "\n[h]:2222 " + second + "\n[::1]:22022 " + ecdsa + "\n";
    EXPECT_THAT(keys(text, "h", 2222), ElementsAre(second));
    EXPECT_THAT(keys(text, "h", 22), ElementsAre(first));
    EXPECT_THAT(keys(text, "h", 2200), ElementsAre(first));
    EXPECT_THAT(keys(text, "::1", 22022), ElementsAre(ecdsa));
    EXPECT_THAT(keys(text, "::1", 22), IsEmpty());
}

TEST(KnownHosts, MatchesWildcardsAndNegation) {
    const auto text = "*.example,!bad.example " + first + "\n10.0.?.1 " + second + "\n";
    EXPECT_THAT(keys(text, "good.example"), ElementsAre(first));
    EXPECT_THAT(keys(text, "a.b.example"), ElementsAre(first));
    EXPECT_THAT(keys(text, "bad.example"), IsEmpty());
    EXPECT_THAT(keys(text, "10.0.7.1"), ElementsAre(second));
    EXPECT_THAT(keys(text, "10.0.77.1"), IsEmpty());
    EXPECT_THAT(keys("!only.example " + first, "only.example"), IsEmpty());
}

TEST(KnownHosts, MatchesNamesHashedByOpenSsh) {
    const std::string hashed = "|1|5TFkDXAWDKxI4NdCTXPBK8D98kc=|+ocFDxLoH7tTydRYgxOhrhxCLYk= ";
    const std::string hashed_port = "|1|Jk6JhIIrS3uiW3lSJLidY/+5Gag=|SGW5Jd23gsO+n+jRJ+p6QWR+2Dw= ";
    EXPECT_THAT(keys(hashed + first, "db.example"), ElementsAre(first));
    EXPECT_THAT(keys(hashed_port + first, "db.example", 2222), ElementsAre(first));
    EXPECT_THAT(keys(hashed_port + first, "db.example"), IsEmpty());
    EXPECT_THAT(keys(hashed + first, "other.example"), IsEmpty());
}

TEST(KnownHosts, NeverReturnsRevokedOrAuthorityKeys) {
    const auto text = "h " + first + "\nh " + second + "\n@revoked * " + first + "\n@cert-authority h " + ecdsa + "\n";
    EXPECT_THAT(keys(text, "h"), ElementsAre(second));
    EXPECT_THAT(keys("[h]:23 " + first + "\n@revoked h " + first, "h", 23), IsEmpty());
}

TEST(KnownHosts, NamesTheLineThatCannotBeRead) {
    for (const std::string& line :
         std::vector<std::string>{"h", "h ssh-ed25519", "h ssh-ed25519 !!!", "h ssh-ed25519 AAAA",
                                  "@unknown h " + first, "h ssh-rsa " + first.substr(12), "h 1024 35 1234567"}) {
        const auto found = known_host_keys("# one\n" + line, "h", 22);
        ASSERT_FALSE(found) << line;
        EXPECT_EQ(found.error().code, Errc::malformed_reply);
        EXPECT_THAT(found.error().detail, HasSubstr("line 2"));
    }
}

}  // namespace
}  // namespace aggmedic
