#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tests/model/extension_auth.hpp"

typedef struct x509_st X509;
typedef struct x509_store_st X509_STORE;

// Reading and judging certificates, as the simulated servers need it.
namespace aggmedic::lab {

// The certificates of a PEM bundle as trust anchors for clients. Every certificate in it counts as a root, as in Go:
// also a bare leaf.
class ClientTrust {
  public:
    explicit ClientTrust(std::string_view pem);
    std::string why_not(
        X509* leaf) const;  // chain, dates and key usage for TLS clients, in Go's words; empty: it verifies
    std::size_t size() const { return count_; }

  private:
    bool names_a_candidate(X509* leaf) const;

    std::shared_ptr<X509_STORE> store_;
    std::vector<std::string> subjects_;
    std::size_t count_ = 0;
};

std::string common_name(X509* certificate);
std::vector<std::string> organizations(X509* certificate);
bool is_expired_pem(std::string_view pem);
bool keys_match(std::string_view certificate_pem, std::string_view key_pem);

model::PresentedCertificate judge_certificate(X509* leaf, const ClientTrust& requestheader, const ClientTrust& client);

}  // namespace aggmedic::lab
