#include "net/tls_context.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <array>

#include "net/text.hpp"

namespace aggmedic {
namespace {

template <class T, void (*release)(T*)>
struct Deleter {
    void operator()(T* object) const { release(object); }
};
void free_bio(BIO* bio) {
    BIO_free(bio);
}
void free_names(GENERAL_NAMES* names) {
    GENERAL_NAMES_free(names);
}
using Bio = std::unique_ptr<BIO, Deleter<BIO, free_bio>>;
using Certificate = std::unique_ptr<X509, Deleter<X509, X509_free>>;
using PrivateKey = std::unique_ptr<EVP_PKEY, Deleter<EVP_PKEY, EVP_PKEY_free>>;

std::string openssl_reason() {
    const auto code = ERR_peek_last_error();
    const char* reason = ERR_reason_error_string(code);
    ERR_clear_error();
    return reason ? reason : "unknown error";
}

Bio read_only(std::string_view bytes) {
    return Bio(BIO_new_mem_buf(bytes.data(), static_cast<int>(bytes.size())));
}

// Without this OpenSSL would ask on the terminal for the pass phrase of an encrypted key.
int no_pass_phrase(char*, int, int, void*) {
    return 0;
}

// The certificates of a PEM text, in order; other blocks (a private key beside them) are left alone.
std::vector<Certificate> read_certificates(std::string_view pem) {
    std::vector<Certificate> certificates;
    const auto bio = read_only(pem);
    while (auto* certificate = PEM_read_bio_X509(bio.get(), nullptr, no_pass_phrase, nullptr)) {
        certificates.emplace_back(certificate);
    }
    return certificates;
}

// Ends with "no start line" after the last block; anything else there is damage that would silently drop a CA.
bool ended_cleanly() {
    const auto code = ERR_peek_last_error();
    ERR_clear_error();
    return ERR_GET_LIB(code) == ERR_LIB_PEM && ERR_GET_REASON(code) == PEM_R_NO_START_LINE;
}

Result<void> trust(SSL_CTX* context, const std::string& ca_pem) {
    // The system's store costs 833 KiB and 20 ms a context: only where no CA is given.
    if (ca_pem.empty()) {
        if (SSL_CTX_set_default_verify_paths(context) == 1) return {};
        return fail(Errc::invalid_argument, "the system's trust store: " + openssl_reason());
    }
    ERR_clear_error();
    const auto anchors = read_certificates(ca_pem);
    if (!ended_cleanly() || anchors.empty())
        return fail(Errc::invalid_argument, "the CA is no list of PEM certificates");
    auto* store = SSL_CTX_get_cert_store(context);
    for (const auto& anchor : anchors) {
        if (X509_STORE_add_cert(store, anchor.get()) != 1)
            return fail(Errc::invalid_argument, "the CA: " + openssl_reason());
    }
    // As kubectl does: a given certificate is an anchor even when it is an intermediate one.
    X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN);
    return {};
}

Result<void> identify(SSL_CTX* context, const HttpsTarget& target) {
    if (target.client_certificate_pem.empty() && target.client_key_pem.empty()) return {};
    if (target.client_certificate_pem.empty() || target.client_key_pem.empty()) {
        return fail(Errc::invalid_argument, "a client certificate needs its key, and the key its certificate");
    }
    ERR_clear_error();
    auto certificates = read_certificates(target.client_certificate_pem);
    if (!ended_cleanly() || certificates.empty())
        return fail(Errc::invalid_argument, "the client certificate is no PEM certificate");
    const auto bio = read_only(target.client_key_pem);
    const PrivateKey key(PEM_read_bio_PrivateKey(bio.get(), nullptr, no_pass_phrase, nullptr));
    if (!key) return fail(Errc::invalid_argument, "the client key is no unencrypted PEM private key");
    if (SSL_CTX_use_certificate(context, certificates.front().get()) != 1) {
        return fail(Errc::invalid_argument, "the client certificate: " + openssl_reason());
    }
    for (std::size_t index = 1; index < certificates.size(); ++index) {
        if (SSL_CTX_add1_chain_cert(context, certificates[index].get()) != 1) {
            return fail(Errc::invalid_argument, "the client certificate's chain: " + openssl_reason());
        }
    }
    if (X509_check_private_key(certificates.front().get(), key.get()) != 1 ||
        SSL_CTX_use_PrivateKey(context, key.get()) != 1) {
        return fail(Errc::invalid_argument, "the client key does not belong to the client certificate");
    }
    return {};
}

// Asio keeps its own callbacks in the context's app data, so the store sits in an index of its own.
int store_index() {
    static const int index = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
    return index;
}

int keep_session(SSL* connection, SSL_SESSION* session) {
    auto* store = static_cast<SessionStore*>(SSL_CTX_get_ex_data(SSL_get_SSL_CTX(connection), store_index()));
    store->newest.reset(session);
    return 1;  // the reference is ours now
}

bool is_address(const std::string& name) {
    std::array<unsigned char, sizeof(in6_addr)> address{};
    return inet_pton(AF_INET, name.c_str(), address.data()) == 1 ||
           inet_pton(AF_INET6, name.c_str(), address.data()) == 1;
}

std::string to_text(const ASN1_OCTET_STRING* address) {
    std::array<char, INET6_ADDRSTRLEN> text{};
    const int family = ASN1_STRING_length(address) == 4 ? AF_INET : AF_INET6;
    if (family == AF_INET6 && ASN1_STRING_length(address) != 16) return "?";
    return inet_ntop(family, ASN1_STRING_get0_data(address), text.data(), text.size());
}

// The names that a client may match (RFC 6125): DNS names and addresses of the subjectAltName.
std::string alternative_names(const X509* certificate) {
    const std::unique_ptr<GENERAL_NAMES, Deleter<GENERAL_NAMES, free_names>> names(
        static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
    std::string text;
    for (int index = 0; names && index < sk_GENERAL_NAME_num(names.get()); ++index) {
        const auto* entry = sk_GENERAL_NAME_value(names.get(), index);
        if (entry->type != GEN_DNS && entry->type != GEN_IPADD) continue;
        if (!text.empty()) text += ", ";
        if (entry->type == GEN_IPADD) {
            text += to_text(entry->d.iPAddress);
        } else {
            const auto* bytes = reinterpret_cast<const char*>(ASN1_STRING_get0_data(entry->d.dNSName));
            text.append(bytes, static_cast<std::size_t>(ASN1_STRING_length(entry->d.dNSName)));
        }
    }
    return text.empty() ? "none" : printable(text, 256);
}

std::string drain(const Bio& bio) {
    char* bytes = nullptr;
    const auto size = BIO_get_mem_data(bio.get(), &bytes);
    return size > 0 ? std::string(bytes, static_cast<std::size_t>(size)) : std::string();
}

std::vector<std::string> chain_of(SSL* connection) {
    std::vector<std::string> chain;
    const auto* certificates = SSL_get_peer_cert_chain(connection);  // on a client the leaf is in it
    for (int index = 0; index < sk_X509_num(certificates); ++index) {
        const Bio bio(BIO_new(BIO_s_mem()));
        PEM_write_bio_X509(bio.get(), sk_X509_value(certificates, index));
        chain.push_back(drain(bio));
    }
    return chain;
}

std::vector<std::string> client_cas_of(SSL* connection) {
    std::vector<std::string> subjects;
    const auto* names = SSL_get0_peer_CA_list(connection);
    for (int index = 0; index < sk_X509_NAME_num(names); ++index) {
        const Bio bio(BIO_new(BIO_s_mem()));
        X509_NAME_print_ex(bio.get(), sk_X509_NAME_value(names, index), 0, XN_FLAG_RFC2253);
        subjects.push_back(drain(bio));
    }
    return subjects;
}

}  // namespace

const std::string& expected_name(const HttpsTarget& target) {
    return target.server_name.empty() ? target.host : target.server_name;
}

Result<SslContextPointer> make_client_context(const HttpsTarget& target, SessionStore& store) {
    SslContextPointer context(SSL_CTX_new(TLS_client_method()));
    if (!context) return fail(Errc::invalid_argument, "no TLS context: " + openssl_reason());
    SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
    SSL_CTX_set_options(context.get(), SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
    SSL_CTX_set_default_passwd_cb(context.get(), no_pass_phrase);
    SSL_CTX_set_verify(context.get(), target.insecure_skip_tls_verify ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, nullptr);
    if (!target.insecure_skip_tls_verify) {
        if (auto trusted = trust(context.get(), target.ca_pem); !trusted) return std::unexpected(trusted.error());
    }
    if (auto identified = identify(context.get(), target); !identified) return std::unexpected(identified.error());
    SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_set_ex_data(context.get(), store_index(), &store);
    SSL_CTX_sess_set_new_cb(context.get(), keep_session);
    return context;
}

Result<void> prepare_handshake(SSL* connection, const HttpsTarget& target, SessionStore& store) {
    const auto& name = expected_name(target);
    auto* parameters = SSL_get0_param(connection);
    // Never the subject's CN, as Go and so kubectl: a proxy-client certificate carries the cluster's host name there.
    X509_VERIFY_PARAM_set_hostflags(parameters,
                                    X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    const bool address = is_address(name);
    const int expected =
        address ? X509_VERIFY_PARAM_set1_ip_asc(parameters, name.c_str()) : SSL_set1_host(connection, name.c_str());
    const bool named =
        address || SSL_set_tlsext_host_name(connection, name.c_str()) == 1;  // SNI is for names (RFC 6066)
    if (expected != 1 || !named) return fail(Errc::invalid_argument, "no server name: " + printable(name));
    if (store.newest && SSL_SESSION_is_resumable(store.newest.get()) == 1)
        SSL_set_session(connection, store.newest.get());
    return {};
}

std::string verification_failure(SSL* connection, const HttpsTarget& target) {
    const auto result = SSL_get_verify_result(connection);
    if (result == X509_V_OK || target.insecure_skip_tls_verify) return {};
    // The peer's certificate is set only once it was accepted; what was tried is in the chain that was built.
    const auto* chain = SSL_get0_verified_chain(connection);
    const auto* leaf = sk_X509_num(chain) > 0 ? sk_X509_value(chain, 0) : nullptr;
    return fmt::format("{} (expected {}; the certificate names {})", X509_verify_cert_error_string(result),
                       printable(expected_name(target)), leaf ? alternative_names(leaf) : "nobody");
}

TlsPeer read_peer(SSL* connection, const std::optional<TlsPeer>& previous) {
    TlsPeer peer;
    peer.resumed = SSL_session_reused(connection) == 1;
    peer.acceptable_client_cas = client_cas_of(connection);
    if (peer.acceptable_client_cas.empty() && previous) peer.acceptable_client_cas = previous->acceptable_client_cas;
    if (peer.resumed && previous) {
        peer.chain_pem = previous->chain_pem;
    } else {
        peer.chain_pem = chain_of(connection);
    }
    return peer;
}

}  // namespace aggmedic
