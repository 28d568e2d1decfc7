#include "probes/apiserver.hpp"

#include <algorithm>
#include <charconv>

#include "net/text.hpp"
#include "probes/json_reading.hpp"

namespace aggmedic::probes {

namespace {

void append_utf8(std::string& text, std::uint32_t rune) {
    const auto put = [&](std::uint32_t byte) { text.push_back(static_cast<char>(static_cast<unsigned char>(byte))); };
    if (rune < 0x80) {
        put(rune);
    } else if (rune < 0x800) {
        put(0xC0 | (rune >> 6));
        put(0x80 | (rune & 0x3F));
    } else if (rune < 0x10000) {
        put(0xE0 | (rune >> 12));
        put(0x80 | ((rune >> 6) & 0x3F));
        put(0x80 | (rune & 0x3F));
    } else {
        put(0xF0 | ((rune >> 18) & 0x07));
        put(0x80 | ((rune >> 12) & 0x3F));
        put(0x80 | ((rune >> 6) & 0x3F));
        put(0x80 | (rune & 0x3F));
    }
}

// What a backslash of Go's %q stands for; `at` is just behind the backslash and is moved behind the escape.
bool unescape(std::string_view text, std::size_t& at, std::string& out) {
    if (at >= text.size()) return false;
    const char kind = text[at++];
    const std::size_t digits = kind == 'x' ? 2 : kind == 'u' ? 4 : kind == 'U' ? 8 : 0;
    if (digits > 0) {
        std::uint32_t value = 0;
        if (at + digits > text.size()) return false;
        const auto* first = text.data() + at;
        const auto parsed = std::from_chars(first, first + digits, value, 16);
        if (parsed.ec != std::errc() || parsed.ptr != first + digits) return false;
        at += digits;
        if (kind == 'x') {
            out.push_back(static_cast<char>(static_cast<unsigned char>(value)));
        } else {
            append_utf8(out, value);
        }
        return true;
    }
    constexpr std::string_view kinds = "abfnrtv\\\"'";
    constexpr std::string_view bytes = "\a\b\f\n\r\t\v\\\"'";
    const auto which = kinds.find(kind);
    if (which == std::string_view::npos) return false;
    out.push_back(bytes[which]);
    return true;
}

std::string decode_base64url(std::string_view text) {
    std::string standard(text);
    std::ranges::replace(standard, '-', '+');
    std::ranges::replace(standard, '_', '/');
    standard.append((4 - standard.size() % 4) % 4, '=');
    std::string bytes;
    return base64_decode(standard, bytes) ? bytes : std::string();
}

Caller caller_of_token(std::string_view token) {
    Caller caller;
    const auto parts = split(token, '.');
    if (parts.size() != 3) return caller;
    const auto claims = read_json_object(decode_base64url(parts[1]), {"sub"});
    if (!claims) return caller;
    const auto subject = text_at(*claims, "sub");
    constexpr std::string_view prefix = "system:serviceaccount:";
    // Other issuers' tokens (OIDC) are named by the apiserver's own configuration: their claims do not tell the user.
    const auto words = split(subject, ':');
    if (!subject.starts_with(prefix) || words.size() != 4) return caller;
    caller.user = subject;
    caller.groups = {"system:serviceaccounts", "system:serviceaccounts:" + std::string(words[2]),
                     "system:authenticated"};
    return caller;
}

}  // namespace

Result<std::string> parse_version(std::string_view text) {
    const auto document = read_json_object(text, {"gitVersion"});
    if (!document) return std::unexpected(document.error());
    auto version = text_at(*document, "gitVersion");
    if (version.empty() || version.size() > 128) return fail(Errc::malformed_reply, "the version has no gitVersion");
    return version;
}

std::optional<std::string> parse_forbidden_user(std::string_view body) {
    const auto document = read_json_object(body, {"kind", "message"});
    if (!document || text_at(*document, "kind") != "Status") return std::nullopt;
    const auto message = text_at(*document, "message");
    constexpr std::string_view lead = "User \"";
    const auto start = message.find(lead);
    if (start == std::string::npos) return std::nullopt;
    std::string user;
    for (auto at = start + lead.size(); at < message.size();) {
        const char c = message[at++];
        if (c == '"') return user;
        if (c != '\\') {
            user.push_back(c);
        } else if (!unescape(message, at, user)) {
            return std::nullopt;
        }
    }
    return std::nullopt;  // no closing quote: a cut message names nobody
}

bool accepts_credential(const Answer& control) {
    if (control.status == 403) return control.forbidden_user && *control.forbidden_user != "system:anonymous";
    return control.status == 200;
}

Caller parse_caller(std::string_view bearer_token, std::string_view client_certificate_pem) {
    // kube-apiserver looks at the client certificate first.
    const auto certificates = parse_certificates(client_certificate_pem);
    if (!certificates || certificates->empty()) return caller_of_token(bearer_token);
    const auto& leaf = certificates->front();
    Caller caller{.user = leaf.common_name, .groups = leaf.organizations};
    // Beside a token it is the certificate that counts, unless a front that ends the TLS session passes the token on.
    if (!bearer_token.empty() && caller_of_token(bearer_token).user != caller.user) caller.user.clear();
    caller.is_system_masters = std::ranges::find(leaf.organizations, "system:masters") != leaf.organizations.end();
    return caller;
}

}  // namespace aggmedic::probes
