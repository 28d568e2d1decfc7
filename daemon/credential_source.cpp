#include "daemon/credential_source.hpp"

#include <sys/stat.h>

#include <array>
#include <utility>

#include "daemon/config_files.hpp"
#include "net/tls_context.hpp"

namespace aggmedic::daemon {
namespace {

// Changes when a file is written, or when another one takes its place (a mounted Secret is a link that is swapped).
using Stamp = std::array<std::int64_t, 5>;

std::vector<Stamp> stamps_of(const std::vector<std::filesystem::path>& files) {
    std::vector<Stamp> stamps;
    for (const auto& file : files) {
        struct stat status{};
        if (::stat(file.c_str(), &status) != 0) {
            stamps.push_back({});
            continue;
        }
        stamps.push_back({static_cast<std::int64_t>(status.st_ino), status.st_size, status.st_mtim.tv_sec,
                          status.st_mtim.tv_nsec, status.st_ctim.tv_nsec});
    }
    return stamps;
}

class FileSource : public probes::CredentialSource {
  public:
    FileSource(std::string identity, std::vector<std::filesystem::path> files, ReadCredential read)
        : identity_(std::move(identity)), files_(std::move(files)), read_(std::move(read)) {}

    asio::awaitable<Result<probes::Credential>> current(bool refused) override {
        auto stamps = stamps_of(files_);
        if (known_ && !refused && stamps == stamps_) co_return *known_;
        auto read = read_();
        if (!read) co_return std::unexpected(read.error());
        known_ = std::move(*read);
        stamps_ = std::move(stamps);
        co_return *known_;
    }
    std::string identity() const override { return identity_; }

  private:
    std::string identity_;
    std::vector<std::filesystem::path> files_;
    ReadCredential read_;
    std::optional<probes::Credential> known_;
    std::vector<Stamp> stamps_;
};

// Asked once by each run: what it answers is the caller's alone.
class UnkeptSource : public probes::CredentialSource {
  public:
    UnkeptSource(std::string identity, std::function<std::shared_ptr<probes::CredentialSource>()> make)
        : identity_(std::move(identity)), make_(std::move(make)) {}

    asio::awaitable<Result<probes::Credential>> current(bool refused) override {
        const auto source = make_();
        auto read = co_await source->current(refused);
        co_return read;
    }
    std::string identity() const override { return identity_; }

  private:
    std::string identity_;
    std::function<std::shared_ptr<probes::CredentialSource>()> make_;
};

}  // namespace

std::shared_ptr<probes::CredentialSource> unkept(std::function<std::shared_ptr<probes::CredentialSource>()> make) {
    auto identity = make()->identity();
    return std::make_shared<UnkeptSource>(std::move(identity), std::move(make));
}

std::shared_ptr<probes::CredentialSource> credential_in_files(std::string identity,
                                                              std::vector<std::filesystem::path> files,
                                                              ReadCredential read) {
    return std::make_shared<FileSource>(std::move(identity), std::move(files), std::move(read));
}

std::shared_ptr<probes::CredentialSource> token_in_file(const std::filesystem::path& file) {
    return credential_in_files("token " + file.string(), {file}, [file]() -> Result<probes::Credential> {
        const auto bytes = read_small_file(file);
        if (!bytes) return std::unexpected(bytes.error());
        auto token = token_from(*bytes, file.string());
        if (!token) return std::unexpected(token.error());
        return probes::Credential{
            .bearer_token = std::move(*token), .client_certificate_pem = {}, .client_key_pem = {}};
    });
}

// Both files are written one after the other: a pair that does not fit together yet is an error, and is read again.
std::shared_ptr<probes::CredentialSource> certificate_in_files(const std::filesystem::path& certificate,
                                                               const std::filesystem::path& key) {
    const auto read = [certificate, key]() -> Result<probes::Credential> {
        auto certificate_pem = read_small_file(certificate);
        if (!certificate_pem) return std::unexpected(certificate_pem.error());
        auto key_pem = read_small_file(key);
        if (!key_pem) return std::unexpected(key_pem.error());
        HttpsTarget https;
        https.client_certificate_pem = *certificate_pem;
        https.client_key_pem = *key_pem;
        SessionStore sessions;
        const auto made = make_client_context(https, sessions);
        if (!made) return fail(Errc::invalid_argument, certificate.string() + ": " + made.error().detail);
        return probes::Credential{.bearer_token = {},
                                  .client_certificate_pem = std::move(*certificate_pem),
                                  .client_key_pem = std::move(*key_pem)};
    };
    return credential_in_files("certificate " + certificate.string() + " " + key.string(), {certificate, key}, read);
}

}  // namespace aggmedic::daemon
