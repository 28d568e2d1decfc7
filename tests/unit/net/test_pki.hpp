#pragma once

#include <string>
#include <vector>

namespace aggmedic::test {

struct Identity {
    std::string certificate_pem{};
    std::string key_pem{};
};

struct CertificateWish {
    std::string common_name = "server";
    std::vector<std::string> alternative_names{};  // in OpenSSL's form: "DNS:a.example", "IP:127.0.0.1"
    int valid_from_days = -1;                      // counted from now
    int valid_to_days = 30;
    std::string extended_key_usage = "serverAuth,clientAuth";
};

// A certificate authority made for one test (P-256).
class TestCa {
  public:
    explicit TestCa(const std::string& common_name = "test CA");
    Identity issue(const CertificateWish& wish) const;
    const std::string& certificate_pem() const { return self_.certificate_pem; }

  private:
    Identity self_;
};

// The same private key, encrypted.
std::string with_pass_phrase(const std::string& key_pem, std::string pass_phrase);

}  // namespace aggmedic::test
