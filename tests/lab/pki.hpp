#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

typedef struct evp_pkey_st EVP_PKEY;
typedef struct x509_st X509;

// Certificates for a lab, made with OpenSSL at its start and thrown away with it. EC keys, because they are quick to
// make.
namespace aggmedic::lab {

enum class Usage { any, client, server };

struct Subject {
    std::string common_name;  // empty: no CN at all
    std::vector<std::string> organizations;
    std::string subject_alt_names;  // "DNS:a,IP:1.2.3.4"
    Usage usage = Usage::any;
    int starts_in_days = -1, ends_in_days = 825, starts_in_seconds = 0;  // the last adds to the first
};

class KeyPair {
  public:
    static KeyPair authority(const std::string& common_name);
    KeyPair issue(const Subject& subject) const;

    std::string certificate_pem() const;
    std::string key_pem() const;
    std::string public_key_pem() const;
    std::string sha256() const;  // of the certificate, lower-case hex

  private:
    KeyPair(std::shared_ptr<EVP_PKEY> key, std::shared_ptr<X509> certificate)
        : key_(std::move(key)), certificate_(std::move(certificate)) {}

    std::shared_ptr<EVP_PKEY> key_;
    std::shared_ptr<X509> certificate_;
};

struct PkiNames {
    std::string cluster_name;                // the CN of kubernetes.pem: demo.pks.ik.am
    std::vector<std::string> addresses;      // of the masters and the load balancer
    std::vector<std::string> service_names;  // NAME.NAMESPACE.svc of every extension
};

// Writes everything a lab may need into `directory` (tests/lab/README.md lists the files).
void write_pki(const std::filesystem::path& directory, const PkiNames& names);

}  // namespace aggmedic::lab
