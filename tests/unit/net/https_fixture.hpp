#pragma once

#include <gmock/gmock.h>

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <string>

#include "net/https_client.hpp"
#include "tls_server.hpp"

namespace aggmedic {

// For every name that the loopback servers are asked by.
test::Identity local_identity(const test::TestCa& ca);
HttpRequest get(std::string path, std::chrono::milliseconds timeout = std::chrono::seconds(20));
// Serves the same bytes for every request on every connection, for as long as the client keeps them open.
test::TlsServer::Script always(std::string bytes);

class HttpsClientTest : public testing::Test {
  protected:
    HttpsTarget target_of(const test::TlsServer& server) const;
    test::TlsServer serve(test::TlsServer::Script script) const;
    Result<HttpReply> send(HttpsClient& client, HttpRequest request);
    // One request on a client of its own.
    Result<HttpReply> ask(HttpsTarget target, HttpRequest request);
    Error error_of(HttpsTarget target, HttpRequest request);

    asio::io_context io{1};
    test::TestCa ca;
};

}  // namespace aggmedic
