#pragma once

#include <openssl/ssl.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "test_pki.hpp"

namespace aggmedic::test {

// A listening loopback socket on a port of the kernel's choice.
class Listener {
  public:
    explicit Listener(int backlog = 64);
    ~Listener();
    Listener(const Listener&) = delete;
    Listener& operator=(const Listener&) = delete;
    std::uint16_t port() const { return port_; }
    int accept() const;  // -1 after shut()
    void shut() const;

  private:
    int fd_ = -1;
    std::uint16_t port_ = 0;
};

// The server's end of one connection, with blocking calls; they answer empty or false once the peer is gone.
class ServerConnection {
  public:
    explicit ServerConnection(int fd) : fd_(fd) {}
    ~ServerConnection();
    ServerConnection(const ServerConnection&) = delete;
    ServerConnection& operator=(const ServerConnection&) = delete;

    bool handshake(SSL_CTX* context);
    std::string read_request();  // header and body; empty: the peer is gone
    bool write(std::string_view bytes);
    bool write_raw(std::string_view bytes);  // below TLS
    void wait_until_peer_closes();
    bool peer_closed_within(int milliseconds);
    void say_goodbye();  // close_notify
    void shut();
    bool resumed() const { return ssl_ && SSL_session_reused(ssl_.get()) == 1; }
    std::string peer_common_name() const;

  private:
    struct Release {
        void operator()(SSL* ssl) const { SSL_free(ssl); }
    };
    int fd_;
    std::unique_ptr<SSL, Release> ssl_;
};

struct ServerOptions {
    Identity identity{};
    std::string client_ca_pem{};  // not empty: asks for a client certificate and requires one
    int version_max = TLS1_3_VERSION;
    bool tls = true;  // false: the script starts on the bare connection
};

// Runs `script` on a thread of its own for every connection. Destroying it ends them all.
class TlsServer {
  public:
    using Script = std::function<void(ServerConnection&)>;
    TlsServer(ServerOptions options, Script script);
    ~TlsServer();
    TlsServer(const TlsServer&) = delete;
    TlsServer& operator=(const TlsServer&) = delete;

    std::uint16_t port() const { return listener_.port(); }
    int connections() const { return connections_; }
    int resumptions() const { return resumptions_; }

  private:
    void serve(ServerConnection& connection);

    struct ReleaseContext {
        void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
    };
    ServerOptions options_;
    Script script_;
    std::unique_ptr<SSL_CTX, ReleaseContext> context_;
    Listener listener_;
    std::atomic<int> connections_ = 0;
    std::atomic<int> resumptions_ = 0;
    std::mutex mutex_;
    std::vector<std::shared_ptr<ServerConnection>> open_;
    std::vector<std::thread> threads_;
    std::thread acceptor_;
};

// An answer with a Content-Length.
std::string answer(std::string_view body, std::string_view more_headers = "", std::string_view status = "200 OK");

}  // namespace aggmedic::test
