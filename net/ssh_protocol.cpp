#include "net/ssh_protocol.hpp"

#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <nlohmann/json.hpp>
#include <optional>

#include "net/descriptor_passing.hpp"
#include "net/text.hpp"

namespace aggmedic::ssh_protocol {
namespace {

using Json = nlohmann::json;
using Socket = asio::local::stream_protocol::socket;

constexpr std::size_t output_bytes_max = std::size_t{512} * 1024;
constexpr std::size_t error_output_bytes_max = std::size_t{16} * 1024;
constexpr std::size_t detail_bytes_max = 4096;
constexpr std::int64_t timeout_ms_max = 24LL * 3600 * 1000;

template <class... Cases>
struct Overloaded : Cases... {
    using Cases::operator()...;
};

// Reads the members of one object; the first that is missing or of another kind makes the whole unusable.
class Fields {
  public:
    explicit Fields(const Json& object) : object_(object), good_(object.is_object()) {}

    std::int64_t number(const char* name, std::int64_t smallest, std::int64_t largest) {
        const auto* value = find(name);
        if (value == nullptr || !value->is_number_integer()) return bad(std::int64_t(0));
        if (value->is_number_unsigned() && value->get<std::uint64_t>() > INT64_MAX) return bad(std::int64_t(0));
        const auto number = value->get<std::int64_t>();
        return number >= smallest && number <= largest ? number : bad(std::int64_t(0));
    }
    std::uint64_t id(const char* name) { return static_cast<std::uint64_t>(number(name, 1, INT64_MAX)); }
    std::string text(const char* name) {
        const auto* value = find(name);
        return value != nullptr && value->is_string() ? value->get<std::string>() : bad(std::string());
    }
    std::string bytes(const char* name, std::size_t largest = message_bytes_max) {
        std::string decoded;
        return base64_decode(text(name), decoded) && decoded.size() <= largest ? decoded : bad(std::string());
    }
    template <class Read>
    std::vector<std::string> list(const char* name, Read read) {
        std::vector<std::string> items;
        const auto* value = find(name);
        if (value == nullptr || !value->is_array()) return bad(items);
        for (const auto& item : *value) {
            std::string text;
            if (!item.is_string() || !read(item.get_ref<const std::string&>(), text)) return bad(items);
            items.push_back(std::move(text));
        }
        return items;
    }

    bool has(const char* name) const { return object_.is_object() && object_.contains(name); }
    bool good() const { return good_; }

  private:
    const Json* find(const char* name) {
        if (!has(name)) return bad(static_cast<const Json*>(nullptr));
        return &object_.at(name);
    }
    template <class T>
    T bad(T value) {
        good_ = false;
        return value;
    }

    const Json& object_;
    bool good_;
};

Json to_json(const Connect& connect) {
    return {{"address", connect.target.address},
            {"port", connect.target.port},
            {"user", base64_encode(connect.target.user)},
            {"key", base64_encode(connect.target.private_key_pem)},
            {"installed", connect.target.helper_installed ? 1 : 0},
            {"host_keys", connect.target.host_keys},
            {"timeout_ms", connect.timeout.count()}};
}

Json to_json(const Verb& verb) {
    Json arguments = Json::array();
    for (const auto& argument : verb.call.arguments) arguments.push_back(base64_encode(argument));
    return {{"session", verb.session},
            {"verb", verb.call.verb},
            {"arguments", std::move(arguments)},
            {"input", base64_encode(verb.call.input)},
            {"timeout_ms", verb.call.timeout.count()}};
}

Connect read_connect(Fields& fields) {
    Connect connect;
    connect.target.address = fields.text("address");
    connect.target.port = static_cast<std::uint16_t>(fields.number("port", 1, 65535));
    connect.target.user = fields.bytes("user");
    connect.target.private_key_pem = fields.bytes("key");
    connect.target.helper_installed = fields.number("installed", 0, 1) == 1;
    const auto as_it_is = [](const std::string& text, std::string& out) {
        out = text;
        return true;
    };
    connect.target.host_keys = fields.list("host_keys", as_it_is);
    connect.timeout = std::chrono::milliseconds(fields.number("timeout_ms", 0, timeout_ms_max));
    return connect;
}

Verb read_verb(Fields& fields) {
    Verb verb;
    verb.session = fields.id("session");
    verb.call.verb = fields.text("verb");
    verb.call.arguments = fields.list("arguments", base64_decode);
    verb.call.input = fields.bytes("input");
    verb.call.timeout = std::chrono::milliseconds(fields.number("timeout_ms", 0, timeout_ms_max));
    return verb;
}

Result<Error> read_error(Fields& fields) {
    const auto code = errc_from_name(fields.text("code"));
    if (!code) return fail(Errc::malformed_reply, "an error code that does not exist");
    return Error{.code = *code, .detail = printable(fields.bytes("detail"), detail_bytes_max)};
}

Result<std::string> dump(const Json& message, Errc when_too_large) {
    // Whatever may not be UTF-8 is base64 by now; `replace` keeps a slip from being an exception.
    auto text = message.dump(-1, ' ', false, Json::error_handler_t::replace);
    if (text.size() > message_bytes_max)
        return fail(when_too_large, "over the 1 MiB of a message to or from the SSH worker");
    return text;
}

std::unexpected<Error> malformed(const char* what) {
    return fail(Errc::malformed_reply, what);
}

}  // namespace

Result<std::string> encode(const Request& request) {
    Json message = {{"id", request.id}};
    std::visit(Overloaded{[&](const Connect& connect) { message["connect"] = to_json(connect); },
                          [&](const Verb& verb) { message["verb"] = to_json(verb); },
                          [&](const Close& close) { message["close"] = {{"session", close.session}}; }},
               request.body);
    return dump(message, Errc::invalid_argument);
}

Result<std::string> encode(const Reply& reply) {
    Json message = {{"id", reply.id}};
    std::visit(Overloaded{[&](const Connected&) { message["connected"] = Json::object(); },
                          [&](const VerbReply& verb) {
                              message["verb"] = {{"exit_status", verb.exit_status},
                                                 {"output", base64_encode(verb.output)},
                                                 {"error_output", base64_encode(verb.error_output)}};
                          },
                          [&](const Error& error) {
                              const auto detail = std::string_view(error.detail).substr(0, detail_bytes_max);
                              message["error"] = {{"code", name(error.code)}, {"detail", base64_encode(detail)}};
                          }},
               reply.body);
    return dump(message, Errc::too_large);
}

Result<Request> decode_request(std::string_view text) {
    const auto message = Json::parse(text, nullptr, false);
    Fields envelope(message);
    Request request{.id = envelope.id("id"), .body = Close{}};
    if (!envelope.good() || message.size() != 2) return malformed("no request");
    const bool is_connect = envelope.has("connect");
    const bool is_verb = envelope.has("verb");
    const char* kind = is_connect ? "connect" : is_verb ? "verb" : "close";
    if (!envelope.has(kind)) return malformed("a request of no known kind");
    Fields fields(message.at(kind));
    if (is_connect) {
        request.body = read_connect(fields);
    } else if (is_verb) {
        request.body = read_verb(fields);
    } else {
        request.body = Close{.session = fields.id("session")};
    }
    if (!fields.good()) return malformed("a request with a missing or impossible field");
    return request;
}

Result<Reply> decode_reply(std::string_view text) {
    const auto message = Json::parse(text, nullptr, false);
    Fields envelope(message);
    Reply reply{.id = envelope.id("id"), .body = Connected{}};
    if (!envelope.good() || message.size() != 2) return malformed("no reply");
    if (envelope.has("connected")) return reply;
    const bool is_verb = envelope.has("verb");
    if (!is_verb && !envelope.has("error")) return malformed("a reply of no known kind");
    Fields fields(message.at(is_verb ? "verb" : "error"));
    if (is_verb) {
        VerbReply verb;
        verb.exit_status = static_cast<int>(fields.number("exit_status", 0, 255));
        verb.output = fields.bytes("output", output_bytes_max);
        verb.error_output = fields.bytes("error_output", error_output_bytes_max);
        reply.body = std::move(verb);
    } else {
        auto error = read_error(fields);
        if (!error) return std::unexpected(std::move(error.error()));
        reply.body = std::move(*error);
    }
    if (!fields.good()) return malformed("a reply with a missing or impossible field");
    return reply;
}

Result<std::string> frame(std::string_view message) {
    if (message.empty() || message.size() > message_bytes_max) return fail(Errc::too_large, "a message over 1 MiB");
    std::string framed;
    framed.reserve(message.size() + 4);
    for (const int shift : {24, 16, 8, 0}) framed += static_cast<char>((message.size() >> shift) & 0xFF);
    return framed.append(message);
}

namespace {

asio::awaitable<Result<void>> read_bytes(Socket& socket, std::span<char> bytes, std::deque<Descriptor>* received) {
    if (received != nullptr) co_return co_await receive_with_descriptors(socket, bytes, *received);
    const auto buffer = asio::buffer(bytes.data(), bytes.size());
    const auto [error, size] = co_await asio::async_read(socket, buffer, asio::as_tuple(asio::use_awaitable));
    if (error) co_return fail(Errc::read_failed, error.message());
    co_return Result<void>();
}

asio::awaitable<Result<std::string>> read_framed(Socket& socket, std::deque<Descriptor>* received) {
    std::array<char, 4> header{};
    auto read = co_await read_bytes(socket, header, received);
    if (!read) co_return std::unexpected(std::move(read.error()));
    std::size_t size = 0;
    for (const char byte : header) size = (size << 8) | static_cast<unsigned char>(byte);
    if (size > message_bytes_max) co_return fail(Errc::too_large, "a message over 1 MiB is announced");
    if (size == 0) co_return fail(Errc::malformed_reply, "an empty message");
    std::string message(size, '\0');
    read = co_await read_bytes(socket, message, received);
    if (!read) co_return std::unexpected(std::move(read.error()));
    co_return message;
}

}  // namespace

asio::awaitable<Result<std::string>> read_message(Socket& socket) {
    co_return co_await read_framed(socket, nullptr);
}

asio::awaitable<Result<std::string>> read_message(Socket& socket, std::deque<Descriptor>& received) {
    co_return co_await read_framed(socket, &received);
}

}  // namespace aggmedic::ssh_protocol
