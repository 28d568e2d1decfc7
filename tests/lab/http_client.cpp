#include <openssl/err.h>
#include <openssl/ssl.h>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl.hpp>

#include "tests/lab/http.hpp"

namespace aggmedic::lab {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using Stream = beast::ssl_stream<beast::tcp_stream>;
using Reply = std::expected<model::Answer, ClientFailure>;

asio::ssl::context make_context(const std::optional<TlsAsking>& tls) {
    asio::ssl::context context(asio::ssl::context::tls_client);
    if (!tls) return context;
    if (!tls->certificate_file.empty()) {
        context.use_certificate_chain_file(tls->certificate_file);
        context.use_private_key_file(tls->key_file, asio::ssl::context::pem);
    }
    if (tls->ca_pem.empty()) {
        context.set_verify_mode(asio::ssl::verify_none);
    } else {
        boost::system::error_code unreadable;  // a bundle that holds no certificate trusts nobody
        context.add_certificate_authority(asio::buffer(tls->ca_pem), unreadable);
        context.set_verify_mode(asio::ssl::verify_peer);
        X509_STORE_set_flags(SSL_CTX_get_cert_store(context.native_handle()), X509_V_FLAG_PARTIAL_CHAIN);
    }
    return context;
}

http::request<http::string_body> to_beast(const HttpRequest& request, const Endpoint& endpoint) {
    http::request<http::string_body> message(http::verb::get, request.target, 11);
    message.method_string(request.method);
    message.set(http::field::host, endpoint.text());
    for (const auto& header : request.headers) message.insert(header.name, header.value);
    message.body() = request.body;
    if (!request.body.empty()) message.prepare_payload();
    return message;
}

ClientFailure failure_of(const boost::system::error_code& code) {
    if (code == asio::error::connection_refused) return {ClientFailure::Kind::refused, code.message()};
    if (code == beast::error::timeout) return {ClientFailure::Kind::timed_out, code.message()};
    const bool certificate =
        code.category() == asio::error::get_ssl_category() &&
        ERR_GET_REASON(static_cast<unsigned long>(code.value())) == SSL_R_CERTIFICATE_VERIFY_FAILED;
    return {certificate ? ClientFailure::Kind::untrusted : ClientFailure::Kind::broken, code.message()};
}

}  // namespace

struct HttpClient::Impl {
    Endpoint endpoint;
    std::optional<TlsAsking> tls;
    asio::ssl::context context;
    asio::io_context io{1};
    std::unique_ptr<Stream> stream;
    beast::flat_buffer buffer;

    Impl(Endpoint where, std::optional<TlsAsking> how)
        : endpoint(std::move(where)), tls(std::move(how)), context(make_context(tls)) {}

    asio::awaitable<void> connect(std::chrono::milliseconds limit) {
        auto fresh = std::make_unique<Stream>(io, context);
        auto& tcp = beast::get_lowest_layer(*fresh);
        tcp.expires_after(limit);
        const asio::ip::tcp::endpoint where(asio::ip::make_address(endpoint.address), endpoint.port);
        co_await tcp.async_connect(where, asio::use_awaitable);
        tcp.socket().set_option(asio::ip::tcp::no_delay(true));
        if (tls) {
            if (!tls->server_name.empty()) {
                SSL_set_tlsext_host_name(fresh->native_handle(), tls->server_name.c_str());
                if (!tls->ca_pem.empty()) SSL_set1_host(fresh->native_handle(), tls->server_name.c_str());
            }
            co_await fresh->async_handshake(asio::ssl::stream_base::client, asio::use_awaitable);
        }
        buffer.clear();
        stream = std::move(fresh);
    }

    template <class Layer>
    asio::awaitable<model::Answer> ask(Layer& layer, http::request<http::string_body> message) {
        co_await http::async_write(layer, message, asio::use_awaitable);
        http::response_parser<http::string_body> parser;
        parser.body_limit(64 << 20);
        co_await http::async_read_header(layer, buffer, parser, asio::use_awaitable);
        answer_began = true;
        co_await http::async_read(layer, buffer, parser, asio::use_awaitable);
        model::Answer answer{
            .status = static_cast<int>(parser.get().result_int()), .headers = {}, .body = parser.get().body()};
        for (const auto& field : parser.get())
            answer.headers.push_back({std::string(field.name_string()), std::string(field.value())});
        if (!parser.get().keep_alive()) stream_is_done = true;
        co_return answer;
    }

    asio::awaitable<void> run(const HttpRequest& request, std::chrono::milliseconds limit, Reply& reply) {
        try {
            if (!stream) co_await connect(limit);
            auto& tcp = beast::get_lowest_layer(*stream);
            tcp.expires_after(limit);
            auto message = to_beast(request, endpoint);
            stream_is_done = answer_began = false;
            if (tls) {
                reply = co_await ask(*stream, std::move(message));
            } else {
                reply = co_await ask(tcp, std::move(message));
            }
            if (stream_is_done)
                stream.reset();
            else
                tcp.expires_never();
        } catch (const boost::system::system_error& error) {
            stream.reset();
            reply = std::unexpected(failure_of(error.code()));
        }
    }

    Reply once(const HttpRequest& request, std::chrono::milliseconds limit) {
        Reply reply = std::unexpected(ClientFailure{});
        io.restart();
        asio::co_spawn(io, run(request, limit, reply), asio::detached);
        io.run();
        return reply;
    }

    bool stream_is_done = false;
    bool answer_began = false;
};

HttpClient::HttpClient(Endpoint endpoint, std::optional<TlsAsking> tls)
    : impl_(std::make_unique<Impl>(std::move(endpoint), std::move(tls))) {}
HttpClient::~HttpClient() = default;

void HttpClient::disconnect() {
    impl_->stream.reset();
}

std::expected<model::Answer, ClientFailure> HttpClient::exchange(const HttpRequest& request,
                                                                 std::chrono::milliseconds limit) {
    const bool reused = impl_->stream != nullptr;
    auto reply = impl_->once(request, limit);
    // A kept connection may have been closed in the meantime; that says nothing about the server. As in Go's client,
    // what was cut after its first byte is not asked for again.
    const bool is_broken = !reply && reply.error().kind == ClientFailure::Kind::broken;
    if (is_broken && reused && !impl_->answer_began) reply = impl_->once(request, limit);
    return reply;
}

}  // namespace aggmedic::lab
