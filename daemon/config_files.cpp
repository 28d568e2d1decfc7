#include "daemon/config_files.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>

#include "net/text.hpp"

namespace aggmedic::daemon {
namespace {

constexpr std::string_view white_space = " \t\r\n";

bool is_visible_ascii(char character) {
    return character > 0x20 && character < 0x7F;
}

}  // namespace

Result<std::string> read_small_file(const std::filesystem::path& file, std::size_t bytes_max) {
    struct stat status{};
    if (::stat(file.c_str(), &status) != 0) {
        return fail(Errc::io_failed, fmt::format("cannot read {}: {}", file.string(), std::strerror(errno)));
    }
    if (!S_ISREG(status.st_mode)) return fail(Errc::io_failed, file.string() + " is no regular file");
    std::ifstream stream(file, std::ios::binary);
    if (!stream) return fail(Errc::io_failed, fmt::format("cannot read {}: {}", file.string(), std::strerror(errno)));
    std::string bytes(bytes_max + 1, '\0');
    stream.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    bytes.resize(static_cast<std::size_t>(stream.gcount()));
    if (bytes.size() > bytes_max) {
        return fail(Errc::too_large, fmt::format("{} is larger than {} MiB", file.string(), bytes_max >> 20));
    }
    return bytes;
}

bool is_readable_by_everybody(const std::filesystem::path& file) {
    struct stat status{};
    return ::stat(file.c_str(), &status) == 0 && (status.st_mode & S_IROTH) != 0;
}

std::optional<std::string> NamedFiles::read(const std::string& name, const Setting& named_at) {
    auto bytes = read_small_file(resolve(name));
    if (!bytes) {
        faults_.add(named_at.mark, fmt::format("{}: {}", named_at.path, bytes.error().detail));
        return std::nullopt;
    }
    if (bytes->empty()) {
        faults_.add(named_at.mark, fmt::format("{}: {} is empty", named_at.path, resolve(name).string()));
        return std::nullopt;
    }
    return std::move(*bytes);
}

void NamedFiles::expect_secret(const std::string& name, const Setting& named_at) {
    const auto file = resolve(name);
    struct stat status{};
    if (::stat(file.c_str(), &status) != 0 || ::access(file.c_str(), R_OK) != 0) {
        faults_.add(named_at.mark,
                    fmt::format("{}: cannot read {}: {}", named_at.path, file.string(), std::strerror(errno)));
    } else if (!S_ISREG(status.st_mode)) {
        faults_.add(named_at.mark, fmt::format("{}: {} is no regular file", named_at.path, file.string()));
    } else if (status.st_size == 0) {
        faults_.add(named_at.mark, fmt::format("{}: {} is empty", named_at.path, file.string()));
    }
    warn_if_open_to_everybody(file, named_at);
}

std::optional<std::string> NamedFiles::read_secret(const std::string& name, const Setting& named_at) {
    auto bytes = read(name, named_at);
    if (bytes) warn_if_open_to_everybody(resolve(name), named_at);
    return bytes;
}

void NamedFiles::warn_if_open_to_everybody(const std::filesystem::path& file, const Setting& named_at) {
    if (!is_readable_by_everybody(file)) return;
    faults_.warn(named_at.mark, fmt::format("{}: every user of this machine can read {}; chmod 0640 or less",
                                            named_at.path, file.string()));
}

std::optional<std::string> NamedFiles::read_token(const std::string& name, const Setting& named_at) {
    const auto bytes = read_secret(name, named_at);
    if (!bytes) return std::nullopt;
    auto token = token_from(*bytes, resolve(name).string());
    if (token) return std::move(*token);
    faults_.add(named_at.mark, fmt::format("{}: {}", named_at.path, token.error().detail));
    return std::nullopt;
}

Result<std::string> token_from(std::string_view text, const std::string& file) {
    const auto first = text.find_first_not_of(white_space);
    if (first == std::string_view::npos) return fail(Errc::invalid_argument, file + " holds no token");
    const auto last = text.find_last_not_of(white_space);
    const auto token = text.substr(first, last - first + 1);
    if (!std::ranges::all_of(token, is_visible_ascii)) {
        return fail(
            Errc::invalid_argument,
            file + " holds something else than one token (a space, a line end or another control character in it)");
    }
    return std::string(token);
}

std::string private_key_fault(std::string_view pem) {
    if (pem.find("PRIVATE KEY-----") == std::string_view::npos) return "holds no private key in PEM form";
    if (pem.find("ENCRYPTED") != std::string_view::npos) return "is protected by a passphrase, which nobody could type";
    constexpr std::string_view begin = "-----BEGIN OPENSSH PRIVATE KEY-----";
    const auto start = pem.find(begin);
    if (start == std::string_view::npos) return {};
    const auto body_start = start + begin.size();
    const auto body_end = pem.find("-----END", body_start);
    std::string body(pem.substr(body_start, body_end == std::string_view::npos ? body_end : body_end - body_start));
    std::erase_if(body, [](char character) { return character == '\n' || character == '\r'; });
    std::string decoded;
    if (!base64_decode(body, decoded)) return "holds a private key that cannot be read";
    // PROTOCOL.key of OpenSSH: the magic, then the cipher's name as a string with a 32-bit length; "none" is no
    // passphrase.
    constexpr std::string_view plain{"openssh-key-v1\0\0\0\0\x04none", 23};
    return decoded.starts_with(plain) ? "" : "is protected by a passphrase, which nobody could type";
}

}  // namespace aggmedic::daemon
