#include "tests/lab/certificates.hpp"

#include <fmt/format.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <ctime>

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

std::string one_line(const X509_NAME* name) {
    const std::unique_ptr<BIO, decltype(&BIO_free)> bio(BIO_new(BIO_s_mem()), BIO_free);
    X509_NAME_print_ex(bio.get(), name, 0, XN_FLAG_RFC2253);
    char* data = nullptr;
    const long size = BIO_get_mem_data(bio.get(), &data);
    return {data, static_cast<std::size_t>(size)};
}

std::string issuer_of(X509* certificate) {
    return one_line(X509_get_issuer_name(certificate));
}

std::string candidate_name(X509* leaf) {
    std::string text(256, '\0');
    const int size = X509_NAME_get_text_by_NID(X509_get_issuer_name(leaf), NID_commonName, text.data(), 256);
    text.resize(size < 0 ? 0 : static_cast<std::size_t>(size));
    return text;
}

std::string rfc3339(const std::tm& when) {
    char text[32];
    std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &when);
    return text;
}

std::string rfc3339(const ASN1_TIME* when) {
    std::tm parts{};
    ASN1_TIME_to_tm(when, &parts);
    return rfc3339(parts);
}

std::string current_time() {
    const std::time_t now = std::time(nullptr);
    std::tm parts{};
    gmtime_r(&now, &parts);
    return rfc3339(parts);
}

// Go looks at dates before signatures and adds the CA of the same name that it tried.
std::string in_words_of_go(int error, X509* leaf, bool names_candidate) {
    const std::string dates = "x509: certificate has expired or is not yet valid: current time " + current_time();
    if (X509_cmp_current_time(X509_get0_notAfter(leaf)) < 0)
        return dates + " is after " + rfc3339(X509_get0_notAfter(leaf));
    if (X509_cmp_current_time(X509_get0_notBefore(leaf)) > 0)
        return dates + " is before " + rfc3339(X509_get0_notBefore(leaf));
    if (error == X509_V_ERR_INVALID_PURPOSE) return "x509: certificate specifies an incompatible key usage";
    const std::string issuer = "x509: certificate signed by unknown authority";
    if (!names_candidate) return issuer;
    return issuer +
           " (possibly because of \"x509: ECDSA verification failure\" while trying to verify candidate authority "
           "certificate \"" +
           candidate_name(leaf) + "\")";
}

std::string colon_hex(const ASN1_OCTET_STRING* bytes) {
    std::string text;
    for (int i = 0; bytes != nullptr && i < ASN1_STRING_length(bytes); ++i)
        text += fmt::format("{}{:02X}", i == 0 ? "" : ":", ASN1_STRING_get0_data(bytes)[i]);
    return text;
}

std::string numbers_of(X509* leaf) {
    const std::unique_ptr<BIGNUM, decltype(&BN_free)> serial(ASN1_INTEGER_to_BN(X509_get0_serialNumber(leaf), nullptr),
                                                             BN_free);
    const std::unique_ptr<char, void (*)(char*)> decimal(BN_bn2dec(serial.get()),
                                                         [](char* text) { OPENSSL_free(text); });
    return fmt::format("SN={}, SKID={}, AKID={}", decimal.get(), colon_hex(X509_get0_subject_key_id(leaf)),
                       colon_hex(X509_get0_authority_key_id(leaf)));
}

}  // namespace

ClientTrust::ClientTrust(std::string_view pem) : store_(X509_STORE_new(), X509_STORE_free) {
    for (const CertificatePtr& certificate : parse_pem(pem)) {
        count_ += X509_STORE_add_cert(store_.get(), certificate.get()) == 1 ? 1 : 0;
        subjects_.push_back(one_line(X509_get_subject_name(certificate.get())));
    }
    X509_STORE_set_flags(store_.get(), X509_V_FLAG_PARTIAL_CHAIN);
    X509_STORE_set_purpose(store_.get(), X509_PURPOSE_SSL_CLIENT);
}

std::string ClientTrust::why_not(X509* leaf) const {
    const std::unique_ptr<X509_STORE_CTX, decltype(&X509_STORE_CTX_free)> context(X509_STORE_CTX_new(),
                                                                                  X509_STORE_CTX_free);
    X509_STORE_CTX_init(context.get(), store_.get(), leaf, nullptr);
    if (X509_verify_cert(context.get()) == 1) return {};
    return in_words_of_go(X509_STORE_CTX_get_error(context.get()), leaf, names_a_candidate(leaf));
}

bool ClientTrust::names_a_candidate(X509* leaf) const {
    return std::ranges::any_of(subjects_, [&](const auto& subject) { return subject == issuer_of(leaf); });
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

bool keys_match(std::string_view certificate_pem, std::string_view key_pem) {
    const auto certificates = parse_pem(certificate_pem);
    const std::unique_ptr<BIO, decltype(&BIO_free)> bio(
        BIO_new_mem_buf(key_pem.data(), static_cast<int>(key_pem.size())), BIO_free);
    const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(
        PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, nullptr), EVP_PKEY_free);
    return !certificates.empty() && key && X509_check_private_key(certificates[0].get(), key.get()) == 1;
}

model::PresentedCertificate judge_certificate(X509* leaf, const ClientTrust& requestheader, const ClientTrust& client) {
    if (leaf == nullptr) return {};
    const std::string for_requestheader = requestheader.why_not(leaf), for_client = client.why_not(leaf);
    return {.presented = true,
            .verifies_for_requestheader = for_requestheader.empty(),
            .verifies_for_client = for_client.empty(),
            .requestheader_fault = for_requestheader,
            .client_fault = for_client,
            .numbers = numbers_of(leaf),
            .common_name = common_name(leaf),
            .organizations = organizations(leaf)};
}

}  // namespace aggmedic::lab
