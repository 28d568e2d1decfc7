#include "net/ssh_keys.hpp"

#include <array>
#include <string_view>

#include "net/text.hpp"

namespace aggmedic {
namespace {

struct KeyType {
    std::string_view name;
    std::string_view algorithms;  // an RSA key signs with SHA-2 only
};

constexpr std::array<KeyType, 5> key_types = {{{"ssh-ed25519", "ssh-ed25519"},
                                               {"ecdsa-sha2-nistp256", "ecdsa-sha2-nistp256"},
                                               {"ecdsa-sha2-nistp384", "ecdsa-sha2-nistp384"},
                                               {"ecdsa-sha2-nistp521", "ecdsa-sha2-nistp521"},
                                               {"ssh-rsa", "rsa-sha2-512,rsa-sha2-256"}}};

const KeyType* find_type(std::string_view name) {
    for (const auto& type : key_types) {
        if (type.name == name) return &type;
    }
    return nullptr;
}

void add_algorithms(std::string& list, std::string_view more) {
    if (list.find(more) != std::string::npos) return;
    if (!list.empty()) list += ',';
    list += more;
}

}  // namespace

Result<PinnedKeys> read_pinned_keys(const std::vector<std::string>& lines) {
    PinnedKeys pinned;
    for (const auto& line : lines) {
        const auto words = split(line, ' ');
        const auto* type = find_type(words.front());
        if (type == nullptr) continue;
        const std::string base64(words.size() > 1 ? words[1] : std::string_view());
        ssh_key key = nullptr;
        const auto wanted = ssh_key_type_from_name(std::string(type->name).c_str());
        if (ssh_pki_import_pubkey_base64(base64.c_str(), wanted, &key) != SSH_OK) {
            return fail(Errc::invalid_argument, "the pinned host key cannot be read: " + printable(line, 64));
        }
        pinned.keys.emplace_back(key);
        add_algorithms(pinned.algorithms, type->algorithms);
    }
    if (pinned.keys.empty()) return fail(Errc::invalid_argument, "no host key is pinned: without one nothing connects");
    return pinned;
}

Result<SshKey> read_private_key(const std::string& pem) {
    ssh_key key = nullptr;
    if (ssh_pki_import_privkey_base64(pem.c_str(), nullptr, nullptr, nullptr, &key) != SSH_OK) {
        return fail(Errc::invalid_argument, "the SSH private key cannot be read (or has a pass phrase)");
    }
    return SshKey(key);
}

std::string fingerprint(ssh_key key) {
    unsigned char* hash = nullptr;
    std::size_t size = 0;
    if (ssh_get_publickey_hash(key, SSH_PUBLICKEY_HASH_SHA256, &hash, &size) != SSH_OK) return "unreadable key";
    char* text = ssh_get_fingerprint_hash(SSH_PUBLICKEY_HASH_SHA256, hash, size);
    std::string shown = ssh_key_type_to_char(ssh_key_type(key));
    shown.append(" ").append(text != nullptr ? text : "?");
    ssh_string_free_char(text);
    ssh_clean_pubkey_hash(&hash);
    return shown;
}

}  // namespace aggmedic
