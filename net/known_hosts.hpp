#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "net/result.hpp"

namespace aggmedic {

// The keys ("ssh-ed25519 AAAA...") that a known_hosts text pins for host:port (plain, wildcard, negated and |1| hashed
// names, [host]:port form; @cert-authority lines are skipped, @revoked keys never returned). As in OpenSSH a line
// without a port counts for another port only when no line names that port. Errors: malformed_reply when a line cannot
// be read.
Result<std::vector<std::string>> known_host_keys(std::string_view known_hosts, std::string_view host,
                                                 std::uint16_t port);

}  // namespace aggmedic
