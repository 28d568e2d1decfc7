#pragma once

#include <string>
#include <vector>

#include "probes/certificate.hpp"

// What of keys and signatures decides between certificates that agree in everything else.
namespace aggmedic::probes {

// SHA-256 of the SubjectPublicKeyInfo, lower-case hex; empty when the certificate cannot be read. A CA that is signed
// anew keeps its key, and what it issued leads to the old certificate and to the new one.
std::string public_key_sha256(const Certificate& certificate);
bool share_a_key(const Certificate& one, const Certificate& other);

// Whether every chain from `leaf` to the roots rests on what Go refuses and OpenSSL by default does not: a SHA-1 or MD5
// signature (refused since Go 1.18) or an RSA key below 1024 bits (since Go 1.24). A root's own signature does not
// count. False where no chain leads to the roots at all.
bool is_too_weak(const Certificate& leaf, const std::vector<Certificate>& intermediates,
                 const std::vector<Certificate>& roots);

}  // namespace aggmedic::probes
