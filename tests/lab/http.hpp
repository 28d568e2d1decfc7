#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tests/model/answers.hpp"

typedef struct x509_st X509;

// The lab's own HTTP over TCP or TLS: blocking, one thread per connection, byte-exact headers in the order given.
// Nothing of aggmedic's network code is used, so that the two cannot agree on the same mistake.
namespace aggmedic::lab {

struct Endpoint {
    std::string address;
    std::uint16_t port = 0;
    std::string text() const { return address + ":" + std::to_string(port); }
};

struct HttpRequest {
    std::string method = "GET", target = "/", body;
    std::vector<model::Header> headers;
    std::shared_ptr<X509> peer_certificate;  // what the client presented, not verified

    std::string header(std::string_view name) const;  // the first one, or empty
    std::vector<std::string> all(std::string_view name) const;
    std::string path() const { return target.substr(0, target.find('?')); }
    std::string query(std::string_view key) const;  // percent-decoded
};

enum class Delivery { normal, slow_drip, endless, cut_short, wrong_length };

struct HttpReply {
    model::Answer answer;
    Delivery delivery = Delivery::normal;
};

struct TlsServing {
    std::string certificate_file, key_file;
    std::string client_ca_names_pem;  // whose subjects are sent as acceptable client CAs, in order
    bool ask_for_client_certificate = true;
};

class HttpServer {
  public:
    using Handler = std::function<HttpReply(const HttpRequest&)>;

    HttpServer(Endpoint endpoint, std::optional<TlsServing> tls, Handler handler);
    ~HttpServer();
    HttpServer(const HttpServer&) = delete;
    HttpServer& operator=(const HttpServer&) = delete;

    void listen();           // the kernel accepts from here on; throws std::runtime_error
    void serve();            // answers begin
    void close_port();       // new connections are refused, open ones live on
    void cut_connections();  // the open ones, as the end of a process does

  private:
    struct Impl;
    std::shared_ptr<Impl> impl_;
};

struct TlsAsking {
    std::string ca_pem;  // empty: any certificate will do
    std::string server_name;
    std::string certificate_file, key_file;  // empty: none
};

struct ClientFailure {
    enum class Kind { refused, timed_out, untrusted, broken } kind = Kind::broken;
    std::string text;
};

// Keeps its connection between exchanges; one thread at a time.
class HttpClient {
  public:
    HttpClient(Endpoint endpoint, std::optional<TlsAsking> tls);
    ~HttpClient();
    HttpClient(const HttpClient&) = delete;
    HttpClient& operator=(const HttpClient&) = delete;

    std::expected<model::Answer, ClientFailure> exchange(const HttpRequest& request, std::chrono::milliseconds limit);
    void disconnect();

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

std::string http_date(std::chrono::seconds ahead = {});  // now, in the form of the Date header

}  // namespace aggmedic::lab
