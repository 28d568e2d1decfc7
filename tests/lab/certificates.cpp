#include "tests/lab/certificates.hpp"

#include <openssl/pem.h>
#include <openssl/x509v3.h>

namespace aggmedic::lab {
namespace {

using CertificatePtr = std::unique_ptr<X509, decltype(&X509_free)>;

std::vector<CertificatePtr> parse_pem(std::string_view pem) {
    std::vector<CertificatePtr> all;
    const std::unique_ptr<BIO, decltype(&BIO_free)> bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())),
                                                        BIO_free);
    while (X509* certificate = PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr))
        all.emplace_back(certificate, X509_free);
    return all;
}

std::vector<std::string> subject_entries(X509* certificate, int nid) {
    std::vector<std::string> values;
    X509_NAME* subject = X509_get_subject_name(certificate);
    for (int at = X509_NAME_get_index_by_NID(subject, nid, -1); at >= 0;
         at = X509_NAME_get_index_by_NID(subject, nid, at)) {
        unsigned char* text = nullptr;
        const int size = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
        if (size >= 0) values.emplace_back(reinterpret_cast<char*>(text), static_cast<std::size_t>(size));
        OPENSSL_free(text);
    }
    return values;
}

}  // namespace

ClientTrust::ClientTrust(std::string_view pem) : store_(X509_STORE_new(), X509_STORE_free) {
    for (const CertificatePtr& certificate : parse_pem(pem))
        count_ += X509_STORE_add_cert(store_.get(), certificate.get()) == 1 ? 1 : 0;
    X509_STORE_set_flags(store_.get(), X509_V_FLAG_PARTIAL_CHAIN);
    X509_STORE_set_purpose(store_.get(), X509_PURPOSE_SSL_CLIENT);
}

bool ClientTrust::verifies(X509* leaf) const {
    const std::unique_ptr<X509_STORE_CTX, decltype(&X509_STORE_CTX_free)> context(X509_STORE_CTX_new(),
                                                                                  X509_STORE_CTX_free);
    X509_STORE_CTX_init(context.get(), store_.get(), leaf, nullptr);
    return X509_verify_cert(context.get()) == 1;
}

std::string common_name(X509* certificate) {
    const auto names = subject_entries(certificate, NID_commonName);
    return names.empty() ? std::string() : names.back();
}

std::vector<std::string> organizations(X509* certificate) {
    return subject_entries(certificate, NID_organizationName);
}

bool is_expired_pem(std::string_view pem) {
    const auto certificates = parse_pem(pem);
    return !certificates.empty() && X509_cmp_current_time(X509_get0_notAfter(certificates[0].get())) < 0;
}

model::PresentedCertificate judge_certificate(X509* leaf, const ClientTrust& requestheader, const ClientTrust& client) {
    if (leaf == nullptr) return {};
    return {.presented = true,
            .verifies_for_requestheader = requestheader.verifies(leaf),
            .verifies_for_client = client.verifies(leaf),
            .common_name = common_name(leaf),
            .organizations = organizations(leaf)};
}

}  // namespace aggmedic::lab
