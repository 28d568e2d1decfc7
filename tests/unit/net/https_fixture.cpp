#include "https_fixture.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>
#include <future>

namespace aggmedic {

test::Identity local_identity(const test::TestCa& ca) {
    return ca.issue({.alternative_names = {"DNS:localhost", "IP:127.0.0.1"}});
}

HttpRequest get(std::string path, std::chrono::milliseconds timeout) {
    return {.path = std::move(path), .timeout = timeout};
}

test::TlsServer::Script always(std::string bytes) {
    return [bytes = std::move(bytes)](test::ServerConnection& connection) {
        while (!connection.read_request().empty()) connection.write(bytes);
    };
}

HttpsTarget HttpsClientTest::target_of(const test::TlsServer& server) const {
    return {.host = "127.0.0.1", .port = server.port(), .ca_pem = ca.certificate_pem()};
}

test::TlsServer HttpsClientTest::serve(test::TlsServer::Script script) const {
    return test::TlsServer({.identity = local_identity(ca)}, std::move(script));
}

Result<HttpReply> HttpsClientTest::send(HttpsClient& client, HttpRequest request) {
    auto reply = asio::co_spawn(io, client.send(std::move(request)), asio::use_future);
    io.restart();
    io.run();
    return reply.get();
}

Result<HttpReply> HttpsClientTest::ask(HttpsTarget target, HttpRequest request) {
    HttpsClient client(io.get_executor(), std::move(target));
    return send(client, std::move(request));
}

Error HttpsClientTest::error_of(HttpsTarget target, HttpRequest request) {
    const auto reply = ask(std::move(target), std::move(request));
    return reply ? Error{.code = {}, .detail = "answered " + std::to_string(reply->status)} : reply.error();
}

}  // namespace aggmedic
