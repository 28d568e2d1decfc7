#include "probes/certificate.hpp"

#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include <chrono>
#include <ctime>
#include <memory>
#include <optional>
#include <unordered_map>

#include "net/text.hpp"

namespace aggmedic::probes {

namespace {

template <auto Free>
struct Deleter {
    template <class T>
    void operator()(T* pointer) const {
        Free(pointer);
    }
};
void free_stack(STACK_OF(X509) * stack) {
    sk_X509_pop_free(stack, X509_free);
}
void free_names(GENERAL_NAMES* names) {
    sk_GENERAL_NAME_pop_free(names, GENERAL_NAME_free);
}
using X509Ptr = std::unique_ptr<X509, Deleter<X509_free>>;
using BioPtr = std::unique_ptr<BIO, Deleter<BIO_free_all>>;
using StackPtr = std::unique_ptr<STACK_OF(X509), Deleter<free_stack>>;

std::string text_of(const ASN1_STRING* value) {
    // UTF-8 where it can be converted, else the bytes as they are: the judgement compares what extension servers
    // compare.
    unsigned char* utf8 = nullptr;
    const int size = ASN1_STRING_to_UTF8(&utf8, value);
    if (size < 0) {
        return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(value)),
                static_cast<std::size_t>(ASN1_STRING_length(value))};
    }
    std::string text(reinterpret_cast<char*>(utf8), static_cast<std::size_t>(size));
    OPENSSL_free(utf8);
    return text;
}

std::vector<std::string> entries_of(const X509_NAME* name, int nid) {
    std::vector<std::string> found;
    for (int at = X509_NAME_get_index_by_NID(name, nid, -1); at >= 0; at = X509_NAME_get_index_by_NID(name, nid, at)) {
        found.push_back(text_of(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at))));
    }
    return found;
}

std::string rfc2253(const X509_NAME* name) {
    const BioPtr out(BIO_new(BIO_s_mem()));
    X509_NAME_print_ex(out.get(), name, 0, XN_FLAG_RFC2253);
    char* data = nullptr;
    const long size = BIO_get_mem_data(out.get(), &data);
    return size > 0 ? std::string(data, static_cast<std::size_t>(size)) : std::string();
}

TimePoint time_of(const ASN1_TIME* time) {
    std::tm parts{};
    if (ASN1_TIME_to_tm(time, &parts) != 1) return {};
    using namespace std::chrono;
    const year_month_day day{year(parts.tm_year + 1900), month(static_cast<unsigned>(parts.tm_mon + 1)),
                             std::chrono::day(static_cast<unsigned>(parts.tm_mday))};
    return sys_days(day) + hours(parts.tm_hour) + minutes(parts.tm_min) + seconds(parts.tm_sec);
}

std::string pem_of(X509* certificate) {
    const BioPtr out(BIO_new(BIO_s_mem()));
    PEM_write_bio_X509(out.get(), certificate);
    char* data = nullptr;
    const long size = BIO_get_mem_data(out.get(), &data);
    return {data, static_cast<std::size_t>(size)};
}

std::string fingerprint(X509* certificate) {
    unsigned char* der = nullptr;
    const int size = i2d_X509(certificate, &der);
    if (size < 0) return {};
    auto hex = sha256_hex({reinterpret_cast<char*>(der), static_cast<std::size_t>(size)});
    OPENSSL_free(der);
    return hex;
}

std::vector<std::string> dns_names(X509* certificate) {
    std::vector<std::string> found;
    const std::unique_ptr<GENERAL_NAMES, Deleter<free_names>> names(
        static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
    for (int i = 0; names && i < sk_GENERAL_NAME_num(names.get()); ++i) {
        const auto* name = sk_GENERAL_NAME_value(names.get(), i);
        if (name->type == GEN_DNS) found.push_back(text_of(name->d.dNSName));
    }
    return found;
}

// clientAuth or any, or no EKU at all; for every certificate of a chain, as Go's x509.Verify nests key usages.
bool allows_client_auth(X509* certificate) {
    const std::unique_ptr<EXTENDED_KEY_USAGE, Deleter<EXTENDED_KEY_USAGE_free>> usages(
        static_cast<EXTENDED_KEY_USAGE*>(X509_get_ext_d2i(certificate, NID_ext_key_usage, nullptr, nullptr)));
    if (!usages) return true;
    for (int i = 0; i < sk_ASN1_OBJECT_num(usages.get()); ++i) {
        const int nid = OBJ_obj2nid(sk_ASN1_OBJECT_value(usages.get(), i));
        if (nid == NID_client_auth || nid == NID_anyExtendedKeyUsage) return true;
    }
    return false;
}

Certificate describe(X509* x509) {
    Certificate certificate;
    const auto* subject = X509_get_subject_name(x509);
    const auto names = entries_of(subject, NID_commonName);
    certificate.has_common_name = !names.empty();
    if (!names.empty()) certificate.common_name = names.back();  // Go keeps the last one
    certificate.organizations = entries_of(subject, NID_organizationName);
    certificate.subject = rfc2253(subject);
    certificate.issuer = rfc2253(X509_get_issuer_name(x509));
    certificate.sha256 = fingerprint(x509);
    certificate.not_before = time_of(X509_get0_notBefore(x509));
    certificate.not_after = time_of(X509_get0_notAfter(x509));
    certificate.is_ca = X509_check_ca(x509) != 0;
    certificate.has_extended_key_usage = X509_get_ext_by_NID(x509, NID_ext_key_usage, -1) >= 0;
    certificate.allows_client_auth = allows_client_auth(x509);
    certificate.dns_names = dns_names(x509);
    certificate.pem = pem_of(x509);
    return certificate;
}

X509Ptr load(const Certificate& certificate) {
    const BioPtr in(BIO_new_mem_buf(certificate.pem.data(), static_cast<int>(certificate.pem.size())));
    X509Ptr x509(PEM_read_bio_X509(in.get(), nullptr, nullptr, nullptr));
    ERR_clear_error();
    return x509;
}

// All that a verification depends on. Certificates count by their PEM: the other members are read from it.
std::string question(const Certificate& leaf, const std::vector<Certificate>& intermediates,
                     const std::vector<Certificate>& roots, std::int64_t now) {
    std::string text = std::to_string(now) + ' ' + std::to_string(intermediates.size()) + '\n' + leaf.pem;
    for (const auto* pool : {&intermediates, &roots}) {
        for (const auto& certificate : *pool) text += certificate.pem + '\0';
    }
    return text;
}

struct Verification {
    int error = X509_V_ERR_UNSPECIFIED;
    bool chain_allows_client_auth = true;
};

Verification verify(X509* leaf, STACK_OF(X509) * untrusted, X509_STORE* store, unsigned long flags, std::time_t now) {
    Verification result;
    const std::unique_ptr<X509_STORE_CTX, Deleter<X509_STORE_CTX_free>> context(X509_STORE_CTX_new());
    if (!context || X509_STORE_CTX_init(context.get(), store, leaf, untrusted) != 1) return result;
    // Every certificate of the pool is an anchor, the leaf itself included: so does Go, and CFCR's CA file holds the
    // leaf.
    X509_STORE_CTX_set_flags(context.get(), X509_V_FLAG_PARTIAL_CHAIN | flags);
    // A set time would win over NO_CHECK_TIME.
    if ((flags & X509_V_FLAG_NO_CHECK_TIME) == 0) X509_STORE_CTX_set_time(context.get(), 0, now);
    const bool ok = X509_verify_cert(context.get()) == 1;
    result.error = ok ? X509_V_OK : X509_STORE_CTX_get_error(context.get());
    if (ok) {
        auto* chain = X509_STORE_CTX_get0_chain(context.get());
        for (int i = 0; i < sk_X509_num(chain); ++i) {
            if (!allows_client_auth(sk_X509_value(chain, i))) result.chain_allows_client_auth = false;
        }
    }
    ERR_clear_error();
    return result;
}

ChainFault verify_anew(const Certificate& leaf, const std::vector<Certificate>& intermediates,
                       const std::vector<Certificate>& roots, std::int64_t seconds) {
    const auto x509 = load(leaf);
    const std::unique_ptr<X509_STORE, Deleter<X509_STORE_free>> store(X509_STORE_new());
    const StackPtr untrusted(sk_X509_new_null());
    if (!x509 || !store || !untrusted) return ChainFault::unknown_issuer;
    for (const auto& root : roots) {
        if (const auto anchor = load(root)) X509_STORE_add_cert(store.get(), anchor.get());
    }
    for (const auto& intermediate : intermediates) {
        if (auto link = load(intermediate)) sk_X509_push(untrusted.get(), link.release());
    }
    // First whether the chain leads anywhere at all, whatever the dates; a wrong issuer is the deeper fault.
    const auto untimed = verify(x509.get(), untrusted.get(), store.get(), X509_V_FLAG_NO_CHECK_TIME, seconds);
    if (untimed.error != X509_V_OK) return ChainFault::unknown_issuer;
    const auto timed = verify(x509.get(), untrusted.get(), store.get(), 0, seconds);
    if (timed.error == X509_V_ERR_CERT_NOT_YET_VALID) return ChainFault::not_yet_valid;
    if (timed.error == X509_V_ERR_CERT_HAS_EXPIRED) return ChainFault::expired;
    if (timed.error != X509_V_OK) return ChainFault::unknown_issuer;
    return timed.chain_allows_client_auth ? ChainFault::none : ChainFault::wrong_usage;
}

}  // namespace

Result<std::vector<Certificate>> parse_certificates(std::string_view pem) {
    constexpr std::string_view begin = "-----BEGIN CERTIFICATE-----";
    constexpr std::string_view end = "-----END CERTIFICATE-----";
    std::vector<Certificate> certificates;
    for (auto at = pem.find(begin); at != std::string_view::npos; at = pem.find(begin, at)) {
        const auto stop = pem.find(end, at);
        const auto which = "certificate " + std::to_string(certificates.size() + 1);
        if (stop == std::string_view::npos) return fail(Errc::malformed_reply, which + " has no end line");
        const auto block = pem.substr(at, stop + end.size() - at);
        const BioPtr in(BIO_new_mem_buf(block.data(), static_cast<int>(block.size())));
        const X509Ptr x509(PEM_read_bio_X509(in.get(), nullptr, nullptr, nullptr));
        ERR_clear_error();
        if (!x509) return fail(Errc::malformed_reply, which + " cannot be read");
        certificates.push_back(describe(x509.get()));
        at = stop + end.size();
    }
    return certificates;
}

bool is_intact(const Certificate& certificate) {
    constexpr std::size_t remembered_max = 512;
    thread_local std::unordered_map<std::string, std::optional<Certificate>> remembered;
    auto at = remembered.find(certificate.pem);
    if (at == remembered.end()) {
        if (remembered.size() >= remembered_max) remembered.clear();
        auto read = parse_certificates(certificate.pem);
        std::optional<Certificate> only;
        if (read && read->size() == 1) only = std::move(read->front());
        at = remembered.emplace(certificate.pem, std::move(only)).first;
    }
    return at->second == certificate;
}

std::string_view name(ChainFault fault) {
    switch (fault) {
        case ChainFault::none:
            return "none";
        case ChainFault::unknown_issuer:
            return "unknown-issuer";
        case ChainFault::expired:
            return "expired";
        case ChainFault::not_yet_valid:
            return "not-yet-valid";
        case ChainFault::wrong_usage:
            return "wrong-usage";
    }
    return "none";
}

ChainFault verify_client_chain(const Certificate& leaf, const std::vector<Certificate>& intermediates,
                               const std::vector<Certificate>& roots, TimePoint now) {
    // One cycle asks the same of the same certificates for each master and each rule, and a verification costs more
    // than all the rest of a diagnosis. The same question has the same answer, so remembering it stays pure.
    constexpr std::size_t remembered_max = 512;
    thread_local std::unordered_map<std::string, ChainFault> remembered;
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count();
    auto key = question(leaf, intermediates, roots, seconds);
    if (const auto at = remembered.find(key); at != remembered.end()) return at->second;
    if (remembered.size() >= remembered_max) remembered.clear();
    const auto fault = verify_anew(leaf, intermediates, roots, seconds);
    remembered.emplace(std::move(key), fault);
    return fault;
}

}  // namespace aggmedic::probes
