#include "net/http_message.hpp"

#include <gtest/gtest.h>

namespace aggmedic {
namespace {

TEST(HttpMessage, SerializesWhatIsSet) {
    EXPECT_EQ(serialize({.path = "/a"}, "h", ""), "GET /a HTTP/1.1\r\nHost: h\r\nUser-Agent: aggmedic/" AGGMEDIC_VERSION
                                                  "\r\nAccept-Encoding: identity\r\nAccept: application/json\r\n\r\n");
    const auto patch = serialize({.method = "PATCH", .accept = ""}, "h", "t");
    EXPECT_TRUE(patch.ends_with("Authorization: Bearer t\r\nContent-Length: 0\r\n\r\n")) << patch;
}

TEST(HttpMessage, RefusesWhatWouldEndALine) {
    EXPECT_TRUE(check_request({.path = "/apis/a.b/v1?limit=1&x=%20"}));
    EXPECT_FALSE(check_request({.method = "get"}));
    EXPECT_FALSE(check_request({.method = ""}));
    EXPECT_FALSE(check_request({.method = "GET /x HTTP/1.1\r\n"}));
    EXPECT_FALSE(check_request({.accept = "a\r\nb"}));
    EXPECT_FALSE(check_request({.content_type = "a\nb"}));
    EXPECT_TRUE(is_header_value("text/plain; q=1"));
    EXPECT_FALSE(is_header_value("tab\t"));
}

}  // namespace
}  // namespace aggmedic
