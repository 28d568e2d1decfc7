#include "tls_server.hpp"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <stdexcept>

namespace aggmedic::test {
namespace {

void require(bool condition, const char* what) {
    if (!condition) throw std::runtime_error(what);
}

X509* read_certificate(const std::string& pem) {
    BIO* bio = BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()));
    X509* certificate = PEM_read_bio_X509(bio, nullptr, nullptr, nullptr);
    BIO_free(bio);
    require(certificate != nullptr, "certificate");
    return certificate;
}

void use_identity(SSL_CTX* context, const Identity& identity) {
    X509* certificate = read_certificate(identity.certificate_pem);
    BIO* bio = BIO_new_mem_buf(identity.key_pem.data(), static_cast<int>(identity.key_pem.size()));
    EVP_PKEY* key = PEM_read_bio_PrivateKey(bio, nullptr, nullptr, nullptr);
    BIO_free(bio);
    require(SSL_CTX_use_certificate(context, certificate) == 1 && SSL_CTX_use_PrivateKey(context, key) == 1,
            "identity");
    X509_free(certificate);
    EVP_PKEY_free(key);
}

void demand_client_certificate(SSL_CTX* context, const std::string& ca_pem) {
    X509* authority = read_certificate(ca_pem);
    X509_STORE_add_cert(SSL_CTX_get_cert_store(context), authority);
    SSL_CTX_add_client_CA(context, authority);
    X509_free(authority);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
}

// What Content-Length says of the bytes after the header; enough for the requests that the client sends.
std::size_t body_size(std::string_view header) {
    const auto at = header.find("Content-Length: ");
    return at == std::string_view::npos ? 0 : std::stoul(std::string(header.substr(at + 16, 12)));
}

}  // namespace

Listener::Listener(int backlog) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    require(::bind(fd_, reinterpret_cast<sockaddr*>(&address), size) == 0 && ::listen(fd_, backlog) == 0, "listen");
    ::getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
}

Listener::~Listener() {
    ::close(fd_);
}
int Listener::accept() const {
    return ::accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC);
}
void Listener::shut() const {
    ::shutdown(fd_, SHUT_RDWR);
}

ServerConnection::~ServerConnection() {
    ::close(fd_);
}

bool ServerConnection::handshake(SSL_CTX* context) {
    ssl_.reset(SSL_new(context));
    SSL_set_fd(ssl_.get(), fd_);
    const bool accepted = SSL_accept(ssl_.get()) == 1;
    ERR_clear_error();
    return accepted;
}

std::string ServerConnection::read_request() {
    std::string text;
    std::array<char, 4096> buffer{};
    for (;;) {
        const auto end = text.find("\r\n\r\n");
        if (end != std::string::npos && text.size() >= end + 4 + body_size(text.substr(0, end))) return text;
        const int size = SSL_read(ssl_.get(), buffer.data(), buffer.size());
        if (size <= 0) return {};
        text.append(buffer.data(), static_cast<std::size_t>(size));
    }
}

bool ServerConnection::write(std::string_view bytes) {
    while (!bytes.empty()) {
        const int size =
            SSL_write(ssl_.get(), bytes.data(), static_cast<int>(std::min<std::size_t>(bytes.size(), 1 << 20)));
        if (size <= 0) return false;
        bytes.remove_prefix(static_cast<std::size_t>(size));
    }
    return true;
}

bool ServerConnection::write_raw(std::string_view bytes) {
    return ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size());
}

void ServerConnection::wait_until_peer_closes() {
    std::array<char, 4096> buffer{};
    while (::recv(fd_, buffer.data(), buffer.size(), 0) > 0) continue;
}

bool ServerConnection::peer_closed_within(int milliseconds) {
    pollfd wanted{.fd = fd_, .events = POLLIN | POLLRDHUP, .revents = 0};
    return ::poll(&wanted, 1, milliseconds) > 0;
}

void ServerConnection::say_goodbye() {
    SSL_shutdown(ssl_.get());
}
void ServerConnection::shut() {
    ::shutdown(fd_, SHUT_RDWR);
}

std::string ServerConnection::peer_common_name() const {
    X509* certificate = SSL_get1_peer_certificate(ssl_.get());
    if (certificate == nullptr) return {};
    std::array<char, 128> name{};
    X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, name.data(), name.size());
    X509_free(certificate);
    return name.data();
}

TlsServer::TlsServer(ServerOptions options, Script script) : options_(std::move(options)), script_(std::move(script)) {
    std::signal(SIGPIPE,
                SIG_IGN);  // NOLINT(bugprone-signal-handler): no handler; SSL_write to a gone peer must only fail
    context_.reset(SSL_CTX_new(TLS_server_method()));
    SSL_CTX_set_max_proto_version(context_.get(), options_.version_max);
    static constexpr std::array<unsigned char, 4> session_context = {'t', 'e', 's', 't'};
    SSL_CTX_set_session_id_context(context_.get(), session_context.data(), session_context.size());
    if (options_.tls) use_identity(context_.get(), options_.identity);
    if (!options_.client_ca_pem.empty()) demand_client_certificate(context_.get(), options_.client_ca_pem);
    acceptor_ = std::thread([this] {
        for (int fd = listener_.accept(); fd >= 0; fd = listener_.accept()) {
            auto connection = std::make_shared<ServerConnection>(fd);
            const std::scoped_lock lock(mutex_);
            open_.push_back(connection);
            ++connections_;
            threads_.emplace_back([this, connection] { serve(*connection); });
        }
    });
}

TlsServer::~TlsServer() {
    listener_.shut();
    acceptor_.join();
    for (const auto& connection : open_) connection->shut();
    for (auto& thread : threads_) thread.join();
}

void TlsServer::serve(ServerConnection& connection) {
    const bool ready = !options_.tls || connection.handshake(context_.get());
    if (ready && connection.resumed()) ++resumptions_;
    if (ready) script_(connection);
    connection.shut();
}

std::string answer(std::string_view body, std::string_view more_headers, std::string_view status) {
    std::string text = "HTTP/1.1 ";
    text.append(status).append("\r\n").append(more_headers);
    text.append("Content-Length: ").append(std::to_string(body.size())).append("\r\n\r\n").append(body);
    return text;
}

}  // namespace aggmedic::test
