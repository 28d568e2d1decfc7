#include "net/ssh_protocol.hpp"

#include <gmock/gmock.h>

namespace aggmedic::ssh_protocol {
namespace {

using namespace std::string_literals;

std::string every_byte() {
    std::string bytes;
    for (int byte = 0; byte < 256; ++byte) bytes += static_cast<char>(byte);
    return bytes;
}

Request through(const Request& request) {
    const auto decoded = decode_request(encode(request).value());
    EXPECT_TRUE(decoded) << decoded.error().detail;
    return decoded.value();
}

Reply through(const Reply& reply) {
    const auto decoded = decode_reply(encode(reply).value());
    EXPECT_TRUE(decoded) << decoded.error().detail;
    return decoded.value();
}

TEST(SshProtocol, CarriesRequests) {
    const SshTarget target{.address = "10.0.0.1",
                           .port = 2222,
                           .user = "vcap",
                           .private_key_pem = "key\n",
                           .helper_installed = true,
                           .host_keys = {"a b", "c d"}};
    const auto connect =
        through({.id = 7, .body = Connect{.target = target, .timeout = std::chrono::milliseconds(1500)}});
    EXPECT_EQ(connect.id, 7U);
    const auto& read = std::get<Connect>(connect.body);
    EXPECT_EQ(read.target.address, target.address);
    EXPECT_EQ(read.target.port, target.port);
    EXPECT_EQ(read.target.helper_installed, target.helper_installed);
    EXPECT_EQ(read.target.user, target.user);
    EXPECT_EQ(read.target.private_key_pem, target.private_key_pem);
    EXPECT_EQ(read.target.host_keys, target.host_keys);
    EXPECT_EQ(read.timeout, std::chrono::milliseconds(1500));

    const VerbCall call{.verb = "swap", .arguments = {"", every_byte()}, .input = every_byte()};
    const auto verb = through({.id = 8, .body = Verb{.session = 7, .call = call}});
    EXPECT_EQ(std::get<Verb>(verb.body).session, 7U);
    EXPECT_EQ(std::get<Verb>(verb.body).call.arguments, call.arguments);
    EXPECT_EQ(std::get<Verb>(verb.body).call.input, call.input);
    EXPECT_EQ(std::get<Close>(through({.id = 9, .body = Close{.session = 7}}).body).session, 7U);
}

TEST(SshProtocol, CarriesReplies) {
    EXPECT_TRUE(std::holds_alternative<Connected>(through({.id = 1, .body = Connected{}}).body));
    const auto verb = std::get<VerbReply>(
        through({.id = 2, .body = VerbReply{.exit_status = 143, .output = every_byte(), .error_output = "e"}}).body);
    EXPECT_EQ(verb.exit_status, 143);
    EXPECT_EQ(verb.output, every_byte());
    const auto error = std::get<Error>(through({.id = 3, .body = Error{Errc::auth_failed, "no\n"}}).body);
    EXPECT_EQ(error, (Error{Errc::auth_failed, "no\\x0a"}));
}

TEST(SshProtocol, HoldsTheLargestReplyButNotAnyRequest) {
    const VerbReply largest{
        .exit_status = 0, .output = std::string(512 * 1024, '\xff'), .error_output = std::string(16 * 1024, 'e')};
    EXPECT_TRUE(decode_reply(encode(Reply{.id = 1, .body = largest}).value()));
    const VerbCall call{.verb = "v", .input = std::string(1024 * 1024, 'x')};
    EXPECT_EQ(encode(Request{.id = 1, .body = Verb{.session = 1, .call = call}}).error().code, Errc::invalid_argument);
    EXPECT_FALSE(frame(""));
    EXPECT_FALSE(frame(std::string(message_bytes_max + 1, 'x')));
    EXPECT_EQ(frame("abc").value(), "\0\0\0\3abc"s);
}

TEST(SshProtocol, RefusesMoreThanAWorkerMaySay) {
    const VerbReply too_much{.exit_status = 0, .output = std::string(512 * 1024 + 1, 'x')};
    EXPECT_FALSE(decode_reply(encode(Reply{.id = 1, .body = too_much}).value()));
    const VerbReply no_status{.exit_status = -1};
    EXPECT_FALSE(decode_reply(encode(Reply{.id = 1, .body = no_status}).value()));
}

TEST(SshProtocol, RefusesRequestsThatDoNotFit) {
    for (const std::string text :
         {"",
          "null",
          "7",
          "[]",
          "{}",
          R"({"id":1})",
          R"({"id":0,"close":{"session":1}})",
          R"({"id":1,"close":{}})",
          R"({"id":1,"close":{"session":-1}})",
          R"({"id":1,"close":{"session":18446744073709551615}})",
          R"({"id":1,"close":{"session":1.0}})",
          R"({"id":1,"close":[]})",
          R"({"id":1,"exec":{}})",
          R"({"id":1,"close":{"session":1},"verb":{}})",
          R"({"id":1,"verb":{"session":1,"verb":"v"}})",
          R"({"id":1,"verb":{"session":1,"verb":"v","arguments":["!"],"input":"","timeout_ms":1}})",
          R"({"id":1,"verb":{"session":1,"verb":"v","arguments":[1],"input":"","timeout_ms":1}})",
          R"({"id":1,"verb":{"session":1,"verb":"v","arguments":[],"input":"","timeout_ms":-1}})",
          R"({"id":1,"connect":{"address":"a","port":0,"user":"","key":"","host_keys":[],"timeout_ms":1}})",
          R"({"id":1,"connect":{"address":"a","port":65536,"user":"","key":"","host_keys":[],"timeout_ms":1}})"}) {
        EXPECT_FALSE(decode_request(text)) << text;
    }
    EXPECT_FALSE(decode_request(std::string(500'000, '['))) << "depth must not be the stack's";
}

}  // namespace
}  // namespace aggmedic::ssh_protocol
