#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "net/http_message.hpp"
#include "net/result.hpp"

namespace aggmedic {

namespace asio = boost::asio;

// Where to connect, whom to expect there, and who we are. Copied into the client; secrets live as long as the client.
struct HttpsTarget {
    std::string host{};  // name or address to connect to
    std::uint16_t port = 443;
    std::string server_name{};              // name (or address) that the certificate must carry, and SNI; empty: `host`
    std::string ca_pem{};                   // trust anchors; empty: the system's store
    bool insecure_skip_tls_verify = false;  // only a kubeconfig can ask for this; its findings say so
    std::string client_certificate_pem{};   // with client_key_pem: TLS client authentication
    std::string client_key_pem{};
    std::string bearer_token{};  // sent as `Authorization: Bearer`
};

// What the TLS handshake showed of the peer. A resumed session repeats what its full handshake showed.
struct TlsPeer {
    std::vector<std::string> chain_pem{};              // leaf first
    std::vector<std::string> acceptable_client_cas{};  // subject names, RFC 2253, from the CertificateRequest; the last
                                                       // full handshake that had one
    bool resumed = false;
};

// One peer, one kept connection (HTTP/1.1 keep-alive), TLS 1.2 or later, TLS sessions resumed. Requests on one client
// are sent one after another; a caller that wants them side by side makes several clients. No redirect is followed, no
// content coding is accepted (an answer with one is Errc::malformed_reply), headers are capped at 64 KiB.
// A kept connection that the peer closed is replaced once, before anything of the answer was read, for GET and HEAD
// only. Errors: resolve_failed, connect_failed, tls_failed (detail: the verification reason), write_failed,
// read_failed, timeout (detail: the phase), too_large, malformed_reply, cancelled.
class HttpsClient {
  public:
    HttpsClient(const asio::any_io_executor& executor, HttpsTarget target);
    ~HttpsClient();
    HttpsClient(const HttpsClient&) = delete;
    HttpsClient& operator=(const HttpsClient&) = delete;

    // Must be awaited to the end (or cancelled) before the client is destroyed.
    asio::awaitable<Result<HttpReply>> send(HttpRequest request);

    // What the last handshake showed; nullopt before the first.
    const std::optional<TlsPeer>& peer() const;
    // Forgets connection and TLS session: the next request makes a full handshake and so sees a renewed certificate.
    void forget();
    const HttpsTarget& target() const;

  private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace aggmedic
