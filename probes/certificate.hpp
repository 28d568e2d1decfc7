#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "net/result.hpp"
#include "net/time.hpp"

namespace aggmedic::probes {

// The public part of an X.509 certificate that judgements rest on. Names are raw bytes as the certificate carries them
// (a CN may hold anything): pass them through printable() before showing them.
struct Certificate {
    std::string common_name;
    bool has_common_name = false;
    std::vector<std::string> organizations;
    std::string subject;  // RFC 2253
    std::string issuer;   // RFC 2253
    std::string sha256;   // of the DER form, lower-case hex
    TimePoint not_before{};
    TimePoint not_after{};
    bool is_ca = false;
    bool has_extended_key_usage = false;
    bool allows_client_auth = true;  // clientAuth or any in the EKU, or no EKU at all (Go's x509 does the same)
    std::vector<std::string> dns_names;
    std::string pem;
    bool operator==(const Certificate&) const = default;
};

// All certificates of a PEM text, in order; other blocks (keys among them) are skipped unread. Errors: malformed_reply
// when a CERTIFICATE block cannot be parsed. An empty list is no error.
Result<std::vector<Certificate>> parse_certificates(std::string_view pem);

// Whether what is known of a certificate is what its own PEM carries: a record may have been cut or altered.
bool is_intact(const Certificate& certificate);

enum class ChainFault {
    none,
    unknown_issuer,  // does not lead to any of the CAs (or a signature on the way is wrong)
    expired,
    not_yet_valid,
    wrong_usage,  // an extendedKeyUsage without clientAuth
};
std::string_view name(ChainFault fault);

// Verifies `leaf` (with the certificates behind it in its file as intermediates) against `roots` for TLS client
// authentication at `now`, as Go's x509.Verify does for a front proxy. unknown_issuer wins over expired, expired over
// usage.
ChainFault verify_client_chain(const Certificate& leaf, const std::vector<Certificate>& intermediates,
                               const std::vector<Certificate>& roots, TimePoint now);

}  // namespace aggmedic::probes
