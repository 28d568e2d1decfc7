#include <openssl/pem.h>
#include <openssl/ssl.h>

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <mutex>
#include <set>
#include <thread>

#include "tests/lab/http.hpp"

namespace aggmedic::lab {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using Tcp = asio::ip::tcp;

constexpr std::uint64_t request_body_max = 4 << 20;

std::string_view reason_of(int status) {
    const auto reason = http::obsolete_reason(static_cast<http::status>(status));
    return {reason.data(), reason.size()};
}

std::string head_of(const model::Answer& answer, Delivery delivery) {
    std::string head =
        "HTTP/1.1 " + std::to_string(answer.status) + " " + std::string(reason_of(answer.status)) + "\r\n";
    for (const auto& header : answer.headers) {
        const bool lie = delivery == Delivery::endless || delivery == Delivery::cut_short;
        if (lie && (header.name == "Content-Length" || header.name == "Transfer-Encoding")) continue;
        head += header.name + ": " + header.value + "\r\n";
    }
    if (delivery == Delivery::endless) head += "Content-Length: 1073741824\r\n";
    if (delivery == Delivery::cut_short) head += "Content-Length: " + std::to_string(answer.body.size() + 100) + "\r\n";
    return head + "\r\n";
}

bool is_chunked(const model::Answer& answer) {
    for (const auto& header : answer.headers) {
        if (header.name == "Transfer-Encoding") return true;
    }
    return false;
}

std::string framed_body(const model::Answer& answer) {
    if (!is_chunked(answer)) return answer.body;
    char size[24];
    std::snprintf(size, sizeof size, "%zx\r\n", answer.body.size());
    return size + answer.body + "\r\n0\r\n\r\n";
}

template <class Stream>
void drip(Stream& stream, const std::string& bytes) {
    for (const char byte : bytes) {
        asio::write(stream, asio::buffer(&byte, 1));
        std::this_thread::sleep_for(std::chrono::milliseconds(200));
    }
}

template <class Stream>
void pour(Stream& stream) {
    const std::string block(1 << 16, ' ');
    for (std::uint64_t sent = 0; sent < (1ULL << 30); sent += block.size()) asio::write(stream, asio::buffer(block));
}

// False when the connection must not be used again.
template <class Stream>
bool deliver(Stream& stream, const HttpReply& reply, bool head_only) {
    const std::string head = head_of(reply.answer, reply.delivery);
    const std::string body = head_only ? std::string() : framed_body(reply.answer);
    switch (reply.delivery) {
        case Delivery::slow_drip:
            drip(stream, head + body);
            return false;
        case Delivery::endless:
            asio::write(stream, asio::buffer(head));
            pour(stream);
            return false;
        default:
            break;
    }
    asio::write(stream, asio::buffer(head + body));
    return reply.delivery == Delivery::normal;
}

template <class Stream>
std::optional<HttpRequest> read_request(Stream& stream, boost::beast::flat_buffer& buffer, bool& keep_alive) {
    http::request_parser<http::string_body> parser;
    parser.body_limit(request_body_max);
    boost::system::error_code failure;
    http::read(stream, buffer, parser, failure);
    if (failure) return std::nullopt;
    const auto& message = parser.get();
    HttpRequest request{.method = std::string(message.method_string()),
                        .target = std::string(message.target()),
                        .body = message.body(),
                        .headers = {},
                        .peer_certificate = {}};
    for (const auto& field : message)
        request.headers.push_back({std::string(field.name_string()), std::string(field.value())});
    keep_alive = message.keep_alive();
    return request;
}

template <class Stream>
void converse(Stream& stream, const HttpServer::Handler& handler, const std::shared_ptr<X509>& peer) {
    boost::beast::flat_buffer buffer;
    for (bool keep_alive = true; keep_alive;) {
        auto request = read_request(stream, buffer, keep_alive);
        if (!request) return;
        request->peer_certificate = peer;
        if (!deliver(stream, handler(*request), request->method == "HEAD")) return;
    }
}

void name_client_cas(SSL_CTX* context, const std::string& pem) {
    BIO* bio = BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()));
    while (X509* certificate = PEM_read_bio_X509(bio, nullptr, nullptr, nullptr)) {
        SSL_CTX_add_client_CA(context, certificate);
        X509_free(certificate);
    }
    BIO_free(bio);
}

std::unique_ptr<asio::ssl::context> make_context(const TlsServing& tls) {
    auto context = std::make_unique<asio::ssl::context>(asio::ssl::context::tls_server);
    context->set_options(asio::ssl::context::no_tlsv1 | asio::ssl::context::no_tlsv1_1);
    context->use_certificate_chain_file(tls.certificate_file);
    context->use_private_key_file(tls.key_file, asio::ssl::context::pem);
    SSL_CTX* raw = context->native_handle();
    static constexpr unsigned char session_id[] =
        "aggmedic-lab";  // without it OpenSSL refuses to resume where it asks for certificates
    SSL_CTX_set_session_id_context(raw, session_id, sizeof session_id - 1);
    if (tls.ask_for_client_certificate) {
        // Any certificate is let in: who it makes the caller is decided per request, as Go's servers do.
        SSL_CTX_set_verify(raw, SSL_VERIFY_PEER, [](int, X509_STORE_CTX*) { return 1; });
        name_client_cas(raw, tls.client_ca_names_pem);
    }
    return context;
}

}  // namespace

struct HttpServer::Impl : std::enable_shared_from_this<HttpServer::Impl> {
    Endpoint endpoint;
    std::unique_ptr<asio::ssl::context> tls;
    Handler handler;
    asio::io_context io;
    Tcp::acceptor acceptor{io};
    std::atomic<bool> open{false};
    std::mutex connections_mutex;
    std::set<int> connections;

    void accept_all() {
        while (open) {
            boost::system::error_code failure;
            Tcp::socket socket(io);
            acceptor.accept(socket, failure);
            if (!open) return;
            if (failure) {
                std::this_thread::sleep_for(std::chrono::milliseconds(10));  // out of descriptors: others will close
                continue;
            }
            std::thread([self = shared_from_this(), taken = std::move(socket)]() mutable {
                self->serve_one(std::move(taken));
            }).detach();
        }
    }

    // Keeps the connection known while it is served, so that it can be cut.
    struct Known {
        Impl& impl;
        int descriptor;
        Known(Impl& owner, int which) : impl(owner), descriptor(which) {
            const std::lock_guard lock(impl.connections_mutex);
            impl.connections.insert(descriptor);
        }
        ~Known() {
            const std::lock_guard lock(impl.connections_mutex);
            impl.connections.erase(descriptor);
        }
        Known(const Known&) = delete;
        Known& operator=(const Known&) = delete;
    };

    void serve_one(Tcp::socket socket) {
        try {
            socket.set_option(Tcp::no_delay(true));
            if (!tls) {
                const Known known(*this, socket.native_handle());
                return converse(socket, handler, nullptr);
            }
            asio::ssl::stream<Tcp::socket> stream(std::move(socket), *tls);
            const Known known(*this, stream.next_layer().native_handle());
            stream.handshake(asio::ssl::stream_base::server);
            const std::shared_ptr<X509> peer(SSL_get1_peer_certificate(stream.native_handle()), X509_free);
            converse(stream, handler, peer);
        } catch (const std::exception&) {
            // The peer left in the middle, or would not finish the handshake: its affair.
        }
    }
};

HttpServer::HttpServer(Endpoint endpoint, std::optional<TlsServing> tls, Handler handler)
    : impl_(std::make_shared<Impl>()) {
    impl_->endpoint = std::move(endpoint);
    impl_->handler = std::move(handler);
    if (tls) impl_->tls = make_context(*tls);
}

HttpServer::~HttpServer() {
    close_port();
}

void HttpServer::listen() {
    const Tcp::endpoint where(asio::ip::make_address(impl_->endpoint.address), impl_->endpoint.port);
    impl_->acceptor.open(where.protocol());
    impl_->acceptor.set_option(asio::socket_base::reuse_address(true));
    impl_->acceptor.bind(where);
    impl_->acceptor.listen();
    impl_->open = true;
}

void HttpServer::serve() {
    std::thread([impl = impl_] { impl->accept_all(); }).detach();
}

void HttpServer::close_port() {
    if (!impl_->open.exchange(false)) return;
    // shutdown() wakes the blocked accept; the descriptor itself goes with the last user.
    ::shutdown(impl_->acceptor.native_handle(), SHUT_RDWR);
    boost::system::error_code ignored;
    impl_->acceptor.close(ignored);
}

void HttpServer::cut_connections() {
    const std::lock_guard lock(impl_->connections_mutex);
    for (const int descriptor : impl_->connections) ::shutdown(descriptor, SHUT_RDWR);
}

}  // namespace aggmedic::lab
