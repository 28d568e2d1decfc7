#include <algorithm>
#include <array>

#include "net/text.hpp"
#include "probes/observation.hpp"

namespace aggmedic::probes {

namespace {

// What judgements and the restart preflight ask for: values that are names, paths and switches, never secrets.
constexpr std::array<std::string_view, 32> known_flags{
    "advertise-address",
    "anonymous-auth",
    "audit-policy-file",
    "authorization-mode",
    "bind-address",
    "client-ca-file",
    "egress-selector-config-file",
    "enable-aggregator-routing",
    "encryption-provider-config",
    "endpoint-reconciler-type",
    "etcd-cafile",
    "etcd-certfile",
    "etcd-keyfile",
    "feature-gates",
    "kubelet-certificate-authority",
    "kubelet-client-certificate",
    "kubelet-client-key",
    "oidc-ca-file",
    "proxy-client-cert-file",
    "proxy-client-key-file",
    "requestheader-allowed-names",
    "requestheader-client-ca-file",
    "requestheader-extra-headers-prefix",
    "requestheader-group-headers",
    "requestheader-username-headers",
    "secure-port",
    "service-account-issuer",
    "service-account-key-file",
    "service-account-signing-key-file",
    "service-cluster-ip-range",
    "tls-cert-file",
    "tls-private-key-file",
};

// kube-apiserver takes underscores for hyphens in flag names.
std::string normal_name(std::string_view word) {
    std::string name(word);
    std::ranges::replace(name, '_', '-');
    return name;
}

// The first record of Go's encoding/csv; nullopt where it answers with an error (kube-apiserver would not have
// started).
std::optional<std::vector<std::string>> read_csv_record(std::string_view text) {
    std::vector<std::string> fields(1);
    for (std::size_t at = 0;; ++at) {
        if (at < text.size() && text[at] == '"') {
            for (++at;; ++at) {
                if (at >= text.size()) return std::nullopt;
                if (text[at] != '"') {
                    fields.back() += text[at];
                } else if (at + 1 < text.size() && text[at + 1] == '"') {
                    fields.back() += text[++at];
                } else {
                    break;
                }
            }
            ++at;
            if (at < text.size() && text[at] != ',' && text[at] != '\n') return std::nullopt;
        } else {
            while (at < text.size() && text[at] != ',' && text[at] != '\n') {
                if (text[at] == '"') return std::nullopt;
                fields.back() += text[at++];
            }
        }
        if (at >= text.size() || text[at] == '\n') return fields;
        fields.emplace_back();
    }
}

}  // namespace

bool is_known_flag(std::string_view flag) {
    return std::ranges::binary_search(known_flags, flag);
}

Arguments read_arguments(const std::vector<std::string>& argv) {
    Arguments arguments;
    std::string digested;
    for (std::size_t at = 0; at < argv.size(); ++at) {
        const std::string& word = argv[at];
        if (word.empty()) continue;
        ++arguments.count;
        digested.append(word).push_back('\0');
        if (!word.starts_with("--")) continue;
        const auto equals = word.find('=');
        const auto flag =
            normal_name(std::string_view(word).substr(2, equals == std::string::npos ? equals : equals - 2));
        std::string value;
        if (equals != std::string::npos) {
            value = word.substr(equals + 1);
        } else if (at + 1 < argv.size() && !argv[at + 1].starts_with('-')) {
            value = argv[at + 1];  // counted and digested when the loop comes to it; it starts with no `--`
        }
        if (is_known_flag(flag)) arguments.flags[flag].push_back(std::move(value));
    }
    arguments.sha256 = sha256_hex(digested);
    return arguments;
}

std::vector<std::string> allowed_names(const Flags& flags) {
    std::vector<std::string> names;
    const auto values = flags.find("requestheader-allowed-names");
    if (values == flags.end()) return names;
    for (const auto& value : values->second) {
        if (value.empty()) continue;  // pflag: an empty value is an empty list, not an empty name
        auto record = read_csv_record(value);
        if (!record) record = {value};  // no process runs with it; shown as it stands
        names.insert(names.end(), record->begin(), record->end());
    }
    return names;
}

}  // namespace aggmedic::probes
