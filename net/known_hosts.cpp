#include "net/known_hosts.hpp"

#include <fmt/format.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <array>
#include <optional>

#include "net/text.hpp"

namespace aggmedic {
namespace {

enum class Marker { none, revoked, cert_authority };

struct Line {
    Marker marker = Marker::none;
    std::string_view hosts;
    std::string key;  // "type base64"
};

std::string_view take_word(std::string_view& text) {
    const auto begin = std::min(text.find_first_not_of(" \t"), text.size());
    const auto end = std::min(text.find_first_of(" \t", begin), text.size());
    const auto word = text.substr(begin, end - begin);
    text.remove_prefix(end);
    return word;
}

// The blob names its own type in its first string (RFC 4253 6.6); a line that says another type is a forged or broken
// one.
bool blob_has_type(std::string_view blob, std::string_view type) {
    if (blob.size() < 4) return false;
    std::size_t length = 0;
    for (const char byte : blob.substr(0, 4)) length = (length << 8) | static_cast<unsigned char>(byte);
    return blob.substr(4, length) == type && blob.size() > 4 + length;
}

// nullopt: not readable. An empty `hosts`: nothing in this line (blank or comment).
std::optional<Line> parse_line(std::string_view text) {
    if (text.ends_with('\r')) text.remove_suffix(1);
    Line line;
    auto word = take_word(text);
    if (word.empty() || word.starts_with('#')) return line;
    if (word.starts_with('@')) {
        if (word != "@revoked" && word != "@cert-authority") return std::nullopt;
        line.marker = word == "@revoked" ? Marker::revoked : Marker::cert_authority;
        word = take_word(text);
    }
    line.hosts = word;
    const auto type = take_word(text);
    const auto base64 = take_word(text);
    std::string blob;
    if (!base64_decode(base64, blob) || !blob_has_type(blob, type)) return std::nullopt;
    line.key = fmt::format("{} {}", type, base64);
    return line;
}

// `*` stands for any text, `?` for any one character; as in OpenSSH's match_pattern.
bool matches_pattern(std::string_view pattern, std::string_view name) {
    std::size_t at = 0;
    std::size_t in_name = 0;
    std::size_t star = std::string_view::npos;
    std::size_t star_name = 0;
    while (in_name < name.size()) {
        if (at < pattern.size() && pattern[at] == '*') {
            star = at++;
            star_name = in_name;
        } else if (at < pattern.size() && (pattern[at] == '?' || pattern[at] == name[in_name])) {
            ++at;
            ++in_name;
        } else if (star != std::string_view::npos) {
            at = star + 1;
            in_name = ++star_name;
        } else {
            return false;
        }
    }
    return pattern.find_first_not_of('*', at) == std::string_view::npos;
}

// `|1|salt|hash`: hash = HMAC-SHA1(salt, name).
bool matches_hash(std::string_view hashed, std::string_view name) {
    const auto parts = split(hashed, '|');
    std::string salt;
    std::string hash;
    if (parts.size() != 4 || parts[1] != "1") return false;
    if (!base64_decode(parts[2], salt) || !base64_decode(parts[3], hash)) return false;
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned size = 0;
    const std::string message(name);
    const auto* bytes = reinterpret_cast<const unsigned char*>(message.data());
    if (!HMAC(EVP_sha1(), salt.data(), static_cast<int>(salt.size()), bytes, message.size(), digest.data(), &size))
        return false;
    return hash == std::string_view(reinterpret_cast<const char*>(digest.data()), size);
}

bool matches_hosts(std::string_view hosts, std::string_view name) {
    if (hosts.starts_with('|')) return matches_hash(hosts, name);
    const auto lowered = to_lower(hosts);
    bool matched = false;
    for (auto pattern : split(lowered, ',')) {
        const bool negated = pattern.starts_with('!');
        if (negated) pattern.remove_prefix(1);
        if (!matches_pattern(pattern, name)) continue;
        if (negated) return false;  // a negated match takes the whole line out
        matched = true;
    }
    return matched;
}

std::vector<std::string> keys_for(const std::vector<Line>& lines, std::string_view name) {
    std::vector<std::string> keys;
    for (const auto& line : lines) {
        const bool counts = line.marker == Marker::none && matches_hosts(line.hosts, name);
        if (counts && std::ranges::find(keys, line.key) == keys.end()) keys.push_back(line.key);
    }
    return keys;
}

}  // namespace

Result<std::vector<std::string>> known_host_keys(std::string_view known_hosts, std::string_view host,
                                                 std::uint16_t port) {
    std::vector<Line> lines;
    std::size_t number = 0;
    for (const auto text : split(known_hosts, '\n')) {
        ++number;
        auto line = parse_line(text);
        if (!line) return fail(Errc::malformed_reply, fmt::format("known_hosts line {} cannot be read", number));
        if (!line->hosts.empty()) lines.push_back(std::move(*line));
    }
    const auto plain = to_lower(host);
    const auto with_port = port == 22 ? plain : fmt::format("[{}]:{}", plain, port);
    auto keys = keys_for(lines, with_port);
    if (keys.empty()) keys = keys_for(lines, plain);
    std::erase_if(keys, [&](const std::string& key) {
        return std::ranges::any_of(lines, [&](const Line& line) {
            const bool same_host = matches_hosts(line.hosts, with_port) || matches_hosts(line.hosts, plain);
            return line.marker == Marker::revoked && line.key == key && same_host;
        });
    });
    return keys;
}

}  // namespace aggmedic
