#include "test_pki.hpp"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <atomic>
#include <memory>
#include <stdexcept>

namespace aggmedic::test {
namespace {

struct Release {
    void operator()(BIO* bio) const { BIO_free(bio); }
    void operator()(X509* certificate) const { X509_free(certificate); }
    void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
    void operator()(X509_EXTENSION* extension) const { X509_EXTENSION_free(extension); }
};
template <class T>
using Owned = std::unique_ptr<T, Release>;

void require(bool condition, const char* what) {
    if (!condition) throw std::runtime_error(what);
}

template <class Write>
std::string to_pem(Write write) {
    const Owned<BIO> bio(BIO_new(BIO_s_mem()));
    require(write(bio.get()) == 1, "PEM");
    char* bytes = nullptr;
    const auto size = BIO_get_mem_data(bio.get(), &bytes);
    return {bytes, static_cast<std::size_t>(size)};
}

void add_extension(X509* certificate, X509* issuer, int nid, const std::string& value) {
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
    const Owned<X509_EXTENSION> extension(X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str()));
    require(extension && X509_add_ext(certificate, extension.get(), -1) == 1, "extension");
}

Owned<X509> make_certificate(const CertificateWish& wish, EVP_PKEY* key) {
    static std::atomic<long> serial = 1;
    Owned<X509> certificate(X509_new());
    X509_set_version(certificate.get(), 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), serial++);
    X509_gmtime_adj(X509_getm_notBefore(certificate.get()), wish.valid_from_days * 86400L);
    X509_gmtime_adj(X509_getm_notAfter(certificate.get()), wish.valid_to_days * 86400L);
    const auto* name = reinterpret_cast<const unsigned char*>(wish.common_name.c_str());
    X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate.get()), "CN", MBSTRING_UTF8, name, -1, -1, 0);
    X509_set_pubkey(certificate.get(), key);
    return certificate;
}

Identity finish(X509* certificate, EVP_PKEY* key, EVP_PKEY* signing_key) {
    require(X509_sign(certificate, signing_key, EVP_sha256()) > 0, "sign");
    return {to_pem([&](BIO* bio) { return PEM_write_bio_X509(bio, certificate); }), to_pem([&](BIO* bio) {
                return PEM_write_bio_PrivateKey(bio, key, nullptr, nullptr, 0, nullptr, nullptr);
            })};
}

}  // namespace

TestCa::TestCa(const std::string& common_name) {
    const Owned<EVP_PKEY> key(EVP_EC_gen("P-256"));
    const auto certificate = make_certificate({.common_name = common_name}, key.get());
    X509_set_issuer_name(certificate.get(), X509_get_subject_name(certificate.get()));
    add_extension(certificate.get(), certificate.get(), NID_basic_constraints, "critical,CA:TRUE");
    add_extension(certificate.get(), certificate.get(), NID_key_usage, "critical,keyCertSign,cRLSign");
    self_ = finish(certificate.get(), key.get(), key.get());
}

Identity TestCa::issue(const CertificateWish& wish) const {
    const Owned<BIO> certificate_text(BIO_new_mem_buf(self_.certificate_pem.data(), -1));
    const Owned<BIO> key_text(BIO_new_mem_buf(self_.key_pem.data(), -1));
    const Owned<X509> issuer(PEM_read_bio_X509(certificate_text.get(), nullptr, nullptr, nullptr));
    const Owned<EVP_PKEY> issuer_key(PEM_read_bio_PrivateKey(key_text.get(), nullptr, nullptr, nullptr));
    const Owned<EVP_PKEY> key(EVP_EC_gen("P-256"));
    const auto certificate = make_certificate(wish, key.get());
    X509_set_issuer_name(certificate.get(), X509_get_subject_name(issuer.get()));
    add_extension(certificate.get(), issuer.get(), NID_ext_key_usage, wish.extended_key_usage);
    std::string names;
    for (const auto& name : wish.alternative_names) names += (names.empty() ? "" : ",") + name;
    if (!names.empty()) add_extension(certificate.get(), issuer.get(), NID_subject_alt_name, names);
    return finish(certificate.get(), key.get(), issuer_key.get());
}

std::string with_pass_phrase(const std::string& key_pem, std::string pass_phrase) {
    const Owned<BIO> text(BIO_new_mem_buf(key_pem.data(), -1));
    const Owned<EVP_PKEY> key(PEM_read_bio_PrivateKey(text.get(), nullptr, nullptr, nullptr));
    return to_pem([&](BIO* bio) {
        return PEM_write_bio_PrivateKey(bio, key.get(), EVP_aes_256_cbc(), nullptr, 0, nullptr, pass_phrase.data());
    });
}

}  // namespace aggmedic::test
