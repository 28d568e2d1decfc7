#include "daemon/http_server.hpp"

#include <fmt/format.h>

#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <nlohmann/json.hpp>
#include <set>
#include <string_view>

#include "daemon/status_page.hpp"

namespace aggmedic::daemon {
namespace {

using namespace std::chrono_literals;
namespace beast = boost::beast;
namespace http = beast::http;
using tcp = asio::ip::tcp;
using HttpReply = http::response<http::string_body>;

constexpr std::size_t connections_max = 64;
constexpr std::size_t header_bytes_max = 8 * 1024;
constexpr std::size_t body_bytes_max = 1024;
constexpr auto request_time = 10s;
constexpr auto reply_time = 30s;
constexpr auto idle_time = 60s;
constexpr std::string_view api_prefix = "/api/v1/";
constexpr std::array<std::string_view, 4> api_names = {"clusters", "findings", "plans", "runs"};

HttpReply reply(http::status status, std::string body, std::string_view content_type = "text/plain; charset=utf-8") {
    HttpReply made(status, 11);
    made.set(http::field::content_type, content_type);
    made.set(http::field::cache_control, "no-store");
    made.set("X-Content-Type-Options", "nosniff");
    made.set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'");
    made.body() = std::move(body);
    return made;
}

HttpReply not_allowed(std::string_view allowed) {
    auto made = reply(http::status::method_not_allowed, fmt::format("only {} here\n", allowed));
    made.set(http::field::allow, allowed);
    return made;
}

HttpReply reload_page(const HttpHandlers& handlers) {
    const auto done = handlers.reload();
    if (done) return reply(http::status::ok, "reloaded\n");
    return reply(http::status::internal_server_error, done.error().detail + "\n");
}

HttpReply yes_or_no(bool yes, std::string_view word) {
    if (yes) return reply(http::status::ok, fmt::format("{}\n", word));
    return reply(http::status::service_unavailable, fmt::format("not {}\n", word));
}

asio::awaitable<HttpReply> api_page(const HttpHandlers& handlers, std::string name) {
    const auto value = co_await handlers.api(std::move(name));
    auto text = value.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
    co_return reply(http::status::ok, std::move(text), "application/json");
}

asio::awaitable<HttpReply> answer(const HttpHandlers& handlers, http::verb method, std::string path) {
    if (path == "/-/reload") {
        if (method != http::verb::post) co_return not_allowed("POST");
        co_return reload_page(handlers);
    }
    if (method != http::verb::get && method != http::verb::head) co_return not_allowed("GET, HEAD");
    if (path == "/metrics") {
        co_return reply(http::status::ok, handlers.metrics(), "text/plain; version=0.0.4; charset=utf-8");
    }
    if (path == "/-/healthy") co_return yes_or_no(handlers.alive(), "healthy");
    if (path == "/-/ready") co_return yes_or_no(handlers.ready(), "ready");
    if (path == "/") {
        const auto clusters = co_await handlers.api("clusters");
        co_return reply(http::status::ok, status_page(clusters), "text/html; charset=utf-8");
    }
    if (path.starts_with(api_prefix)) {
        const auto name = path.substr(api_prefix.size());
        const bool known = std::find(api_names.begin(), api_names.end(), name) != api_names.end();
        if (known) co_return co_await api_page(handlers, name);
    }
    co_return reply(http::status::not_found, "no such page\n");
}

}  // namespace

class HttpServer::Impl : public std::enable_shared_from_this<HttpServer::Impl> {
  public:
    Impl(asio::any_io_executor executor, HttpHandlers handlers)
        : executor_(std::move(executor)), acceptor_(executor_), handlers_(std::move(handlers)) {}

    Result<void> listen(const std::string& host, std::uint16_t port) {
        boost::system::error_code failed;
        // At start, before anything runs: this lookup may block.
        const auto found = tcp::resolver(executor_).resolve(host, std::to_string(port), tcp::resolver::passive, failed);
        if (failed || found.empty())
            return fail(Errc::invalid_argument, fmt::format("listen {}: {}", host, failed.message()));
        const auto endpoint = found.begin()->endpoint();
        acceptor_.open(endpoint.protocol(), failed);
        if (!failed) acceptor_.set_option(asio::socket_base::reuse_address(true), failed);
        if (!failed) acceptor_.bind(endpoint, failed);
        if (!failed) acceptor_.listen(asio::socket_base::max_listen_connections, failed);
        if (failed)
            return fail(Errc::io_failed, fmt::format("cannot listen on {}:{}: {}", host, port, failed.message()));
        return {};
    }

    std::uint16_t port() const { return acceptor_.local_endpoint().port(); }

    asio::awaitable<void> serve() {
        for (;;) {
            auto [failed, socket] = co_await acceptor_.async_accept(asio::as_tuple(asio::use_awaitable));
            if (failed == asio::error::operation_aborted || !acceptor_.is_open()) co_return;
            if (failed) {
                // Out of descriptors, most likely: trying again at once would only burn the processor.
                asio::steady_timer pause(executor_, 1s);
                co_await pause.async_wait(asio::use_awaitable);
                continue;
            }
            if (open_.size() >= connections_max) continue;  // closes it
            auto stream = std::make_shared<beast::tcp_stream>(std::move(socket));
            open_.insert(stream.get());
            asio::co_spawn(executor_, converse(shared_from_this(), stream), asio::detached);
        }
    }

    void close() {
        boost::system::error_code ignored;
        acceptor_.close(ignored);
        for (auto* stream : open_) stream->close();
    }

  private:
    struct Registered {
        Impl& server;
        beast::tcp_stream* stream;
        Registered(Impl& of, beast::tcp_stream* which) : server(of), stream(which) {}
        Registered(const Registered&) = delete;
        Registered& operator=(const Registered&) = delete;
        ~Registered() { server.open_.erase(stream); }
    };

    // One connection; whatever it throws ends it alone.
    static asio::awaitable<void> converse(std::shared_ptr<Impl> self, std::shared_ptr<beast::tcp_stream> stream) {
        const Registered registered(*self, stream.get());
        try {
            beast::flat_buffer buffer(header_bytes_max + body_bytes_max);
            bool more = co_await self->exchange(*stream, buffer, request_time);
            while (more) more = co_await self->exchange(*stream, buffer, idle_time);
            boost::system::error_code ignored;
            stream->socket().shutdown(tcp::socket::shutdown_send, ignored);
        } catch (const std::exception&) {
            // The peer went away, took too long, or a page could not be made: there is nobody to tell.
        }
    }

    // One request and its answer. False: the connection ends.
    asio::awaitable<bool> exchange(beast::tcp_stream& stream, beast::flat_buffer& buffer, std::chrono::seconds wait) {
        http::request_parser<http::string_body> parser;
        parser.header_limit(header_bytes_max);
        parser.body_limit(body_bytes_max);
        // A kept connection may wait for its next request; once its first byte is here the rest must follow soon.
        if (buffer.size() == 0) {
            stream.expires_after(wait);
            const auto room = buffer.prepare(1024);
            const auto received = co_await stream.async_read_some(room, asio::use_awaitable);
            buffer.commit(received);
        }
        stream.expires_after(request_time);
        auto [failed, count] = co_await http::async_read(stream, buffer, parser, asio::as_tuple(asio::use_awaitable));
        if (failed) {
            co_await refuse(stream, failed);
            co_return false;
        }
        const auto& request = parser.get();
        const std::string target(request.target());
        auto made = co_await answer(handlers_, request.method(), target.substr(0, target.find('?')));
        made.version(request.version());
        made.keep_alive(request.keep_alive());
        made.prepare_payload();
        const bool keep = made.keep_alive();
        co_await send(stream, std::move(made), request.method() == http::verb::head);
        co_return keep;
    }

    asio::awaitable<void> refuse(beast::tcp_stream& stream, boost::system::error_code failed) {
        auto status = http::status::bad_request;
        if (failed == http::error::header_limit || failed == http::error::buffer_overflow) {
            status = http::status::request_header_fields_too_large;
        } else if (failed == http::error::body_limit) {
            status = http::status::payload_too_large;
        } else if (failed.category() != make_error_code(http::error::bad_method).category() ||
                   failed == http::error::end_of_stream || failed == http::error::partial_message) {
            co_return;  // the peer is gone or too slow
        }
        auto made = reply(status, "this request is refused\n");
        made.keep_alive(false);
        made.prepare_payload();
        co_await send(stream, std::move(made), false);
    }

    asio::awaitable<void> send(beast::tcp_stream& stream, HttpReply made, bool head) {
        stream.expires_after(reply_time);
        http::response_serializer<http::string_body> serializer(made);
        if (head) {
            co_await http::async_write_header(stream, serializer, asio::use_awaitable);
        } else {
            co_await http::async_write(stream, serializer, asio::use_awaitable);
        }
    }

    asio::any_io_executor executor_;
    tcp::acceptor acceptor_;
    HttpHandlers handlers_;
    std::set<beast::tcp_stream*> open_;
};

HttpServer::HttpServer(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}

HttpServer::~HttpServer() {
    impl_->close();
}

Result<std::unique_ptr<HttpServer>> HttpServer::listen(asio::any_io_executor executor, const std::string& host,
                                                       std::uint16_t port, HttpHandlers handlers) {
    auto impl = std::make_shared<Impl>(std::move(executor), std::move(handlers));
    if (auto listening = impl->listen(host, port); !listening) return std::unexpected(listening.error());
    return std::unique_ptr<HttpServer>(new HttpServer(std::move(impl)));
}

std::uint16_t HttpServer::port() const {
    return impl_->port();
}

asio::awaitable<void> HttpServer::serve() {
    return impl_->serve();
}

}  // namespace aggmedic::daemon
