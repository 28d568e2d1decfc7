// The only file that instantiates TLS streams and HTTP parsers: they cost half a minute of compilation.
#include "net/https_client.hpp"

#include <fmt/format.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>

#include "net/async_mutex.hpp"
#include "net/deadline.hpp"
#include "net/resolve.hpp"
#include "net/tcp.hpp"
#include "net/text.hpp"
#include "net/tls_context.hpp"

namespace aggmedic {
namespace {

namespace beast = boost::beast;
namespace http = boost::beast::http;
using asio::ip::tcp;
using boost::system::error_code;
using Stream = asio::ssl::stream<tcp::socket>;
using Parser = http::response_parser<http::string_body>;
using ParserPointer = std::unique_ptr<Parser>;

constexpr std::size_t header_limit_bytes = std::size_t{64} * 1024;
constexpr std::size_t prefix_of_at_most_bytes = std::size_t{64} * 1024 * 1024;
constexpr int interim_answers_max = 8;  // 1xx answers before the real one

// One request on its way. `phase` is what an error or an expired deadline names.
struct Exchange {
    const HttpRequest& request;
    SteadyTime deadline;
    std::string phase = "waiting for an earlier request";
    bool answer_started = false;
};

bool is_idempotent(const HttpRequest& request) {
    return request.method == "GET" || request.method == "HEAD";
}

Error to_error(error_code error, Errc otherwise, const std::string& phase) {
    if (error == asio::error::operation_aborted) return {Errc::cancelled, phase + ": cancelled"};
    const auto detail = phase + ": " + error.message();
    if (error == asio::ssl::error::stream_truncated || error == http::error::end_of_stream ||
        error == http::error::partial_message) {
        return {Errc::read_failed, phase + ": the connection was closed before the end"};
    }
    if (error.category() == asio::error::get_ssl_category()) return {Errc::tls_failed, detail};  // an alert, late
    if (error == http::error::body_limit || error == http::error::header_limit ||
        error == http::error::buffer_overflow) {
        return {Errc::too_large, detail};
    }
    if (error.category() == http::make_error_code(http::error::bad_value).category())
        return {Errc::malformed_reply, detail};
    return {otherwise, detail};
}

// Codings are never undone here: a small answer could stand for gigabytes.
Result<void> check_codings(const Parser& parser, const std::string& phase) {
    for (const auto& field : parser.get()) {
        const auto value = to_lower(std::string_view(field.value().data(), field.value().size()));
        const bool refused = (field.name() == http::field::content_encoding && value != "identity") ||
                             (field.name() == http::field::transfer_encoding && value != "chunked");
        if (refused)
            return fail(Errc::malformed_reply, fmt::format("{}: content coding {}", phase, printable(value, 64)));
    }
    return {};
}

HttpReply to_reply(Parser& parser) {
    HttpReply reply;
    reply.status = parser.get().result_int();
    for (const auto& field : parser.get()) {
        reply.headers.emplace_back(std::string(field.name_string()), std::string(field.value()));
    }
    reply.body = std::move(parser.get().body());
    return reply;
}

}  // namespace

class HttpsClient::Impl {
  public:
    Impl(const asio::any_io_executor& executor, HttpsTarget target) : target_(std::move(target)), turn_(executor) {}
    ~Impl() { drop(); }

    asio::awaitable<Result<HttpReply>> send(HttpRequest request);
    void forget();

    const HttpsTarget& target() const { return target_; }
    const std::optional<TlsPeer>& peer() const { return peer_; }

  private:
    // Drops the connection when an exchange ends in any other way than with a complete answer, by exception too.
    struct KeepOnlyAfterSuccess {
        Impl& impl;
        bool keep = false;
        ~KeepOnlyAfterSuccess() {
            if (!keep) impl.drop();
            if (impl.forget_wanted_) impl.forget_now();
        }
    };

    asio::awaitable<Result<HttpReply>> exchange(Exchange& exchange);
    asio::awaitable<Result<bool>> reuse_or_connect(Exchange& exchange, bool fresh);
    asio::awaitable<Result<void>> connect(Exchange& exchange);
    asio::awaitable<Result<void>> handshake(Exchange& exchange);
    asio::awaitable<Result<HttpReply>> converse(Exchange& exchange, bool& keep);
    asio::awaitable<Result<ParserPointer>> read_head(Exchange& exchange);
    Result<void> prepare_context();
    std::string host_header() const;
    std::string peer_name() const { return host_and_port(target_.host, target_.port); }
    void drop();
    void forget_now();

    HttpsTarget target_;
    AsyncMutex turn_;
    SessionStore sessions_;  // outlives context_ and stream_, whose callback writes here
    std::unique_ptr<asio::ssl::context> context_;
    std::unique_ptr<Stream> stream_;
    beast::flat_buffer buffer_;
    std::optional<TlsPeer> peer_;
    bool forget_wanted_ = false;
};

asio::awaitable<Result<HttpReply>> HttpsClient::Impl::send(HttpRequest request) {
    if (auto checked = check_request(request); !checked) co_return std::unexpected(checked.error());
    if (auto prepared = prepare_context(); !prepared) co_return std::unexpected(prepared.error());
    Exchange state{.request = request, .deadline = std::chrono::steady_clock::now() + request.timeout};
    auto operation = exchange(state);
    auto reply = co_await with_deadline(state.deadline, "", std::move(operation));
    const bool late = !reply && reply.error().code == Errc::timeout;
    if (late) reply.error().detail = state.phase + ": deadline exceeded";
    co_return reply;
}

asio::awaitable<Result<HttpReply>> HttpsClient::Impl::exchange(Exchange& exchange) {
    const auto guard = co_await turn_.lock();
    KeepOnlyAfterSuccess connection{.impl = *this};
    auto reused = co_await reuse_or_connect(exchange, exchange.request.fresh_connection);
    if (!reused) co_return std::unexpected(std::move(reused.error()));
    auto reply = co_await converse(exchange, connection.keep);
    const bool closed = !reply && (reply.error().code == Errc::write_failed || reply.error().code == Errc::read_failed);
    // A server may close an idle connection while the request is under way (RFC 9112 9.3.1).
    if (closed && *reused && !exchange.answer_started && is_idempotent(exchange.request)) {
        reused = co_await reuse_or_connect(exchange, true);
        if (!reused) co_return std::unexpected(std::move(reused.error()));
        reply = co_await converse(exchange, connection.keep);
    }
    co_return reply;
}

// True when the kept connection is used again.
asio::awaitable<Result<bool>> HttpsClient::Impl::reuse_or_connect(Exchange& exchange, bool fresh) {
    // Nothing is expected on a kept connection, so anything readable is the peer's goodbye.
    if (!fresh && stream_ && is_idle(stream_->next_layer())) co_return true;
    drop();
    auto connected = co_await connect(exchange);
    if (!connected) co_return std::unexpected(std::move(connected.error()));
    connected = co_await handshake(exchange);
    if (!connected) co_return std::unexpected(std::move(connected.error()));
    co_return false;
}

asio::awaitable<Result<void>> HttpsClient::Impl::connect(Exchange& exchange) {
    exchange.phase = "resolving " + printable(target_.host);
    auto endpoints = co_await resolve(target_.host, target_.port, exchange.deadline);
    if (!endpoints) co_return std::unexpected(std::move(endpoints.error()));
    exchange.phase = "connecting to " + peer_name();
    auto socket = co_await connect_any(std::move(*endpoints), exchange.deadline);
    if (!socket) co_return std::unexpected(std::move(socket.error()));
    stream_ = std::make_unique<Stream>(std::move(*socket), *context_);
    buffer_.clear();
    co_return Result<void>();
}

asio::awaitable<Result<void>> HttpsClient::Impl::handshake(Exchange& exchange) {
    exchange.phase = "TLS handshake with " + peer_name();
    auto* connection = stream_->native_handle();
    if (auto prepared = prepare_handshake(connection, target_, sessions_); !prepared)
        co_return std::unexpected(prepared.error());
    const auto [error] = co_await stream_->async_handshake(Stream::client, asio::as_tuple(asio::use_awaitable));
    if (error == asio::error::operation_aborted)
        co_return std::unexpected(to_error(error, Errc::tls_failed, exchange.phase));
    if (error) {
        sessions_.newest.reset();
        const auto reason = verification_failure(connection, target_);
        co_return fail(Errc::tls_failed, exchange.phase + ": " + (reason.empty() ? error.message() : reason));
    }
    peer_ = read_peer(connection, peer_);
    co_return Result<void>();
}

asio::awaitable<Result<HttpReply>> HttpsClient::Impl::converse(Exchange& exchange, bool& keep) {
    exchange.phase = "sending the request to " + peer_name();
    const auto bytes = serialize(exchange.request, host_header(), target_.bearer_token);
    const auto [unsent, sent] =
        co_await asio::async_write(*stream_, asio::buffer(bytes), asio::as_tuple(asio::use_awaitable));
    if (unsent) co_return std::unexpected(to_error(unsent, Errc::write_failed, exchange.phase));

    auto head = co_await read_head(exchange);
    if (!head) co_return std::unexpected(std::move(head.error()));
    Parser& parser = **head;
    exchange.phase = "reading the answer's body from " + peer_name();
    if (auto plain = check_codings(parser, exchange.phase); !plain) co_return std::unexpected(plain.error());
    const auto limit = exchange.request.prefix_is_enough ? exchange.request.body_limit : SIZE_MAX;
    while (!parser.is_done() && parser.get().body().size() < limit) {
        const auto [error, size] =
            co_await http::async_read_some(*stream_, buffer_, parser, asio::as_tuple(asio::use_awaitable));
        if (error) co_return std::unexpected(to_error(error, Errc::read_failed, exchange.phase));
    }
    keep = parser.is_done() && parser.keep_alive() &&
           buffer_.size() == 0;  // bytes after the end belong to no request of ours
    co_return to_reply(parser);
}

asio::awaitable<Result<ParserPointer>> HttpsClient::Impl::read_head(Exchange& exchange) {
    exchange.phase = "reading the answer's header from " + peer_name();
    for (int count = 0; count <= interim_answers_max; ++count) {
        auto parser = std::make_unique<Parser>();
        parser->header_limit(header_limit_bytes);
        // The parser reserves what a Content-Length claims, so that has a bound where only a part is read, too.
        parser->body_limit(exchange.request.prefix_is_enough ? prefix_of_at_most_bytes : exchange.request.body_limit);
        parser->skip(exchange.request.method == "HEAD");
        const auto [error, size] =
            co_await http::async_read_header(*stream_, buffer_, *parser, asio::as_tuple(asio::use_awaitable));
        exchange.answer_started = exchange.answer_started || parser->got_some();
        if (error) co_return std::unexpected(to_error(error, Errc::read_failed, exchange.phase));
        const unsigned status = parser->get().result_int();
        if (status == 101) break;  // no upgrade was asked for
        if (status >= 200) co_return parser;
    }
    co_return fail(Errc::malformed_reply, exchange.phase + ": interim answers instead of one");
}

Result<void> HttpsClient::Impl::prepare_context() {
    if (context_) return {};
    if (!is_header_value(target_.bearer_token))
        return fail(Errc::invalid_argument, "the bearer token holds a control character");
    const auto is_name = [](const std::string& name) {
        return is_header_value(name) && name.find(' ') == std::string::npos;
    };
    if (target_.host.empty() || !is_name(target_.host) || !is_name(target_.server_name)) {
        return fail(Errc::invalid_argument, "no host name: " + printable(target_.host + " " + target_.server_name));
    }
    auto context = make_client_context(target_, sessions_);
    if (!context) return std::unexpected(std::move(context.error()));
    context_ = std::make_unique<asio::ssl::context>(context->release());
    return {};
}

std::string HttpsClient::Impl::host_header() const {
    const auto text = host_and_port(expected_name(target_), target_.port);
    return target_.port == 443 ? text.substr(0, text.size() - 4) : text;
}

void HttpsClient::Impl::drop() {
    if (!stream_) return;
    // Without this OpenSSL calls the session unusable, because no close_notify was exchanged.
    SSL_set_shutdown(stream_->native_handle(), SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    stream_.reset();
}

void HttpsClient::Impl::forget() {
    forget_wanted_ = true;
    if (!turn_.locked()) forget_now();
}

void HttpsClient::Impl::forget_now() {
    forget_wanted_ = false;
    drop();
    sessions_.newest.reset();
}

HttpsClient::HttpsClient(const asio::any_io_executor& executor, HttpsTarget target)
    : impl_(std::make_unique<Impl>(executor, std::move(target))) {}
HttpsClient::~HttpsClient() = default;
asio::awaitable<Result<HttpReply>> HttpsClient::send(HttpRequest request) {
    return impl_->send(std::move(request));
}
const std::optional<TlsPeer>& HttpsClient::peer() const {
    return impl_->peer();
}
void HttpsClient::forget() {
    impl_->forget();
}
const HttpsTarget& HttpsClient::target() const {
    return impl_->target();
}

}  // namespace aggmedic
