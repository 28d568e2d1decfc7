#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <string>
#include <vector>

#include "net/https_client.hpp"

namespace aggmedic {

struct SslContextDeleter {
    void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};
using SslContextPointer = std::unique_ptr<SSL_CTX, SslContextDeleter>;

struct SslSessionDeleter {
    void operator()(SSL_SESSION* session) const { SSL_SESSION_free(session); }
};

// The newest TLS session of one client. TLS 1.3 tickets arrive at any time after the handshake, by callback.
struct SessionStore {
    std::unique_ptr<SSL_SESSION, SslSessionDeleter> newest;
};

// TLS 1.2 or later, the target's trust anchors and client certificate. `store` must outlive the context and every
// connection made from it. Errors: invalid_argument (unreadable PEM, a key that does not belong to the certificate).
Result<SslContextPointer> make_client_context(const HttpsTarget& target, SessionStore& store);

// Server name indication, the name or address that must be in the certificate, and the kept session.
Result<void> prepare_handshake(SSL* connection, const HttpsTarget& target, SessionStore& store);

// Why the peer's certificate was not accepted, whose name was expected and which names it carries; empty when it was.
std::string verification_failure(SSL* connection, const HttpsTarget& target);

// What the handshake showed; `previous` stands in for what a resumed handshake does not repeat.
TlsPeer read_peer(SSL* connection, const std::optional<TlsPeer>& previous);

// `server_name`, or `host` where there is none.
const std::string& expected_name(const HttpsTarget& target);

}  // namespace aggmedic
