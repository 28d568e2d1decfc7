#include "probes/certificate_key.hpp"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>

#include <memory>
#include <unordered_map>

#include "net/text.hpp"

namespace aggmedic::probes {

namespace {

struct Release {
    void operator()(BIO* bio) const { BIO_free_all(bio); }
    void operator()(X509* certificate) const { X509_free(certificate); }
    void operator()(X509_STORE* store) const { X509_STORE_free(store); }
    void operator()(X509_STORE_CTX* context) const { X509_STORE_CTX_free(context); }
    void operator()(STACK_OF(X509) * stack) const { sk_X509_pop_free(stack, X509_free); }
};
template <class T>
using Owned = std::unique_ptr<T, Release>;

Owned<X509> load(const Certificate& certificate) {
    const Owned<BIO> in(BIO_new_mem_buf(certificate.pem.data(), static_cast<int>(certificate.pem.size())));
    Owned<X509> x509(PEM_read_bio_X509(in.get(), nullptr, nullptr, nullptr));
    ERR_clear_error();
    return x509;
}

std::string key_digest(const Certificate& certificate) {
    const auto x509 = load(certificate);
    if (!x509) return {};
    unsigned char* der = nullptr;
    const int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x509.get()), &der);
    if (size < 0) return {};
    auto hex = sha256_hex({reinterpret_cast<char*>(der), static_cast<std::size_t>(size)});
    OPENSSL_free(der);
    return hex;
}

}  // namespace

std::string public_key_sha256(const Certificate& certificate) {
    // Asked of the same few CAs in every cycle; the same bytes have the same key.
    constexpr std::size_t remembered_max = 512;
    thread_local std::unordered_map<std::string, std::string> remembered;
    if (const auto at = remembered.find(certificate.pem); at != remembered.end()) return at->second;
    if (remembered.size() >= remembered_max) remembered.clear();
    return remembered.emplace(certificate.pem, key_digest(certificate)).first->second;
}

bool share_a_key(const Certificate& one, const Certificate& other) {
    if (one.sha256 == other.sha256) return true;
    const auto key = public_key_sha256(one);
    return !key.empty() && key == public_key_sha256(other);
}

bool is_too_weak(const Certificate& leaf, const std::vector<Certificate>& intermediates,
                 const std::vector<Certificate>& roots) {
    constexpr int level = 1;  // 80 bits: RSA from 1024 bits on, no SHA-1
    const auto x509 = load(leaf);
    const Owned<X509_STORE> store(X509_STORE_new());
    const Owned<STACK_OF(X509)> untrusted(sk_X509_new_null());
    const Owned<X509_STORE_CTX> context(X509_STORE_CTX_new());
    if (!x509 || !store || !untrusted || !context) return true;
    for (const auto& root : roots) {
        if (const auto anchor = load(root)) X509_STORE_add_cert(store.get(), anchor.get());
    }
    for (const auto& intermediate : intermediates) {
        if (auto link = load(intermediate)) sk_X509_push(untrusted.get(), link.release());
    }
    if (X509_STORE_CTX_init(context.get(), store.get(), x509.get(), untrusted.get()) != 1) return true;
    X509_STORE_CTX_set_flags(context.get(), X509_V_FLAG_PARTIAL_CHAIN | X509_V_FLAG_NO_CHECK_TIME);
    X509_VERIFY_PARAM_set_auth_level(X509_STORE_CTX_get0_param(context.get()), level);
    const bool ok = X509_verify_cert(context.get()) == 1;
    const int error = X509_STORE_CTX_get_error(context.get());
    ERR_clear_error();
    return !ok && (error == X509_V_ERR_EE_KEY_TOO_SMALL || error == X509_V_ERR_CA_KEY_TOO_SMALL ||
                   error == X509_V_ERR_CA_MD_TOO_WEAK);
}

}  // namespace aggmedic::probes
