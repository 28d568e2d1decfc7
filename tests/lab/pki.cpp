#include "tests/lab/pki.hpp"

#include <fmt/format.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include <stdexcept>

#include "tests/lab/world.hpp"

namespace aggmedic::lab {
namespace {

std::shared_ptr<EVP_PKEY> new_key() {
    return {EVP_EC_gen("P-256"), EVP_PKEY_free};
}

void add_extension(X509* certificate, X509* issuer, int nid, const std::string& value) {
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
    if (extension == nullptr) throw std::runtime_error("OpenSSL refuses the extension " + value);
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
}

void add_name(X509_NAME* name, const char* field, const std::string& value) {
    X509_NAME_add_entry_by_txt(name, field, MBSTRING_UTF8, reinterpret_cast<const unsigned char*>(value.c_str()), -1,
                               -1, 0);
}

// Names only; the dates, extensions and the signature follow.
std::shared_ptr<X509> draft(EVP_PKEY* key, const Subject& subject) {
    std::shared_ptr<X509> certificate(X509_new(), X509_free);
    X509_set_version(certificate.get(), 2);
    unsigned char serial[16];
    RAND_bytes(serial, sizeof serial);
    serial[0] &= 0x7f;
    BIGNUM* number = BN_bin2bn(serial, sizeof serial, nullptr);
    BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate.get()));
    BN_free(number);
    constexpr long day = 24L * 3600;
    X509_gmtime_adj(X509_getm_notBefore(certificate.get()), subject.starts_in_days * day + subject.starts_in_seconds);
    X509_gmtime_adj(X509_getm_notAfter(certificate.get()), subject.ends_in_days * day);
    X509_set_pubkey(certificate.get(), key);
    X509_NAME* name = X509_get_subject_name(certificate.get());
    for (const auto& organization : subject.organizations) add_name(name, "O", organization);
    add_name(name, "OU", "aggmedic lab");
    if (!subject.common_name.empty()) add_name(name, "CN", subject.common_name);
    return certificate;
}

template <class Write>
std::string pem_text(Write write) {
    const std::unique_ptr<BIO, decltype(&BIO_free)> bio(BIO_new(BIO_s_mem()), BIO_free);
    write(bio.get());
    char* data = nullptr;
    const long size = BIO_get_mem_data(bio.get(), &data);
    return {data, static_cast<std::size_t>(size)};
}

void write_pair(const std::filesystem::path& directory, const std::string& name, const KeyPair& pair,
                const std::string& chain = {}) {
    write_file(directory / (name + ".pem"), pair.certificate_pem() + chain);
    write_file(directory / (name + "-key.pem"), pair.key_pem());
}

std::string alternative_names(const PkiNames& names) {
    std::string all = fmt::format(
        "DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc,DNS:{},DNS:master.cfcr.internal,IP:127.0.0.1",
        names.cluster_name);
    for (const auto& address : names.addresses) all += ",IP:" + address;
    return all;
}

}  // namespace

KeyPair KeyPair::authority(const std::string& common_name) {
    auto key = new_key();
    auto certificate = draft(key.get(), {.common_name = common_name,
                                         .organizations = {},
                                         .subject_alt_names = {},
                                         .usage = Usage::any,
                                         .starts_in_days = -2,
                                         .ends_in_days = 3650});
    X509_set_issuer_name(certificate.get(), X509_get_subject_name(certificate.get()));
    add_extension(certificate.get(), certificate.get(), NID_basic_constraints, "critical,CA:TRUE");
    add_extension(certificate.get(), certificate.get(), NID_key_usage, "critical,keyCertSign,cRLSign");
    add_extension(certificate.get(), certificate.get(), NID_subject_key_identifier, "hash");
    X509_sign(certificate.get(), key.get(), EVP_sha256());
    return {key, certificate};
}

KeyPair KeyPair::issue(const Subject& subject) const {
    auto key = new_key();
    auto certificate = draft(key.get(), subject);
    X509_set_issuer_name(certificate.get(), X509_get_subject_name(certificate_.get()));
    add_extension(certificate.get(), certificate_.get(), NID_basic_constraints, "CA:FALSE");
    add_extension(certificate.get(), certificate_.get(), NID_authority_key_identifier, "keyid");
    if (!subject.subject_alt_names.empty())
        add_extension(certificate.get(), certificate_.get(), NID_subject_alt_name, subject.subject_alt_names);
    if (subject.usage != Usage::any)
        add_extension(certificate.get(), certificate_.get(), NID_ext_key_usage,
                      subject.usage == Usage::client ? "clientAuth" : "serverAuth");
    X509_sign(certificate.get(), key_.get(), EVP_sha256());
    return {key, certificate};
}

std::string KeyPair::certificate_pem() const {
    return pem_text([&](BIO* bio) { PEM_write_bio_X509(bio, certificate_.get()); });
}

std::string KeyPair::key_pem() const {
    return pem_text(
        [&](BIO* bio) { PEM_write_bio_PrivateKey(bio, key_.get(), nullptr, nullptr, 0, nullptr, nullptr); });
}

std::string KeyPair::public_key_pem() const {
    return pem_text([&](BIO* bio) { PEM_write_bio_PUBKEY(bio, key_.get()); });
}

std::string KeyPair::sha256() const {
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    X509_digest(certificate_.get(), EVP_sha256(), digest, &size);
    std::string text;
    for (unsigned i = 0; i < size; ++i) text += fmt::format("{:02x}", digest[i]);
    return text;
}

void write_pki(const std::filesystem::path& directory, const PkiNames& names) {
    const KeyPair ca = KeyPair::authority("ca"), clients_ca = KeyPair::authority("clients-ca"),
                  other_ca = KeyPair::authority("other-ca");
    const KeyPair service_ca = KeyPair::authority("svc-cat-ca"), wrong_ca = KeyPair::authority("wrong-ca");
    write_file(directory / "ca.pem", ca.certificate_pem());
    write_file(directory / "ca.sha256", ca.sha256() + "\n");
    write_file(directory / "service-account-public-key.pem", service_ca.public_key_pem());
    write_file(directory / "clients-ca.pem", clients_ca.certificate_pem());
    write_file(directory / "other-ca.pem", other_ca.certificate_pem());
    write_file(directory / "extension-ca.pem", service_ca.certificate_pem());
    write_file(directory / "wrong-ca.pem", wrong_ca.certificate_pem());
    // The old CFCR dialect: one file, leaf and CA, is serving certificate, proxy-client certificate and both CA files.
    const Subject kubernetes{.common_name = names.cluster_name,
                             .organizations = {"system:masters"},
                             .subject_alt_names = alternative_names(names)};
    write_pair(directory, "kubernetes", ca.issue(kubernetes), ca.certificate_pem());
    const auto proxy = [&](const std::string& name, const KeyPair& issuer, Subject changed) {
        write_pair(directory, name, issuer.issue(changed));
    };
    const std::vector<std::string> masters = {"system:masters"};
    proxy("proxy-expired", ca,
          {.common_name = names.cluster_name,
           .organizations = masters,
           .subject_alt_names = {},
           .usage = Usage::any,
           .starts_in_days = -400,
           .ends_in_days = -1});
    proxy("proxy-other-ca", other_ca,
          {.common_name = names.cluster_name, .organizations = masters, .subject_alt_names = {}});
    proxy("proxy-empty-cn", ca, {.common_name = "", .organizations = {}, .subject_alt_names = {}});
    proxy(
        "proxy-server-eku", ca,
        {.common_name = names.cluster_name, .organizations = masters, .subject_alt_names = {}, .usage = Usage::server});
    proxy("proxy-no-masters", ca, {.common_name = names.cluster_name, .organizations = {}, .subject_alt_names = {}});
    // The rotated CA bears the old one's name, as a rotation leaves it: Go then names the candidate it tried.
    const KeyPair front_ca = KeyPair::authority("front-proxy-ca"), rotated_ca = KeyPair::authority("ca");
    write_file(directory / "front-proxy-ca.pem", front_ca.certificate_pem());
    write_file(directory / "rotated-ca.pem", rotated_ca.certificate_pem());
    const Subject plain{.common_name = names.cluster_name, .organizations = masters, .subject_alt_names = {}};
    proxy("proxy-front", front_ca, plain);
    proxy("proxy-rotated", rotated_ca, plain);
    proxy("proxy-renewed", ca, plain);
    proxy("proxy-wrong-key", ca, plain);
    write_file(directory / "proxy-wrong-key-key.pem", ca.issue(plain).key_pem());
    Subject not_yet = plain;
    not_yet.starts_in_days = 0;
    not_yet.starts_in_seconds = 1800;
    proxy("proxy-not-yet", ca, not_yet);
    proxy("proxy-other-cn", ca,
          {.common_name = "other." + names.cluster_name, .organizations = masters, .subject_alt_names = {}});
    proxy("proxy-hostile-cn", ca,
          {.common_name = "demo,$(touch /tmp/owned)'\n..", .organizations = masters, .subject_alt_names = {}});
    proxy("client-alice", ca,
          {.common_name = "alice", .organizations = {"developers"}, .subject_alt_names = {}, .usage = Usage::client});
    proxy("client-impostor", ca,
          {.common_name = names.cluster_name,
           .organizations = {"nobody"},
           .subject_alt_names = {},
           .usage = Usage::client});
    proxy("client-separate", clients_ca,
          {.common_name = "alice", .organizations = {"developers"}, .subject_alt_names = {}, .usage = Usage::client});
    std::string services = "DNS:localhost";
    for (const auto& name : names.service_names) services += ",DNS:" + name;
    proxy(
        "component", ca,
        {.common_name = "kubernetes-component", .organizations = {}, .subject_alt_names = {}, .usage = Usage::client});
    write_pair(
        directory, "extension",
        service_ca.issue(
            {.common_name = "extension", .organizations = {}, .subject_alt_names = services, .usage = Usage::server}));
}

}  // namespace aggmedic::lab
