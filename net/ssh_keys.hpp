#pragma once

#include <libssh/libssh.h>

#include <memory>
#include <string>
#include <vector>

#include "net/result.hpp"

namespace aggmedic {

struct SshKeyDeleter {
    void operator()(ssh_key key) const { ssh_key_free(key); }
};
using SshKey = std::unique_ptr<ssh_key_struct, SshKeyDeleter>;

// The keys of which a host must show one, and the host key algorithms that these keys can serve, so that it is not
// asked for another of its keys.
struct PinnedKeys {
    std::vector<SshKey> keys{};
    std::string algorithms{};
};

// From lines "ssh-ed25519 AAAA..."; types that are not supported (DSA, certificates, security keys) are skipped.
// Errors: invalid_argument when a line is broken or no key is left.
Result<PinnedKeys> read_pinned_keys(const std::vector<std::string>& lines);

// Errors: invalid_argument (not a private key, or one behind a pass phrase).
Result<SshKey> read_private_key(const std::string& pem);

// "ssh-ed25519 SHA256:..." as ssh-keygen -l prints it.
std::string fingerprint(ssh_key key);

}  // namespace aggmedic
