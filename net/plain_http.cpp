#include "net/plain_http.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>

#include "net/deadline.hpp"
#include "net/resolve.hpp"
#include "net/tcp.hpp"

namespace aggmedic {
namespace {

namespace http = boost::beast::http;

Error read_error(boost::system::error_code error, const std::string& peer) {
    const auto detail = "reading the answer of " + peer + ": " + error.message();
    if (error == asio::error::operation_aborted) return {Errc::cancelled, detail};
    if (error == http::error::body_limit || error == http::error::header_limit) return {Errc::too_large, detail};
    if (error.category() == http::make_error_code(http::error::bad_value).category() &&
        error != http::error::end_of_stream && error != http::error::partial_message)
        return {Errc::malformed_reply, detail};
    return {Errc::read_failed, detail};
}

asio::awaitable<Result<HttpReply>> exchange(std::string host, std::uint16_t port, HttpRequest request,
                                            SteadyTime deadline) {
    const auto peer = host_and_port(host, port);
    auto endpoints = co_await resolve(host, port, deadline);
    if (!endpoints) co_return std::unexpected(std::move(endpoints.error()));
    auto socket = co_await connect_any(std::move(*endpoints), deadline);
    if (!socket) co_return fail(socket.error().code, "connecting to " + peer + ": " + socket.error().detail);
    const auto bytes = serialize(request, peer, "");
    const auto [unsent, sent] =
        co_await asio::async_write(*socket, asio::buffer(bytes), asio::as_tuple(asio::use_awaitable));
    if (unsent) co_return fail(Errc::write_failed, "sending the request to " + peer + ": " + unsent.message());
    boost::beast::flat_buffer buffer;
    http::response_parser<http::string_body> parser;
    parser.body_limit(request.body_limit);
    const auto [error, size] = co_await http::async_read(*socket, buffer, parser, asio::as_tuple(asio::use_awaitable));
    if (error) co_return std::unexpected(read_error(error, peer));
    const auto coding = parser.get()[http::field::content_encoding];
    if (!coding.empty()) co_return fail(Errc::malformed_reply, peer + " answers in a content coding");
    HttpReply reply;
    reply.status = parser.get().result_int();
    for (const auto& field : parser.get())
        reply.headers.emplace_back(std::string(field.name_string()), std::string(field.value()));
    reply.body = std::move(parser.get().body());
    co_return reply;
}

}  // namespace

asio::awaitable<Result<HttpReply>> ask_plainly(std::string host, std::uint16_t port, HttpRequest request) {
    if (auto checked = check_request(request); !checked) co_return std::unexpected(checked.error());
    const auto deadline = std::chrono::steady_clock::now() + request.timeout;
    const auto what = "asking " + host_and_port(host, port);
    auto work = exchange(std::move(host), port, std::move(request), deadline);
    co_return co_await with_deadline(deadline, what, std::move(work));
}

}  // namespace aggmedic
